// The client against a server: the same events as on its disk, over connections that break.

import * as net from "node:net";
import { inspect } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import { codeOf, fromHex, toHex } from "../../src/base/index.ts";
import { ReachClient, type TailOptions } from "../../src/client.ts";
import { leafHashOf, verifyInclusion } from "../../src/merkle/index.ts";
import { type Served, serve } from "../server/serving.ts";
import { writeSample } from "../session/sample-session.ts";

async function recorded(served: Served, count: number): Promise<string> {
  const client = new ReachClient({ url: served.url });
  const events = Array.from({ length: count }, (_, n) => ({ type: "n", data: { n } }));
  const { id } = await client.record(events.slice(0, 1000), { name: "counted" });
  for (let at = 1000; at < count; at += 1000) await client.append(id, events.slice(at, at + 1000));
  return id;
}

/** A way to a server that breaks every connection after some bytes of its answer. */
async function brittle(port: number, bytes: () => number): Promise<{ url: string; cuts: number }> {
  const way = { url: "", cuts: 0 };
  const open = new Set<net.Socket>();
  const proxy = net.createServer((client) => {
    const server = net.connect(port, "127.0.0.1");
    let left = bytes();
    for (const socket of [client, server]) {
      open.add(socket);
      socket.on("error", () => {}).on("close", () => open.delete(socket));
    }
    client.pipe(server);
    client.on("close", () => server.destroy());
    server.on("data", (data) => {
      client.write(data.subarray(0, left));
      left -= data.length;
      if (left > 0) return;
      way.cuts += 1;
      client.destroy();
      server.destroy();
    });
    server.on("close", () => client.end());
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => proxy.close(resolve));
  });
  way.url = `http://127.0.0.1:${(proxy.address() as net.AddressInfo).port}`;
  return way;
}

/** The answer as it arrives over a connection that breaks after its first bytes. */
function brokenOff(answer: Response): Response {
  const body = new ReadableStream<Uint8Array>({
    async start(stream) {
      const bytes = new Uint8Array(await answer.arrayBuffer());
      stream.enqueue(bytes.subarray(0, 10));
      stream.error(new TypeError("terminated", { cause: new Error("other side closed") }));
    },
  });
  return new Response(body, answer);
}

/** A body of which nothing comes until it is called off. */
function hang(stream: ReadableStreamDefaultController, signal: AbortSignal | null | undefined) {
  signal?.addEventListener("abort", () => stream.error(signal.reason));
}

async function tailed(client: ReachClient, id: string, count: number, options: TailOptions = {}) {
  const seqs: number[] = [];
  for await (const { seq } of client.tail(id, options)) {
    seqs.push(seq);
    if (seqs.length === count) break;
  }
  return seqs;
}

describe("the client", () => {
  it("reads the stored bytes of every event, with payloads that have their names", async () => {
    const served = await serve();
    const id = await writeSample(served.directory, 60);
    const client = new ReachClient({ url: served.url });
    const session = served.directory.session(id);
    const here = [...session.events()].map((one) => [toHex(one.bytes), toHex(one.payloadBytes)]);
    const there: string[][] = [];
    for await (const one of client.stored(id, { payloads: true })) {
      there.push([toHex(one.bytes), toHex(one.payloadBytes)]);
    }
    session.close();
    expect(there).toEqual(here);
    const some: number[] = [];
    for await (const { seq } of client.stored(id, { from: 7, to: 20, limit: 5 })) some.push(seq);
    expect(some).toEqual([7, 8, 9, 10, 11]);
  });

  it("refuses a range that is none, instead of reading nothing", async () => {
    const client = new ReachClient({ url: "http://127.0.0.1:1" });
    for (const options of [
      { from: Number.NaN },
      { from: -1 },
      { to: 1.5 },
      { limit: Number.NaN },
    ]) {
      const reading = client.stored("0199c1f2-0000-7000-8000-00000000002a", options).next();
      await expect(reading, JSON.stringify(options)).rejects.toMatchObject({ code: "USAGE" });
    }
  });

  it("pages through thousands of events, as JSON and as bytes", async () => {
    const served = await serve();
    const id = await recorded(served, 2500);
    const client = new ReachClient({ url: served.url });
    const numbers: unknown[] = [];
    for await (const { data } of client.events(id)) numbers.push((data as { n: number }).n);
    expect(numbers).toEqual(Array.from({ length: 2500 }, (_, n) => n));
    let stored = 0;
    for await (const event of client.stored(id)) expect(event.seq).toBe(stored++);
    expect(stored).toBe(2500);
  });

  it("stops at the number of events or sessions that are wanted", async () => {
    const served = await serve();
    const client = new ReachClient({ url: served.url });
    const id = await recorded(served, 1203);
    for (let n = 0; n < 3; n++) await client.record([{ type: "n", data: n }]);
    const seqs = async (limit?: number, type?: string): Promise<number[]> => {
      const found: number[] = [];
      const options = { ...(limit !== undefined && { limit }), ...(type && { type }), after: 1 };
      for await (const { seq } of client.events(id, options)) found.push(seq);
      return found;
    };
    expect(await seqs(3)).toEqual([2, 3, 4]);
    expect(await seqs(3, "n*")).toEqual([2, 3, 4]);
    expect(await seqs(0)).toEqual([]);
    expect((await seqs(1001)).length).toBe(1001);
    expect((await seqs()).length).toBe(1201);
    const ids = async (limit?: number): Promise<number> => {
      let found = 0;
      for await (const _ of client.sessions(limit === undefined ? {} : { limit })) found += 1;
      return found;
    };
    expect([await ids(0), await ids(2), await ids(4), await ids(9), await ids()]).toEqual([
      0, 2, 4, 4, 4,
    ]);
    for (const limit of [-1, 1.5, Number.NaN]) {
      await expect(seqs(limit), `${limit}`).rejects.toMatchObject({ code: "USAGE" });
    }
  });

  it("has proofs that hold against a signed checkpoint", async () => {
    const served = await serve();
    const client = new ReachClient({ url: served.url });
    const id = await recorded(served, 40);
    // Nothing is signed yet; asked for a proof, the server signs.
    const { size, root, proof, leafHash } = await client.inclusion(id, { seq: 7 });
    expect(size).toBe(40);
    expect(await client.checkpoint(id)).toContain("\n40\n");
    for await (const { bytes } of client.stored(id, { from: 7, limit: 1 })) {
      expect(toHex(leafHashOf(bytes))).toBe(leafHash);
    }
    const bytes = (text: string): Uint8Array => fromHex(text) as Uint8Array;
    const claim = { size, root: bytes(root), leafHash: bytes(leafHash), proof: proof.map(bytes) };
    expect(verifyInclusion({ ...claim, index: 7 }).ok).toBe(true);
    expect(verifyInclusion({ ...claim, index: 8 }).ok).toBe(false);
    expect((await client.inclusion(id, { seq: 7, size: 20 })).size).toBe(20);
    await expect(client.inclusion(id, { seq: 20, size: 20 })).rejects.toMatchObject({
      code: "REQUEST_INVALID",
    });
  });

  it("tails without a gap or a duplicate over connections that keep breaking", async () => {
    const served = await serve();
    const id = await recorded(served, 400);
    let size = 3000;
    const way = await brittle(served.port, () => {
      size += 997;
      return size;
    });
    const tailing = tailed(new ReachClient({ url: way.url }), id, 600);
    const writer = new ReachClient({ url: served.url });
    for (let i = 0; i < 200; i++) await writer.append(id, [{ type: "live", data: i }]);
    expect(await tailing).toEqual(Array.from({ length: 600 }, (_, n) => n));
    expect(way.cuts).toBeGreaterThan(2);
  });

  it("goes on tailing when the server is started again", async () => {
    const served = await serve();
    const id = await recorded(served, 10);
    let restarted = false;
    // The server comes back elsewhere: the way to it stays the same.
    const moving: typeof fetch = (input, init) => {
      const { pathname, search } = new URL(String(input));
      return fetch(served.url + pathname + search, init);
    };
    const client = new ReachClient({ url: "http://reach.test", fetch: moving });
    const seqs: number[] = [];
    for await (const { seq } of client.tail(id)) {
      seqs.push(seq);
      if (seq === 9 && !restarted) {
        restarted = true;
        await served.restart("close");
        await client.append(id, [{ type: "after" }]);
      }
      if (seq === 10) break;
    }
    expect(seqs).toEqual(Array.from({ length: 11 }, (_, n) => n));
  });

  it("does not begin to tail for somebody who has called it off", async () => {
    const served = await serve();
    const id = await recorded(served, 3);
    let asked = 0;
    const counted: typeof fetch = (...request) => {
      asked += 1;
      return fetch(...request);
    };
    const client = new ReachClient({ url: served.url, fetch: counted });
    const called = tailed(client, id, 4, { signal: AbortSignal.abort() }).catch(codeOf);
    const late = new Promise((resolve) => setTimeout(resolve, 2000, "goes on"));
    expect(await Promise.race([called, late])).toBe("INTERRUPTED");
    expect(asked).toBeLessThanOrEqual(1);
  });

  it("gives a connection up that says nothing", async () => {
    const served = await serve({ config: { heartbeatMs: 60_000 } });
    const id = await recorded(served, 3);
    let connections = 0;
    const counting: typeof fetch = (input, init) => {
      connections += 1;
      return fetch(input, init);
    };
    const client = new ReachClient({ url: served.url, fetch: counting });
    const enough = new AbortController();
    const tailing = tailed(client, id, 4, { silenceMs: 100, signal: enough.signal });
    while (connections < 3) await new Promise((resolve) => setTimeout(resolve, 20));
    await new ReachClient({ url: served.url }).append(id, [{ type: "at last" }]);
    expect(await tailing).toEqual([0, 1, 2, 3]);
  });

  it("begins one session though the answer was lost, and tries again when busy", async () => {
    const served = await serve();
    let calls = 0;
    const losing: typeof fetch = async (input, init) => {
      calls += 1;
      const busy = { status: 503, headers: { "retry-after": "0" } };
      if (calls === 1) return Response.json({}, busy);
      const answer = await fetch(input, init);
      if (calls === 2) throw new TypeError("fetch failed", { cause: new Error("ECONNRESET") });
      return answer;
    };
    const client = new ReachClient({ url: served.url, fetch: losing });
    const { id } = await client.record([{ type: "once" }]);
    expect(calls).toBe(3);
    const ids: string[] = [];
    for await (const session of client.sessions()) ids.push(session.id);
    expect(ids).toEqual([id]);
  });

  it("appends once with a producer, and does not repeat an append that has none", async () => {
    const served = await serve();
    const id = await recorded(served, 1);
    let fail = true;
    const losing: typeof fetch = async (input, init) => {
      const answer = await fetch(input, init);
      if (!fail) return answer;
      fail = false;
      throw new TypeError("fetch failed");
    };
    const client = new ReachClient({ url: served.url, fetch: losing });
    const producer = { id: "p", epoch: 0, sequence: 0 };
    const answer = await client.append(id, [{ type: "x" }], { producer });
    expect(answer).toMatchObject({ duplicate: true, size: 2 });
    fail = true;
    await expect(client.append(id, [{ type: "x" }])).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect((await client.session(id)).size).toBe(3);
  });

  it("asks again when a connection breaks inside of an answer", async () => {
    const served = await serve();
    const id = await recorded(served, 1500);
    const large = { type: "large", data: "x".repeat(200_000) };
    await new ReachClient({ url: served.url }).append(id, [large]);
    let calls = 0;
    // Every other answer breaks off where it has only begun.
    const breaking: typeof fetch = async (input, init) => {
      const answer = await fetch(input, init);
      calls += 1;
      return calls % 2 === 0 ? answer : brokenOff(answer);
    };
    const client = new ReachClient({ url: served.url, fetch: breaking });
    expect((await client.session(id)).size).toBe(1501);
    const seqs: number[] = [];
    for await (const { seq } of client.stored(id, { payloads: true })) seqs.push(seq);
    expect(seqs).toEqual(Array.from({ length: 1501 }, (_, n) => n));
    let events = 0;
    for await (const { seq } of client.events(id, { payload: "none" })) expect(seq).toBe(events++);
    expect(events).toBe(1501);
    expect((await client.state(id, 20)).at).toBe(20);
    await served.restart();
    calls = 0;
    expect(await new ReachClient({ url: served.url, fetch: breaking }).checkpoint(id)).toContain(
      "— ",
    );
  });

  it("says that a connection broke where it may not ask again", async () => {
    const served = await serve();
    const id = await recorded(served, 3);
    const breaking: typeof fetch = async (input, init) => brokenOff(await fetch(input, init));
    const client = new ReachClient({ url: served.url, fetch: breaking, attempts: 2 });
    const unavailable = { code: "UNAVAILABLE" };
    await expect(client.append(id, [{ type: "x" }])).rejects.toMatchObject(unavailable);
    expect((await new ReachClient({ url: served.url }).session(id)).size).toBe(4);
    await expect(client.session(id)).rejects.toMatchObject(unavailable);
    const body = await client.bundle(id);
    await expect(new Response(body).arrayBuffer()).rejects.toMatchObject(unavailable);
    const off = new AbortController();
    const hanging: typeof fetch = async (_, init) => {
      return new Response(new ReadableStream({ start: (stream) => hang(stream, init?.signal) }));
    };
    const waiting = new ReachClient({ url: served.url, fetch: hanging }).session(id, off.signal);
    setTimeout(() => off.abort(), 20);
    await expect(waiting).rejects.toMatchObject({ code: "INTERRUPTED" });
  });

  it("sends data as it is, and nothing of what would not arrive so", async () => {
    const served = await serve();
    let asked = 0;
    const counting: typeof fetch = (input, init) => {
      asked += 1;
      return fetch(input, init);
    };
    const client = new ReachClient({ url: served.url, fetch: counting });
    const data = { bytes: new Uint8Array([1, 2]), big: 2n ** 70n, nan: Number.NaN, minus: -0 };
    const { id } = await client.record([{ type: "x", data }, { type: "y" }]);
    await client.append(id, [{ type: "z", data: { ...data, none: undefined } }]);
    const kept: unknown[] = [];
    for await (const event of client.stored(id)) kept.push(event.data);
    expect(kept).toStrictEqual([data, null, { ...data, none: undefined }]);
    asked = 0;
    for (const lost of [new Map([[1, 2]]), new Date(0), () => 1]) {
      const sending = client.append(id, [{ type: "x", data: { lost } }]);
      await expect(sending).rejects.toMatchObject({
        code: "DATA_UNSUPPORTED",
        message: expect.stringContaining("$[0].data.lost"),
      });
    }
    expect(asked).toBe(0);
  });

  it("calls the fetch that is there as browsers want it: of no object", async () => {
    const served = await serve();
    const original = globalThis.fetch;
    onTestFinished(() => {
      globalThis.fetch = original;
    });
    globalThis.fetch = function (this: unknown, ...asking) {
      const illegal = this !== undefined && this !== globalThis;
      return illegal ? Promise.reject(new TypeError("Illegal invocation")) : original(...asking);
    };
    const { version } = await new ReachClient({ url: served.url, attempts: 1 }).about();
    expect(version).not.toBe("");
  });

  it("says that a token cannot be sent, and nothing of the token", async () => {
    const served = await serve();
    for (const token of ["two\nlines", "a€"]) {
      const client = new ReachClient({ url: served.url, token });
      const error = await client.about().catch((failure: unknown) => failure);
      expect(error).toMatchObject({ code: "USAGE", message: "the token cannot be sent" });
      expect(inspect(error)).not.toContain(token);
    }
    const token = await served.token(["sessions:read"]);
    const client = new ReachClient({ url: served.url, token: `${token}\n` });
    expect((await client.about()).workspace).toBe("default");
  });

  it("says what the server says, and where none is", async () => {
    const served = await serve();
    const client = new ReachClient({ url: served.url });
    const none = "0199c1f2-0000-7000-8000-000000000000";
    await expect(client.session(none)).rejects.toMatchObject({ code: "NOT_FOUND" });
    const token = await served.token(["sessions:append"]);
    await expect(client.session(none)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
    const poor = new ReachClient({ url: served.url, token });
    await expect(poor.session(none)).rejects.toMatchObject({ code: "FORBIDDEN" });
    const nobody = new ReachClient({ url: "http://127.0.0.1:1", attempts: 2 });
    await expect(nobody.about()).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect(() => new ReachClient({ url: "file:///etc" })).toThrow(/no URL/);
    const off = AbortSignal.abort();
    expect(codeOf(await client.about(off).catch((error: unknown) => error))).toBe("INTERRUPTED");
  });

  it("has states as values, replays, and the whole session in one file", async () => {
    const served = await serve();
    const id = await recorded(served, 30);
    const client = new ReachClient({ url: served.url });
    const found = await client.state(id, 20);
    expect(found).toMatchObject({ at: 20, program: { name: "transcript" } });
    expect(found.stateHash).toMatch(/^[0-9a-f]{64}$/);
    const report = (await client.replay(id)) as { verdict: string; events: number };
    expect(report).toMatchObject({ verdict: "computed", events: 30 });
    let bytes = 0;
    for await (const piece of await client.bundle(id)) bytes += piece.length;
    expect(bytes).toBeGreaterThan(1000);
    expect(await client.checkpoint(id)).toContain("— ");
  });
});
