// Recording to a server that dies, hangs, has too much to do or loses its answers: each event is
// there once and in order, and what cannot be recorded fails with everything behind it.

import { describe, expect, it } from "vitest";
import { ReachClient, type SessionRecorder } from "../../src/client.ts";
import { drawing } from "../recorder/drawn-code.ts";
import { type Served, serve } from "../server/serving.ts";
import { Way } from "./broken-ways.ts";
import { eventsOn, typesOn } from "./recorded.ts";

describe("each event is there once, in order,", () => {
  const count = 120;

  async function countTo(session: SessionRecorder): Promise<number[]> {
    const seqs: Promise<number>[] = [];
    for (let n = 0; n < count; n++) {
      seqs.push(session.append({ type: "n", data: n }));
      if (n % 10 === 0) await session.effect("wait", n, () => n);
    }
    return Promise.all(seqs);
  }

  function expectCounted(served: Served, id: string, seqs: readonly number[]): void {
    const events = eventsOn(served, id);
    const counted = events.filter(({ type }) => type === "n");
    expect(counted.map(({ data }) => data)).toEqual(Array.from({ length: count }, (_, n) => n));
    expect(counted.map(({ seq }) => seq)).toEqual(seqs);
    const waited = events.filter(({ type }) => type === "wait");
    expect(waited).toHaveLength(2 * Math.ceil(count / 10));
  }

  it("over connections that break anywhere, in requests and in answers", async () => {
    const served = await serve({ config: { keepAliveTimeoutMs: 1 } });
    const way = await Way.to(served, { bytes: drawing(3), cut: 0.35 });
    let again = 0;
    const counting: typeof fetch = async (...asking) => {
      const answer = await fetch(...asking);
      if ((await answer.clone().text()).includes('"duplicate":true')) again += 1;
      return answer;
    };
    const session = new ReachClient({ url: way.url, fetch: counting }).recorder();
    const seqs = await countTo(session);
    await session.close();
    expect(way.cuts).toBeGreaterThan(8);
    // Some of what was sent again had been appended.
    expect(again).toBeGreaterThan(0);
    expectCounted(served, session.id, seqs);
  });

  it("while the server dies and starts again", async () => {
    const served = await serve();
    // The server comes back elsewhere: the way to it stays the same.
    const moving: typeof fetch = (input, init) => {
      return fetch(served.url + new URL(String(input)).pathname, init);
    };
    const session = new ReachClient({ url: "http://reach.test", fetch: moving }).recorder();
    let over = false;
    const killing = (async () => {
      for (let kills = 0; !over && kills < 6; kills++) {
        await new Promise((resolve) => setTimeout(resolve, 60));
        await served.restart(kills % 2 === 0 ? "crash" : "close");
      }
    })();
    const seqs = await countTo(session);
    over = true;
    await killing;
    await session.close();
    expectCounted(served, session.id, seqs);
  });

  it("while it has too much to do, or loses every other answer", async () => {
    const served = await serve();
    let asked = 0;
    const busy: typeof fetch = async (...asking) => {
      asked += 1;
      const headers = { "retry-after": "0" };
      if (asked % 5 === 1) return Response.json({}, { status: 503, headers });
      if (asked % 5 === 2) return Response.json({}, { status: 429, headers });
      const answer = await fetch(...asking);
      if (asked % 2 === 0) throw new TypeError("fetch failed", { cause: new Error("ECONNRESET") });
      return answer;
    };
    const session = new ReachClient({ url: served.url, fetch: busy }).recorder();
    const seqs = await countTo(session);
    await session.close();
    expectCounted(served, session.id, seqs);
  });

  it("also where a server hangs: it is asked again over another connection", async () => {
    const served = await serve();
    let asked = 0;
    const hanging: typeof fetch = (input, init) => {
      asked += 1;
      if (asked % 2 === 0) return fetch(input, init);
      return new Promise((_, reject) => {
        init?.signal?.addEventListener("abort", () => reject(init.signal?.reason));
      });
    };
    const client = new ReachClient({ url: served.url, fetch: hanging, silenceMs: 50 });
    const session = client.recorder();
    expect(await session.append({ type: "a", data: 1 })).toBe(0);
    expect(await session.append({ type: "b", data: 1 })).toBe(1);
    await session.close();
    expect(typesOn(served, session.id)).toEqual(["emit a", "emit b"]);
  });
});

describe("what cannot be recorded", () => {
  it("fails, and everything behind it, for one reason; no effect runs then", async () => {
    const served = await serve();
    let gone = false;
    const leaving: typeof fetch = async (...asking) => {
      if (gone) throw new TypeError("fetch failed", { cause: new Error("ECONNREFUSED") });
      return fetch(...asking);
    };
    const client = new ReachClient({ url: served.url, fetch: leaving });
    const session = client.recorder({ patienceMs: 300 });
    await session.append({ type: "there", data: 1 });
    gone = true;
    let ran = 0;
    const run = () => {
      ran += 1;
    };
    const large = "x".repeat(600_000);
    const failing = [
      session.append({ type: "lost", data: large }),
      session.append({ type: "behind", data: large }),
      session.effect("tool", {}, run),
    ];
    const errors = await Promise.all(failing.map((one) => one.catch((error: unknown) => error)));
    gone = false;
    errors.push(await session.append({ type: "later", data: 1 }).catch((error: unknown) => error));
    errors.push(await session.effect("tool", {}, run).catch((error: unknown) => error));
    errors.push(await session.close().catch((error: unknown) => error));
    const what = `event 1 of session ${session.id} could not be recorded, and nothing behind it is`;
    for (const error of errors) {
      expect(error).toMatchObject({ code: "UNAVAILABLE", where: `${session.id}@1` });
      expect((error as Error).message).toContain(`${what}: ${served.url} cannot be reached`);
    }
    expect(ran).toBe(0);
    expect(typesOn(served, session.id)).toEqual(["emit there"]);
  });

  it("fails with what the server says where trying again is no use", async () => {
    const served = await serve();
    const token = await served.token(["sessions:trigger"]);
    const session = new ReachClient({ url: served.url, token }).recorder();
    await session.append({ type: "begun", data: 1 });
    await expect(session.append({ type: "x", data: 1 })).rejects.toMatchObject({
      code: "FORBIDDEN",
      message: expect.stringMatching(/^event 1 of session .* could not be recorded/),
    });
    const reader = new ReachClient({ url: served.url, token: await served.token(["admin"]) });
    const taken = reader.recorder({ id: session.id });
    await expect(taken.append({ type: "x", data: 1 })).rejects.toMatchObject({
      code: "ALREADY_EXISTS",
    });
    await reader.session(session.id);
    expect(typesOn(served, session.id)).toEqual(["emit begun"]);
  });

  it("is refused alone where it is too large, before and behind an effect", async () => {
    const served = await serve();
    const session = new ReachClient({ url: served.url }).recorder();
    const fits = "x".repeat(8 * 1024 * 1024 - 4096 - 40);
    const large = "x".repeat(9 * 1024 * 1024);
    const refused = {
      code: "EVENT_TOO_LARGE",
      message: "an event of 9.0 MiB cannot be sent to a server",
    };
    expect(await session.append({ type: "fits", data: fits })).toBe(0);
    await expect(session.append({ type: "large", data: large })).rejects.toMatchObject(refused);
    let ran = 0;
    const counting = (): string => {
      ran += 1;
      return large;
    };
    await expect(session.effect("model", large, counting)).rejects.toMatchObject(refused);
    expect(ran).toBe(0);
    const lost = await session.effect("model", {}, counting).catch((error: unknown) => error);
    expect(lost).toMatchObject({ name: "ReachError", code: "EVENT_TOO_LARGE" });
    expect((lost as Error).message).toMatch(/^the effect "model" has run and its result is lost/);
    const thrown = session.effect("model", {}, () => {
      throw Object.assign(new Error("no"), { data: large });
    });
    await expect(thrown).rejects.toMatchObject({ code: "EVENT_TOO_LARGE" });
    const noted = session.effect("model", {}, ({ note }) => note("piece", large));
    await expect(noted).rejects.toMatchObject({ ...refused, name: "ReachError" });
    expect(await session.append({ type: "small", data: 1 })).toBe(7);
    await session.close();
    expect(eventsOn(served, session.id)).toHaveLength(8);
  });

  it("is refused while too much waits, and taken again when it does not", async () => {
    const served = await serve();
    let open: () => void = () => {};
    let gate = Promise.resolve();
    const waiting: typeof fetch = async (...asking) => {
      await gate;
      return fetch(...asking);
    };
    const session = new ReachClient({ url: served.url, fetch: waiting }).recorder();
    let finish: ((result: string) => void) | undefined;
    const effect = session.effect("tool", {}, ({ note }) => {
      return new Promise<string>((resolve) => {
        finish = (result) => {
          expect(() => note("piece", data)).toThrow("60 MiB wait to be sent");
          resolve(result);
        };
      });
    });
    await expect.poll(() => finish).toBeDefined();
    gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const data = "x".repeat(6 * 1024 * 1024);
    const appended = Array.from({ length: 10 }, () => session.append({ type: "six", data }));
    const refused = session.append({ type: "refused", data });
    await expect(refused).rejects.toMatchObject({
      code: "OVERLOADED",
      message: "60 MiB wait to be sent",
    });
    // What an effect came to is taken all the same: no call stays without its result.
    finish?.(data);
    open();
    expect(await Promise.all(appended)).toEqual(appended.map((_, n) => n + 1));
    expect(await effect).toBe(data);
    expect(await session.append({ type: "again", data })).toBe(12);
    await session.close();
    expect(eventsOn(served, session.id)).toHaveLength(13);
  });
});
