// Appends and beginnings over HTTP: durable when answered, exactly once for whoever asks for that.

import { gzipSync } from "node:zlib";
import { encode } from "cbor-x";
import { describe, expect, it } from "vitest";
import { ReachError } from "../../src/base/index.ts";
import { ReachClient } from "../../src/client/index.ts";
import { type Disk, nodeDisk } from "../../src/disk/index.ts";
import { MemoryEngine } from "./memory-engine.ts";
import { type Served, serve } from "./serving.ts";

async function begin(served: Served, events: object[] = [{ type: "first" }]): Promise<string> {
  const answer = await served.post("/v1/sessions", { name: "test", events });
  expect(answer.status).toBe(201);
  const { id } = (await answer.json()) as { id: string };
  expect(answer.headers.get("location")).toBe(`/v1/sessions/${id}`);
  return id;
}

async function eventsOf(served: Served, id: string): Promise<Record<string, unknown>[]> {
  const answer = await served.get(`/v1/sessions/${id}/events`);
  return ((await answer.json()) as { events: Record<string, unknown>[] }).events;
}

describe("a recorded session over HTTP", () => {
  it("is begun, appended to, and read", async () => {
    const served = await serve();
    const id = await begin(served, [
      { type: "start", kind: "trigger", data: { a: [1, "ä", null] }, time: 5 },
    ]);
    const one = await served.post(`/v1/sessions/${id}/events`, { type: "x", data: 1, ref: 0 });
    expect(one.status).toBe(201);
    expect(await one.json()).toEqual({ firstSeq: 1, count: 1, size: 2, duplicate: false });
    const many = Array.from({ length: 130 }, (_, i) => ({ type: "y", data: "z".repeat(i * 100) }));
    const answer = await served.post(`/v1/sessions/${id}/events`, many);
    expect(await answer.json()).toEqual({ firstSeq: 2, count: 130, size: 132, duplicate: false });
    const events = await eventsOf(served, id);
    expect(events.length).toBe(132);
    expect(events[0]).toMatchObject({ kind: "trigger", time: 5, data: { a: [1, "ä", null] } });
    expect(events[1]).toMatchObject({ kind: "emit", type: "x", data: 1, ref: 0 });
    const session = await (await served.get(`/v1/sessions/${id}`)).json();
    expect(session).toMatchObject({ status: "recorded", size: 132, name: "test", signed: null });
  });

  it("takes CBOR, with what JSON cannot say", async () => {
    const served = await serve();
    const id = await begin(served);
    const answer = await served.get(`/v1/sessions/${id}/events`, {
      method: "POST",
      headers: { "content-type": "application/cbor" },
      body: new Uint8Array(encode({ type: "x", data: Buffer.from([1, 2]) })),
    });
    expect(answer.status).toBe(201);
    expect((await eventsOf(served, id))[1]).toMatchObject({ data: { $bytes: "AQI=" } });
  });

  it("refuses numbers that JSON would change, by their path, and takes them as CBOR", async () => {
    const engines: MemoryEngine[] = [];
    const served = await serve({
      engine: (directory) => {
        const engine = new MemoryEngine(directory);
        engines.push(engine);
        return engine;
      },
    });
    const id = await begin(served);
    const sent = async (path: string, body: string): Promise<unknown> => {
      const headers = { "content-type": "application/json" };
      const answer = await served.get(path, { method: "POST", headers, body });
      return { status: answer.status, ...((await answer.json()) as object) };
    };
    const refused = (path: string): unknown => {
      const detail = `the number at ${path} of the body would be changed`;
      const code = "REQUEST_INVALID";
      return expect.objectContaining({ status: 400, code, detail, hint: expect.any(String) });
    };
    const input = `{"id":12345678901234567890,"x":1}`;
    const trigger = `{"program":"echo","input":${input}}`;
    expect(await sent("/v1/sessions", trigger)).toEqual(refused("$.input.id"));
    expect(engines[0]?.started).toEqual([]);
    const events = `/v1/sessions/${id}/events`;
    expect(await sent(events, `[{"type":"x"},{"type":"y","data":[0,-1e400]}]`)).toEqual(
      refused("$[1].data[1]"),
    );
    const overrides = `{"at":1,"overrides":[{"seq":0,"value":9007199254740993}]}`;
    expect(await sent(`/v1/sessions/${id}/fork`, overrides)).toEqual(
      refused("$.overrides[0].value"),
    );
    const fine = "[0.1,3.141592653589793238,1e300,9007199254740992]";
    const kept = `{"id":"12345678901234567890","x":${fine}}`;
    expect(await sent(events, `{"type":"x","data":${kept}}`)).toMatchObject({ status: 201 });
    const client = new ReachClient({ url: served.url });
    await client.append(id, [{ type: "y", data: 12345678901234567890n }]);
    const [, first, second] = await eventsOf(served, id);
    expect(first?.data).toEqual(JSON.parse(kept));
    expect(second?.data).toEqual({ $bigint: "12345678901234567890" });
  });

  it("refuses an append that expects another seq, and one with an event that is none", async () => {
    const served = await serve();
    const id = await begin(served);
    const path = `/v1/sessions/${id}/events`;
    const late = await served.post(`${path}?expected=0`, { type: "x" });
    expect(late.status).toBe(409);
    expect(await late.json()).toMatchObject({ code: "CONFLICT", where: `${id}@1` });
    expect((await served.post(`${path}?expected=1`, { type: "x" })).status).toBe(201);
    const bad = await served.post(path, [{ type: "ok" }, { type: "refers", ref: 77 }]);
    expect(bad.status).toBe(422);
    expect(await bad.json()).toMatchObject({ code: "EVENT_INVALID" });
    expect((await served.post(path, { type: "x", unknown: 1 })).status).toBe(422);
    expect((await served.post(path, { type: "x".repeat(257) })).status).toBe(422);
    expect((await served.post(path, { type: "ä".repeat(200) })).status).toBe(422);
    expect((await served.post(path, [])).status).toBe(422);
    expect((await eventsOf(served, id)).length).toBe(2);
  });

  it("refuses a body that is encoded, instead of taking the code for the body", async () => {
    const served = await serve();
    const stream = "/v1/stream/s";
    await served.get(stream, { method: "PUT", headers: { "content-type": "text/plain" } });
    const gzip = { "content-encoding": "gzip" };
    for (const [path, type, body] of [
      ["/v1/sessions", "application/json", '{"events":[{"type":"a"}]}'],
      [stream, "text/plain", "message"],
    ] as const) {
      const send = (
        headers: Record<string, string>,
        sent: string | Uint8Array<ArrayBuffer>,
      ): Promise<Response> => {
        const all = { "content-type": type, ...headers };
        return served.get(path, { method: "POST", headers: all, body: sent });
      };
      const encoded = await send(gzip, gzipSync(body));
      expect(encoded.status, path).toBe(415);
      expect(encoded.headers.get("accept-encoding")).toBe("identity");
      expect(await encoded.json()).toMatchObject({ code: "MEDIA_TYPE_UNSUPPORTED" });
      expect((await send({ "content-encoding": "identity" }, body)).ok, path).toBe(true);
    }
    expect(await (await served.get(stream)).text()).toBe("message");
  });

  it("keeps the order of concurrent appends that expect one another", async () => {
    const served = await serve();
    const id = await begin(served);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () =>
        served.post(`/v1/sessions/${id}/events?expected=1`, { type: "x" }),
      ),
    );
    expect(answers.filter(({ status }) => status === 201).length).toBe(1);
    expect(answers.filter(({ status }) => status === 409).length).toBe(19);
  });
});

describe("a producer", () => {
  const by = (epoch: number, sequence: number, id = "worker-1"): Record<string, string> => ({
    "producer-id": id,
    "producer-epoch": String(epoch),
    "producer-seq": String(sequence),
  });

  it("appends each of its batches once, however often it sends them", async () => {
    const served = await serve();
    const id = await begin(served);
    const path = `/v1/sessions/${id}/events`;
    const batch = [{ type: "a" }, { type: "b" }];
    expect((await served.post(path, batch, by(0, 0))).status).toBe(201);
    const again = await served.post(path, batch, by(0, 0));
    expect(again.status).toBe(200);
    expect(await again.json()).toEqual({ firstSeq: 1, count: 2, size: 3, duplicate: true });
    // The second one is sent many times at once.
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => served.post(path, [{ type: "c" }], by(0, 1))),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array(9).fill(200), 201]);
    const gap = await served.post(path, batch, by(0, 3));
    expect(gap.status).toBe(409);
    expect(await gap.json()).toMatchObject({
      code: "CONFLICT",
      hint: expect.stringContaining("2"),
    });
    expect((await served.post(path, batch, by(1, 0))).status).toBe(201);
    const stale = await served.post(path, batch, by(0, 2));
    expect(stale.status).toBe(409);
    expect(await stale.json()).toMatchObject({ code: "FENCED" });
    expect((await served.post(path, batch, { "producer-id": "x" })).status).toBe(400);
    expect((await eventsOf(served, id)).map(({ type }) => type).join("")).toBe("firstabcab");
  });

  it("is known after a restart", async () => {
    const served = await serve();
    const id = await begin(served);
    const path = `/v1/sessions/${id}/events`;
    await served.post(path, [{ type: "a" }], by(3, 0));
    await served.post(path, [{ type: "b" }], by(3, 1));
    await served.restart();
    const again = await served.post(path, [{ type: "b" }], by(3, 1));
    expect(await again.json()).toMatchObject({ duplicate: true, firstSeq: 2 });
    expect((await served.post(path, [{ type: "c" }], by(3, 2))).status).toBe(201);
  });
});

describe("an Idempotency-Key", () => {
  const ascii = { "idempotency-key": "order-4711" };

  it("begins one session, however often it is sent, also after a restart", async () => {
    const served = await serve();
    const body = { events: [{ type: "x", data: { n: 1 } }] };
    const ids = new Set<string>();
    const send = async (): Promise<Response> => {
      const answer = await served.post("/v1/sessions", body, ascii);
      expect(answer.status).toBe(201);
      ids.add(((await answer.clone().json()) as { id: string }).id);
      return answer;
    };
    const answers = await Promise.all([send(), send(), send()]);
    const replayed = answers.map(({ headers }) => headers.get("idempotent-replayed"));
    expect(replayed.filter((header) => header === null).length).toBe(1);
    await served.restart();
    await send();
    await served.restart("crash");
    await send();
    expect(ids.size).toBe(1);
    const other = await served.post("/v1/sessions", { events: [{ type: "y" }] }, ascii);
    expect(other.status).toBe(422);
    expect(await other.json()).toMatchObject({ code: "IDEMPOTENCY_KEY_REUSED" });
    const renamed = await served.post("/v1/sessions", { ...body, name: "another" }, ascii);
    expect(renamed.status).toBe(422);
    const fresh = await served.post("/v1/sessions", body, { "idempotency-key": "another" });
    expect(ids.has(((await fresh.json()) as { id: string }).id)).toBe(false);
  });

  it("belongs to all events of a request, not to the first one", async () => {
    const served = await serve();
    const event = (type: string, more: object = {}): object => ({
      type,
      data: { of: type },
      ...more,
    });
    const send = async (events: readonly object[]): Promise<[number, string | null]> => {
      const answer = await served.post("/v1/sessions", { events }, ascii);
      return [answer.status, answer.headers.get("idempotent-replayed")];
    };
    const sent = [event("a"), event("b", { ref: 0 }), event("c", { time: 5 })];
    expect(await send(sent)).toEqual([201, null]);
    const session = await served.get("/v1/sessions?limit=1");
    const { sessions } = (await session.json()) as { sessions: { id: string }[] };
    const id = String(sessions[0]?.id);
    await served.post(`/v1/sessions/${id}/events`, event("later"));
    for (const restart of [false, true]) {
      if (restart) await served.restart();
      expect(await send(sent)).toEqual([201, "true"]);
      const [a, b, c] = sent as [object, object, object];
      for (const other of [
        [a, event("b", { ref: null }), c],
        [a, event("b", { ref: 0, data: "other" }), c],
        [a, event("b", { ref: 0, kind: "note" }), c],
        [a, b, event("c", { time: 6 })],
        [a, b],
        [a, b, c, event("d")],
      ]) {
        expect(await send(other), JSON.stringify(other)).toEqual([422, null]);
      }
    }
    expect((await eventsOf(served, id)).map(({ type }) => type).join(" ")).toBe("a b c later");
  });

  it("belongs to a request of many events and megabytes, too", async () => {
    const served = await serve();
    const events = Array.from({ length: 200 }, (_, i) => ({
      type: "x",
      data: "y".repeat(i * 100),
    }));
    const first = await served.post("/v1/sessions", { events }, ascii);
    const second = await served.post("/v1/sessions", { events }, ascii);
    expect([first.status, second.status]).toEqual([201, 201]);
    const last = [...events.slice(0, -1), { type: "x", data: "z" }];
    expect((await served.post("/v1/sessions", { events: last }, ascii)).status).toBe(422);
  });

  it("is free again when what it should begin was refused", async () => {
    const served = await serve();
    const bad = { events: [{ type: "x", ref: 5 }] };
    expect((await served.post("/v1/sessions", bad, ascii)).status).toBe(422);
    const good = { events: [{ type: "x" }] };
    const answer = await served.post("/v1/sessions", good, ascii);
    expect(answer.status).toBe(201);
    expect(answer.headers.get("idempotent-replayed")).toBeNull();
  });
});

describe("the list of sessions", () => {
  it("has the newest first, page by page, and those that a filter lets pass", async () => {
    const served = await serve();
    const ids: string[] = [];
    for (let i = 0; i < 7; i++) ids.unshift(await begin(served));
    const found: string[] = [];
    let url: string | undefined = "/v1/sessions?limit=3";
    while (url) {
      const answer = await served.get(url);
      const page = (await answer.json()) as { sessions: { id: string }[] };
      found.push(...page.sessions.map(({ id }) => id));
      url = /^<([^>]+)>; rel="next"$/.exec(answer.headers.get("link") ?? "")?.[1];
    }
    expect(found).toEqual(ids);
    const withPrefix = async (query: string): Promise<string[]> => {
      const answer = await served.get(`/v1/sessions?prefix=${query}`);
      const page = (await answer.json()) as { sessions: { id: string }[] };
      return page.sessions.map(({ id }) => id);
    };
    const [, , third = ""] = ids;
    for (const length of [1, 13, 14, 36]) {
      const prefix = third.slice(0, length);
      const like = ids.filter((id) => id.startsWith(prefix));
      expect(await withPrefix(prefix)).toEqual(like);
      const below = like.filter((id) => id < third);
      expect(await withPrefix(`${prefix}&cursor=${third}`)).toEqual(below);
      expect(await withPrefix(`${prefix}&cursor=${"f".repeat(8)}${third.slice(8)}`)).toEqual(like);
    }
    expect(await withPrefix("ffff")).toEqual([]);
    expect((await served.get("/v1/sessions?prefix=G")).status).toBe(400);
    const none = await served.get("/v1/sessions?status=running");
    expect(await none.json()).toEqual({ sessions: [], cursor: null });
    const later = await served.get(`/v1/sessions?since=${Date.now() + 60_000}`);
    expect(await later.json()).toMatchObject({ sessions: [] });
  });

  it("calls no session damaged that the disk does not take to its place", async () => {
    let refuses = false;
    const disk: Disk = {
      ...nodeDisk,
      open(path, mode) {
        if (!refuses || mode === "read" || !path.endsWith("/events.log")) {
          return nodeDisk.open(path, mode);
        }
        throw new ReachError("IO_FAILED", "read-only file system");
      },
    };
    const served = await serve({ disk });
    refuses = true;
    await begin(served);
    const answer = await served.get("/v1/sessions");
    expect([answer.status, await answer.json()]).toMatchObject([500, { code: "IO_FAILED" }]);
    refuses = false;
    const later = await (await served.get("/v1/sessions")).json();
    expect(later).toMatchObject({ sessions: [{ status: "recorded", size: 1 }] });
  });

  it("leaves the thread to others while it is made", async () => {
    let engine: MemoryEngine | undefined;
    const served = await serve({
      engine: (directory) => {
        engine = new MemoryEngine(directory);
        return engine;
      },
    });
    for (let i = 0; i < 20; i++) await served.post("/v1/sessions", { program: "echo" });
    // Others are counted at each session, which takes its time.
    let turns = 0;
    const seen: number[] = [];
    const status = engine?.status.bind(engine);
    Object.assign(engine as object, {
      status: (id: string) => {
        for (const end = performance.now() + 2; performance.now() < end; );
        seen.push(turns);
        return status?.(id);
      },
    });
    const count = setInterval(() => {
      turns += 1;
    }, 0);
    const list = (await (await served.get("/v1/sessions?status=waiting")).json()) as object;
    clearInterval(count);
    expect(list).toMatchObject({ sessions: { length: 20 } });
    expect((seen.at(-1) ?? 0) - (seen[0] ?? 0)).toBeGreaterThan(2);
  });
});
