// Durable Streams beyond the conformance suite: what was answered holds after a crash, a stream is
// a session like any other, and nobody sees what is not theirs.

import * as http from "node:http";
import type * as net from "node:net";
import { describe, expect, it } from "vitest";
import { Directory, isRemoved, verifySession } from "../../../src/session/index.ts";
import { type Served, serve } from "../serving.ts";
import { Observer } from "../tailing.ts";

type Headers = Record<string, string>;

const json = { "content-type": "application/json" };
const text = { "content-type": "text/plain" };

async function put(served: Served, name: string, headers: Headers, body?: string) {
  const init = { method: "PUT", headers, ...(body === undefined ? {} : { body }) };
  return served.get(`/v1/stream/${name}`, init);
}

async function append(served: Served, name: string, headers: Headers, body?: string | Uint8Array) {
  const init = { method: "POST", headers, ...(body === undefined ? {} : { body }) };
  return served.get(`/v1/stream/${name}`, init as RequestInit);
}

function producer(id: string, epoch: number, seq: number): Headers {
  return { "producer-id": id, "producer-epoch": String(epoch), "producer-seq": String(seq) };
}

async function read(served: Served, name: string, query = ""): Promise<string> {
  return (await served.get(`/v1/stream/${name}${query}`)).text();
}

/** The session of the newest stream. */
async function newestSession(served: Served): Promise<string> {
  const list = await (await served.get("/v1/sessions?limit=1")).json();
  return (list as { sessions: { id: string }[] }).sessions[0]?.id as string;
}

describe("what was answered of a stream", () => {
  it("holds after a crash: messages, offsets, producers, sequence, closing", async () => {
    const served = await serve();
    await put(served, "a/b", json, '[{"n": 0}]');
    const one = await append(served, "a/b", { ...json, ...producer("p", 3, 0) }, '[{"n":1},2]');
    expect(one.status).toBe(200);
    await append(served, "a/b", { ...json, "stream-seq": "07" }, '"three"');
    const offset = one.headers.get("stream-next-offset") as string;
    await served.restart("crash");

    expect(await read(served, "a/b")).toBe('[{"n": 0},{"n":1},2,"three"]');
    expect(await read(served, "a/b", `?offset=${offset}`)).toBe('["three"]');
    const again = await append(served, "a/b", { ...json, ...producer("p", 3, 0) }, '[{"n":1},2]');
    expect([again.status, again.headers.get("producer-seq")]).toEqual([204, "0"]);
    const stale = await append(served, "a/b", { ...json, ...producer("p", 2, 0) }, "1");
    expect([stale.status, stale.headers.get("producer-epoch")]).toEqual([403, "3"]);
    const gap = await append(served, "a/b", { ...json, ...producer("p", 3, 5) }, "1");
    expect([gap.status, gap.headers.get("producer-expected-seq")]).toEqual([409, "1"]);
    expect((await append(served, "a/b", { ...json, "stream-seq": "07" }, "1")).status).toBe(409);
    const last = { ...json, ...producer("p", 3, 1), "stream-closed": "true" };
    expect((await append(served, "a/b", last, '"end"')).status).toBe(200);
    await served.restart("crash");

    expect((await append(served, "a/b", last, '"end"')).status).toBe(204);
    const late = await append(served, "a/b", json, "1");
    expect([late.status, late.headers.get("stream-closed")]).toEqual([409, "true"]);
    const all = await served.get("/v1/stream/a/b");
    expect(await all.text()).toBe('[{"n": 0},{"n":1},2,"three","end"]');
    expect(all.headers.get("stream-closed")).toBe("true");
    await served.restart("close");
    expect(await read(served, "a/b")).toBe('[{"n": 0},{"n":1},2,"three","end"]');
  });

  it("holds of deletions, forks and what a fork has of its source", async () => {
    const served = await serve();
    await put(served, "source", text, "one");
    await append(served, "source", text, "two");
    await put(served, "fork", { "stream-forked-from": "/v1/stream/source" }, "three");
    await served.get("/v1/stream/source", { method: "DELETE" });
    await put(served, "gone", text, "x");
    await served.get("/v1/stream/gone", { method: "DELETE" });
    await served.restart("crash");

    expect((await served.get("/v1/stream/gone")).status).toBe(404);
    expect((await served.get("/v1/stream/source")).status).toBe(410);
    expect((await put(served, "source", text)).status).toBe(409);
    expect(await read(served, "fork")).toBe("onetwothree");
    await served.get("/v1/stream/fork", { method: "DELETE" });
    expect((await served.get("/v1/stream/source")).status).toBe(404);
    expect((await put(served, "source", text)).status).toBe(201);
    expect(await read(served, "source")).toBe("");
  });

  it("is nothing of a fork that a crash has cut off", async () => {
    const served = await serve();
    await put(served, "source", text, "one");
    const { streams, appends } = served.server.context.workspaces.get("default") ?? {};
    // The last append of the fork, which completes it, never arrives.
    const append = appends?.append.bind(appends);
    let appended = 0;
    Object.assign(appends as object, {
      append: (...args: Parameters<NonNullable<typeof append>>) => {
        appended += 1;
        if (appended === 3) throw new Error("the power goes");
        return append?.(...args);
      },
    });
    const fork = { name: "source", at: undefined, beyond: 0 };
    const asked = { contentType: undefined, ttl: null, expiresAt: null, closed: false };
    const begun = streams?.create("fork", { ...asked, body: new Uint8Array(0), fork });
    await expect(begun).rejects.toThrow("the power goes");
    await served.restart("crash");

    expect((await served.get("/v1/stream/fork")).status).toBe(404);
    await served.get("/v1/stream/source", { method: "DELETE" });
    expect((await served.get("/v1/stream/source")).status).toBe(404);
  });

  it("is there once, however often the same append arrives at the same time", async () => {
    const served = await serve();
    await put(served, "s", json);
    await served.restart();
    const sent = { ...json, ...producer("p", 0, 0) };
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => append(served, "s", sent, '{"n":1}')),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(19).fill(204)]);
    expect(await read(served, "s")).toBe('[{"n":1}]');
  });

  it("goes with its data when it is deleted", async () => {
    const served = await serve();
    await put(served, "s", text, "secret");
    const id = await newestSession(served);
    await served.get("/v1/stream/s", { method: "DELETE" });
    const { disk, path } = served.directory;
    expect(isRemoved(disk, path, id)).toBe(true);
    expect((await served.get(`/v1/sessions/${id}`)).status).toBe(410);
    await served.restart("crash");
    expect((await served.get(`/v1/sessions/${id}`)).status).toBe(410);
    expect((await served.get("/v1/stream/s")).status).toBe(404);
  });
});

describe("a stream", () => {
  it("is a session: events, state, proofs, verification", async () => {
    const served = await serve();
    await put(served, "talk", json, '[{"role":"user","content":"hello"}]');
    await append(served, "talk", json, '[1.0, "\\u00e9", {"b":1,"a":1e400}]');
    const id = await newestSession(served);
    const page = await (await served.get(`/v1/sessions/${id}/events`)).json();
    const { events } = page as { events: { kind: string; type: string; data: unknown }[] };
    expect(events.map(({ kind, type }) => `${kind} ${type}`)).toEqual([
      "note stream/opened",
      ...Array(4).fill("emit message"),
    ]);
    const session = await (await served.get(`/v1/sessions/${id}`)).json();
    expect(session).toMatchObject({ name: "talk", format: "stream", kind: "recorded" });
    expect((await served.get(`/v1/sessions/${id}/checkpoint`)).status).toBe(200);
    expect((await served.get(`/v1/sessions/${id}/state`)).status).toBe(200);
    // The messages are the bytes that came, not a value written anew.
    const messages = '[{"role":"user","content":"hello"},1.0,"\\u00e9",{"b":1,"a":1e400}]';
    expect(await read(served, "talk")).toBe(messages);
    await served.server.close();
    const path = served.directory.path;
    const directory = await Directory.open({ path, mode: "read" });
    const report = await verifySession(directory, id);
    expect(report.problems).toEqual([]);
    await directory.close();
    await served.restart("crash");
  });

  it("takes events by its own route only, so that a closed one stays closed", async () => {
    const served = await serve();
    await put(served, "s", { ...json, "stream-closed": "true" });
    const id = await newestSession(served);
    const answer = await served.post(`/v1/sessions/${id}/events`, { type: "message", data: 1 });
    expect(answer.status).toBe(409);
  });

  it("keeps bytes as they are, also of megabytes", async () => {
    const served = await serve();
    const bytes = Uint8Array.from({ length: 3 << 20 }, (_, i) => (i * 7 + (i >> 8)) & 255);
    await put(served, "b", { "content-type": "image/png" });
    await append(served, "b", { "content-type": "image/png" }, bytes);
    await append(served, "b", { "content-type": "image/png" }, bytes.subarray(0, 5));
    const answer = await served.get("/v1/stream/b");
    const found = new Uint8Array(await answer.arrayBuffer());
    expect(Buffer.compare(found, Buffer.concat([bytes, bytes.subarray(0, 5)]))).toBe(0);
    expect(answer.headers.get("content-type")).toBe("image/png");
  });

  it("has any name, and none leaves its folder", async () => {
    const served = await serve();
    const names = ["..%2f..%2fetc", "%00", "a%2Fb", "%E2%82%AC", "x".repeat(200), "con", "a//b"];
    for (const name of names) {
      expect([name, (await put(served, name, text, name)).status]).toEqual([name, 201]);
    }
    for (const name of names) expect(await read(served, name)).toBe(name);
    for (const name of ["", "__ds/subscriptions/x", "__ds"]) {
      expect((await put(served, name, text)).status).toBe(404);
    }
    expect((await served.get("/v1/stream/%ff")).status).toBe(400);
  });

  it("is nobody's but the workspace's, and tokens do what their scopes say", async () => {
    const served = await serve({ workspaces: ["other"] });
    const may = async (scope: "sessions:trigger" | "sessions:append" | "sessions:read") => {
      return { authorization: `Bearer ${await served.token([scope])}` };
    };
    const trigger = await may("sessions:trigger");
    const appends = await may("sessions:append");
    const reads = await may("sessions:read");
    expect((await put(served, "s", text)).status).toBe(401);
    expect((await put(served, "s", { ...text, ...appends })).status).toBe(403);
    expect((await put(served, "s", { ...text, ...trigger })).status).toBe(201);
    expect((await append(served, "s", { ...text, ...reads }, "x")).status).toBe(403);
    expect((await append(served, "s", { ...text, ...appends }, "x")).status).toBe(204);
    expect((await served.get("/v1/stream/s", { headers: reads })).status).toBe(200);
    const gone = await served.get("/v1/stream/s", { method: "DELETE", headers: appends });
    expect(gone.status).toBe(403);
    const other = await served.token(["admin"], "other");
    const headers = { authorization: `Bearer ${other}` };
    expect((await served.get("/v1/stream/s", { headers })).status).toBe(404);
    expect((await put(served, "s", { ...text, ...headers }, "mine")).status).toBe(201);
  });

  it("ends the tails of its session when it is deleted", async () => {
    const served = await serve();
    await put(served, "s", text, "x");
    const id = await newestSession(served);
    const observer = new Observer(`${served.url}/v1/sessions/${id}/tail`);
    await observer.upToDate();
    await served.get("/v1/stream/s", { method: "DELETE" });
    const late = new Promise((resolve) => setTimeout(resolve, 5000));
    await Promise.race([observer.until(() => observer.ended), late]);
    expect(observer.controls.at(-1)).toMatchObject({ cut: "removed" });
    observer.drop();
  });

  it("ends its readers when the server stops", async () => {
    const served = await serve();
    await put(served, "s", text);
    const poll = served.get("/v1/stream/s?offset=now&live=long-poll");
    const events = await fetch(`${served.url}/v1/stream/s?offset=now&live=sse`);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await served.restart();
    expect((await poll).status).toBe(204);
    expect(await events.text()).toContain("streamNextOffset");
  });
});

describe("an answer of a stream", () => {
  it("is no page that could do anything, whatever type the stream has", async () => {
    const served = await serve();
    const page = '<form action="https://elsewhere.example"><script>steal()</script></form>';
    await put(served, "page", { "content-type": "text/html" }, page);
    for (const query of ["", "?offset=-1&live=long-poll", "?offset=-1&live=sse"]) {
      const answer = await fetch(`${served.url}/v1/stream/page${query}`);
      const policy = answer.headers.get("content-security-policy");
      expect(policy?.split("; "), query).toEqual(
        expect.arrayContaining(["default-src 'none'", "form-action 'none'", "sandbox"]),
      );
      await answer.body?.cancel();
    }
    // The pages for people have links to each other.
    const docs = await served.get("/docs");
    expect(docs.headers.get("content-security-policy")).not.toContain("sandbox");
  });

  it("that is waited for leaves nothing on the connection, which goes on", async () => {
    const served = await serve({ config: { streamPollMs: 5 } });
    await put(served, "s", text);
    let accepted: net.Socket | undefined;
    served.server.app.server.on("connection", (socket) => {
      accepted = socket;
    });
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const listeners: (number | undefined)[] = [];
    for (let i = 0; i < 5; i++) {
      const status = await new Promise((resolve, reject) => {
        const url = `${served.url}/v1/stream/s?offset=now&live=long-poll`;
        const answered = (answer: http.IncomingMessage): void => {
          answer.resume().once("end", () => resolve(answer.statusCode));
        };
        http.get(url, { agent }, answered).once("error", reject);
      });
      expect(status).toBe(204);
      listeners.push(accepted?.listenerCount("close"));
    }
    agent.destroy();
    expect(new Set(listeners.slice(1)).size).toBe(1);
  });

  it("does not say of how many bytes it is where none are sent", async () => {
    const served = await serve();
    await put(served, "s", text, "hello");
    const head = await served.get("/v1/stream/s", { method: "HEAD" });
    expect([head.status, head.headers.get("content-type")]).toEqual([200, "text/plain"]);
    expect(head.headers.get("content-length")).toBeNull();
  });

  it("goes at a time that is one to the letter, and at no other", async () => {
    const served = await serve();
    for (const time of ["2100-01-01T00:00:00Z", "2100-01-01T00:00:00.5+01:00"]) {
      const headers = { "stream-expires-at": time };
      expect((await put(served, time.slice(19, 21), headers)).status, time).toBe(201);
    }
    for (const time of ["3600", "2100", "2100-01-01", "2100-01-01 00:00", "Jan 1 2100", "1e3"]) {
      const answer = await put(served, "other", { "stream-expires-at": time });
      expect(answer.status, time).toBe(400);
    }
  });

  it("is not sent again to who has it, in whatever form that is said", async () => {
    const origin = "https://page.example";
    const served = await serve({ config: { corsOrigins: [origin] } });
    await put(served, "s", text, "hello");
    const first = await served.get("/v1/stream/s");
    const etag = first.headers.get("etag") ?? "";
    for (const has of [etag, `"other", ${etag}`, `W/${etag}`, "*"]) {
      const answer = await served.get("/v1/stream/s", { headers: { "if-none-match": has } });
      expect(answer.status, has).toBe(304);
    }
    const other = await served.get("/v1/stream/s", { headers: { "if-none-match": '"other"' } });
    expect(other.status).toBe(200);
    // What a cache keeps for one origin is not for another one.
    const page = await served.get("/v1/stream/s", { headers: { origin } });
    expect(page.headers.get("vary")).toBe("Origin, Authorization");
  });

  it("says where it is: as a URL of who asks, as a path where that is none", async () => {
    const served = await serve();
    const create = (name: string, headers: Headers): Promise<http.IncomingMessage> =>
      new Promise((resolve, reject) => {
        const options = { method: "PUT", headers };
        http
          .request(`${served.url}/v1/stream/${name}`, options, (answer) => resolve(answer.resume()))
          .once("error", reject)
          .end();
      });
    const cases: readonly [string, Headers, string][] = [
      ["a/b", {}, `${served.url}/v1/stream/a/b`],
      ["c", { "x-forwarded-proto": "https" }, `https://127.0.0.1:${served.port}/v1/stream/c`],
      ["d", { "x-forwarded-proto": "javascript" }, `${served.url}/v1/stream/d`],
      ["e", { host: "localhost:99999" }, "/v1/stream/e"],
    ];
    for (const [name, headers, location] of cases) {
      const answer = await create(name, headers);
      expect([answer.statusCode, answer.headers.location], name).toEqual([201, location]);
    }
  });
});
