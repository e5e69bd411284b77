// Recording to a server: the log is the one that a recording into a data directory has, whatever
// the code does.

import { describe, expect, it } from "vitest";
import { encodeValue } from "../../src/base/index.ts";
import {
  EffectFailure,
  type EventInput,
  ReachClient,
  type RecordedCall,
  type SessionRecorder,
} from "../../src/client.ts";
import { drawing, drawnParts, runParts } from "../recorder/drawn-code.ts";
import { serve } from "../server/serving.ts";
import { Way } from "./broken-ways.ts";
import { eventsOn, type Logged, locally, remotely, typesOn } from "./recorded.ts";

/** Every way in which an agent uses its session, one thing behind the other or in one turn. */
async function agent(session: SessionRecorder): Promise<unknown> {
  const seen: unknown[] = [];
  const caught = async (doing: Promise<unknown>): Promise<void> => {
    const error = await doing.catch((thrown: unknown) => thrown);
    const { name, message, code, data, status } = error as EffectFailure;
    seen.push({ name, message, code, data, status, failed: error instanceof EffectFailure });
  };
  seen.push(await session.append({ type: "goal", data: { question: "why", none: undefined } }));
  seen.push(await session.append({ type: "nothing", data: undefined }));
  const bytes = new Uint8Array([1, 2, 255]);
  const odd = { bytes, big: 2n ** 70n, nan: Number.NaN, minus: -0, "1": "one", "\ud800": "\ud800" };
  seen.push(await session.append({ type: "odd", kind: "input", data: odd }));
  seen.push(await session.append({ type: "answer", ref: 0, data: [] }));
  seen.push(await session.effect("model", { n: 1 }, () => odd));
  seen.push(
    ...(await Promise.all([
      session.effect("one", 1, () => "1"),
      session.effect("two", 2, async () => "2"),
      session.append({ type: "beside", data: null }),
    ])),
  );
  const noting = session.effect("notes", {}, ({ note }) => {
    for (let n = 0; n < 5; n++) note("piece", n);
    return "noted";
  });
  seen.push(await noting);
  await caught(
    session.effect("fails", {}, () => {
      throw Object.assign(new TypeError("no"), { code: "E_NO", status: 418, data: { x: 1 } });
    }),
  );
  await caught(session.effect("lost", {}, () => new Map()));
  await caught(session.effect("bad note", {}, ({ note }) => note("x", new Date(0))));
  await caught(session.effect("refused", { when: new Date(0) }, () => 1));
  await caught(session.append({ type: "x".repeat(300), data: null }));
  await caught(session.append({ type: "x", kind: "say", data: 1 } as unknown as EventInput));
  await caught(session.append({ type: "x", ref: 1000, data: 1 }));
  await caught(session.effect("none", {}, undefined as unknown as () => 1));
  const large = "x".repeat(2_000_000);
  seen.push(
    ...(await Promise.all([
      session.append({ type: "large", data: large }),
      session.append({ type: "middle", data: large.slice(0, 10_000) }),
      session.append({ type: "small", data: 1 }),
    ])),
  );
  let deep: unknown = 1;
  for (let i = 0; i < 512; i++) deep = [deep];
  seen.push(await session.append({ type: "deep", data: deep }));
  await caught(session.append({ type: "deeper", data: [deep] }));
  return seen;
}

describe("a recording on a server", () => {
  it("is the one that the same code leaves in a data directory, to the byte", async () => {
    const served = await serve();
    const here = await locally(agent);
    const there = await remotely(served, agent);
    expect(there.outcome).toStrictEqual(here.outcome);
    expect(there.events).toStrictEqual(here.events);
    const { name, signed, size } = await new ReachClient({ url: served.url }).session(there.id);
    expect([name, signed, size]).toEqual(["agent", here.events.length, here.events.length]);
  });

  it("has the call before the effect runs, and the result before it settles", async () => {
    const served = await serve();
    const session = new ReachClient({ url: served.url }).recorder();
    const during = await session.effect("tool", {}, () => typesOn(served, session.id));
    expect(during).toEqual(["call tool"]);
    expect(typesOn(served, session.id)).toEqual(["call tool", "result tool"]);
    await session.close();
  });

  it("joins what waits into few requests, in the order of the calls", async () => {
    const served = await serve();
    let requests = 0;
    const counting: typeof fetch = (...asking) => {
      requests += 1;
      return fetch(...asking);
    };
    const session = new ReachClient({ url: served.url, fetch: counting }).recorder();
    const appending = Array.from({ length: 2500 }, (_, n) =>
      session.append({ type: "n", data: n }),
    );
    expect(await Promise.all(appending)).toEqual(appending.map((_, n) => n));
    expect(requests).toBe(3);
    await session.close();
    expect(eventsOn(served, session.id).map(({ data }) => data)).toEqual(
      appending.map((_, n) => n),
    );
  });

  it("that nothing was appended to has never been", async () => {
    const served = await serve();
    const client = new ReachClient({ url: served.url });
    const session = client.recorder();
    await session.close();
    await expect(client.session(session.id)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("takes nothing more when it is closed, and is signed once", async () => {
    const served = await serve();
    const session = new ReachClient({ url: served.url }).recorder();
    let late: () => void = () => {};
    const slow = session.effect(
      "slow",
      {},
      () =>
        new Promise<void>((resolve) => {
          late = resolve;
        }),
    );
    const call = await new Promise<RecordedCall>((resolve) => {
      void session.effect("noting", {}, resolve);
    });
    await session.append({ type: "x", data: 1 });
    await Promise.all([session.close(), session.close()]);
    late();
    call.note("late", null);
    const closed = { code: "CLOSED", message: `the recording of session ${session.id} is closed` };
    await expect(slow).rejects.toMatchObject(closed);
    await expect(session.append({ type: "x", data: 1 })).rejects.toMatchObject(closed);
    expect(typesOn(served, session.id)).toEqual([
      "call slow",
      "call noting",
      "emit x",
      "result noting",
    ]);
  });

  it("says at once what makes no sense", async () => {
    const client = new ReachClient({ url: "http://127.0.0.1:1" });
    const usage = expect.objectContaining({ code: "USAGE" });
    expect(() => client.recorder({ id: "../x" })).toThrow(usage);
    expect(() => client.recorder({ name: "x".repeat(257) })).toThrow(usage);
    expect(() => client.recorder({ patienceMs: Number.NaN })).toThrow(usage);
    await expect(client.resume("x")).rejects.toMatchObject({ code: "USAGE" });
  });
});

describe("random code", () => {
  const seeds = Array.from({ length: 24 }, (_, n) => n + 1);

  /** Each branch by itself, in its order; calls by what was asked, for seqs may differ. */
  function branchesOf(events: readonly Logged[]): Record<string, string[]> {
    const branches: Record<string, string[]> = {};
    for (const { kind, type, ref, data } of events) {
      const asked = ref === null ? undefined : events[ref]?.data;
      const said = JSON.stringify([kind, type, asked, data]);
      const place = /part[\d./]*/.exec(said)?.[0].replace(/\.\d+$/, "") ?? "";
      branches[place] = [...(branches[place] ?? []), said];
    }
    return branches;
  }

  it("leaves the same log, and the same again over ways that break", async () => {
    const served = await serve({ config: { keepAliveTimeoutMs: 1 } });
    const way = await Way.to(served, { bytes: drawing(7), cut: 0.4 });
    const brittle = new ReachClient({ url: way.url });
    for (const seed of seeds) {
      const parts = drawnParts(drawing(seed)).map((part) =>
        part.does === "race" ? { ...part, does: "all" as const } : part,
      );
      const code = (session: SessionRecorder) => runParts(session, parts, "part");
      const here = branchesOf((await locally(code)).events);
      expect(branchesOf((await remotely(served, code)).events), `seed ${seed}`).toEqual(here);
      const { events } = await remotely(served, code, brittle);
      expect(branchesOf(events), `seed ${seed}, brittle`).toEqual(here);
    }
    expect(way.cuts).toBeGreaterThan(20);
  });
});

it("others append to the session meanwhile, and its own events keep their seqs", async () => {
  const served = await serve();
  const client = new ReachClient({ url: served.url });
  const session = client.recorder();
  expect(await session.append({ type: "a", data: 1 })).toBe(0);
  await client.append(session.id, [{ type: "of others" }]);
  // Whoever tails the session has seen it, and may refer to it.
  expect(await session.append({ type: "b", ref: 1, data: 1 })).toBe(2);
  const wrong = { type: "c", ref: 3, data: 1 };
  const appending = [
    session.append({ type: "c", data: 1 }),
    session.append({ ...wrong, ref: 9 }).catch(({ code, message }) => [code, message]),
    session.append({ ...wrong, ref: 2 ** 53 }).catch(({ code }) => code),
    session.append({ type: "d", data: 1 }),
  ];
  expect(await Promise.all(appending)).toEqual([
    3,
    ["EVENT_INVALID", "event 4 refers to 9, which is not before it"],
    "EVENT_INVALID",
    4,
  ]);
  expect(await session.effect("tool", {}, () => 7)).toBe(7);
  expect(eventsOn(served, session.id).at(-1)).toMatchObject({ kind: "result", ref: 5 });
  await session.close();
});

it("what is appended is what it was at that moment", async () => {
  const served = await serve();
  const session = new ReachClient({ url: served.url }).recorder();
  const data = { n: 1 };
  const appending = session.append({ type: "n", data });
  data.n = 2;
  await appending;
  expect(eventsOn(served, session.id)[0]?.bytes).toBe(
    Buffer.from(encodeValue({ n: 1 })).toString("hex"),
  );
  await session.close();
});
