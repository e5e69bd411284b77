// Triggers: begun once for each key, bounded, at a rate, each program in its turn; what runs is
// told things, cancelled and forked.

import { describe, expect, it } from "vitest";
import { TriggerQueue } from "../../src/server/triggers.ts";
import type { Workspace } from "../../src/server/workspace.ts";
import { MemoryEngine } from "./memory-engine.ts";
import { type Served, type ServeOptions, serve } from "./serving.ts";
import { Observer } from "./tailing.ts";

const limits = {
  entriesMax: 100,
  bytesMax: 1000,
  concurrency: 1,
  workspacePerSecond: 0,
  programPerSecond: 0,
};

async function serveEngine(
  options: ServeOptions = {},
): Promise<{ served: Served; engine: MemoryEngine }> {
  const engines: MemoryEngine[] = [];
  const served = await serve({
    ...options,
    engine: (directory) => {
      const engine = new MemoryEngine(directory);
      engines.push(engine);
      return engine;
    },
  });
  return { served, engine: engines[0] as MemoryEngine };
}

async function trigger(served: Served, program = "echo", input: unknown = 1): Promise<string> {
  const answer = await served.post("/v1/sessions", { program, input });
  expect(answer.status).toBe(201);
  return ((await answer.json()) as { id: string }).id;
}

describe("a trigger", () => {
  it("begins a session, whose first event is there when it is answered", async () => {
    const { served } = await serveEngine();
    const id = await trigger(served, "echo", { prompt: "hi" });
    const event = await (await served.get(`/v1/sessions/${id}/events/0`)).json();
    expect(event).toMatchObject({ kind: "trigger", type: "echo", data: { prompt: "hi" } });
    const session = await (await served.get(`/v1/sessions/${id}`)).json();
    expect(session).toMatchObject({ kind: "executed", status: "waiting" });
    const unknown = await served.post("/v1/sessions", { program: "missing" });
    expect(unknown.status).toBe(404);
  });

  it("that is tailed is answered with its first event, then with how far that is", async () => {
    const { served } = await serveEngine();
    const answer = await served.post(
      "/v1/sessions",
      { program: "echo", input: 1 },
      { accept: "text/event-stream" },
    );
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
    const { value } = await reader.read();
    await reader.cancel();
    const lines = new TextDecoder().decode(value).split("\n");
    const said = lines.filter((line) => /^(id|event|data: .*next)/.test(line));
    expect(said).toEqual(["id: 0", "event: control", 'data: {"next":1,"upToDate":true}']);
  });

  it("with a key begins one session, whatever is sent again and whenever", async () => {
    const { served, engine } = await serveEngine();
    const key = { "idempotency-key": "k1" };
    const body = { program: "echo", input: { n: 1 } };
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => served.post("/v1/sessions", body, key)),
    );
    const ids = await Promise.all(
      answers.map(async (a) => ((await a.json()) as { id: string }).id),
    );
    expect(new Set(ids).size).toBe(1);
    expect(engine.started).toEqual(["echo"]);
    await served.restart("crash");
    const again = await served.post("/v1/sessions", body, key);
    expect(await again.json()).toEqual({ id: ids[0] });
    const other = await served.post("/v1/sessions", { ...body, input: { n: 2 } }, key);
    expect(other.status).toBe(422);
    expect(await other.json()).toMatchObject({ code: "IDEMPOTENCY_KEY_REUSED" });
    const renamed = await served.post("/v1/sessions", { ...body, name: "another" }, key);
    expect(renamed.status).toBe(422);
  });

  it("answered as a tail has every event of the session, from the first one on", async () => {
    const { served } = await serveEngine();
    const key = { "idempotency-key": "k2" };
    const body = { program: "echo", input: { prompt: "hi" } };
    const observer = new Observer(`${served.url}/v1/sessions`, key, body);
    await observer.count(1);
    expect(observer.status).toBe(201);
    expect(observer.headers["content-type"]).toBe("text/event-stream");
    const at = String(observer.headers.location);
    await served.post(`${at}/events`, { type: "told", data: 1 });
    await observer.count(3);
    expect(observer.events.map(({ type }) => type)).toEqual(["echo", "told", "echo"]);
    expect(observer.seqs).toEqual([0, 1, 2]);
    observer.drop();
    // The same key again: the same session, told once more from its beginning.
    const again = new Observer(`${served.url}/v1/sessions`, key, body);
    await again.count(3);
    expect(again.headers).toMatchObject({ location: at, "idempotent-replayed": "true" });
    expect(again.seqs).toEqual([0, 1, 2]);
    again.drop();
    const text = await (await served.get("/metrics")).text();
    expect(text).not.toContain('method="POST",route="/v1/sessions",');
  });

  it("whose caller is gone before the answer begins all the same, and leaves no tail", async () => {
    const { served, engine } = await serveEngine();
    let open = (): void => {};
    engine.gate = new Promise((resolve) => {
      open = resolve;
    });
    const observer = new Observer(`${served.url}/v1/sessions`, {}, { program: "slow" });
    const { tails, catalogue } = served.server.context.workspaces.get("default") as Workspace;
    await new Promise((resolve) => setTimeout(resolve, 50));
    observer.drop();
    await new Promise((resolve) => setTimeout(resolve, 50));
    open();
    await until(() => engine.started.length === 1 && catalogue.size === 1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(tails.size).toBe(0);
    expect(tails.sources).toBe(0);
  });

  it("is not answered as a tail to a token that may not read, and begins nothing", async () => {
    const { served, engine } = await serveEngine();
    const authorization = `Bearer ${await served.token(["sessions:trigger"])}`;
    const headers = { authorization, accept: "text/event-stream" };
    const refused = await served.post("/v1/sessions", { program: "echo" }, headers);
    expect(refused.status).toBe(403);
    expect(engine.started).toEqual([]);
    const plain = await served.post("/v1/sessions", { program: "echo" }, { authorization });
    expect(plain.status).toBe(201);
  });

  it("is refused where no programs run", async () => {
    const served = await serve();
    expect((await served.post("/v1/sessions", { program: "echo" })).status).toBe(503);
  });

  it("is refused when too many wait, and says when to come again", async () => {
    const triggers = { ...limits, entriesMax: 2 };
    const { served, engine } = await serveEngine({ config: { triggers } });
    let open = (): void => {};
    engine.gate = new Promise((resolve) => {
      open = resolve;
    });
    const waiting = Array.from({ length: 3 }, () =>
      served.post("/v1/sessions", { program: "slow" }),
    );
    await until(() => served.server.context.workspaces.get("default")?.triggers.depth === 2);
    const refused = await served.post("/v1/sessions", { program: "slow" });
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ code: "OVERLOADED" });
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    const text = await (await served.get("/metrics")).text();
    expect(text).toContain('reach_queue_depth{workspace="default"} 2');
    open();
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([201, 201, 201]);
  });

  it("is served beside figures of its runners and of the disk", async () => {
    const { served } = await serveEngine();
    const text = await (await served.get("/metrics")).text();
    const of = (name: string, labels = 'workspace="default"'): number =>
      Number(new RegExp(`^${name}\\{${labels}\\} (\\S+)$`, "m").exec(text)?.[1]);
    const runner = (i: number): string => `workspace="default",runner="${i}"`;
    expect(of("reach_runner_memory_bytes", runner(0))).toBe(90_000_000);
    expect(of("reach_runner_memory_bytes", runner(1))).toBe(120_000_000);
    expect(of("reach_runner_memory_limit_bytes")).toBe(512_000_000);
    expect(of("reach_disk_free_bytes")).toBeGreaterThan(0);
    expect(of("reach_disk_size_bytes")).toBeGreaterThan(of("reach_disk_free_bytes"));
  });

  it("beyond its rate is refused for as long as that takes", async () => {
    const triggers = { ...limits, programPerSecond: 2 };
    const { served } = await serveEngine({ config: { triggers } });
    const statuses: number[] = [];
    for (let i = 0; i < 4; i++)
      statuses.push((await served.post("/v1/sessions", { program: "echo" })).status);
    expect(statuses.filter((status) => status === 201).length).toBeGreaterThanOrEqual(2);
    if (statuses.includes(429)) {
      const answer = await served.post("/v1/sessions", { program: "echo" });
      if (answer.status === 429) expect(answer.headers.get("retry-after")).toBe("1");
    }
  });
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe("a session that runs", () => {
  it("takes no input whose type cannot be one, and goes on", async () => {
    const { served, engine } = await serveEngine();
    const id = await trigger(served);
    const taken: string[] = [];
    const input = engine.input.bind(engine);
    engine.input = (to, event) => {
      taken.push(event.type);
      return input(to, event);
    };
    const path = `/v1/sessions/${id}/events`;
    for (const type of ["a\ud800", "é".repeat(256), "é".repeat(129)]) {
      const answer = await served.post(path, [{ type: "first" }, { type }]);
      expect(answer.status).toBe(422);
      expect(await answer.json()).toMatchObject({
        code: "EVENT_INVALID",
        detail: expect.stringContaining("the type of an event is"),
        hint: expect.stringContaining("at most 256 bytes without lone surrogates"),
      });
    }
    expect(taken).toEqual([]);
    const most = "é".repeat(128);
    expect((await served.post(path, { type: most })).status).toBe(201);
    expect(taken).toEqual([most]);
  });

  it("takes inputs, and no other events", async () => {
    const { served } = await serveEngine();
    const id = await trigger(served);
    const path = `/v1/sessions/${id}/events`;
    const answer = await served.post(path, [
      { type: "a", data: 1 },
      { type: "b", data: 2 },
    ]);
    expect(await answer.json()).toMatchObject({ firstSeq: 1, count: 2 });
    expect((await served.post(path, { type: "x", kind: "result" })).status).toBe(422);
    expect((await served.post(`${path}?expected=9`, { type: "x" })).status).toBe(400);
  });

  it("is cancelled, and its tails end with it", async () => {
    const { served } = await serveEngine();
    const id = await trigger(served);
    const observer = new Observer(`${served.url}/v1/sessions/${id}/tail`);
    await observer.upToDate();
    const answer = await served.post(`/v1/sessions/${id}/cancel`, { reason: "enough" });
    expect(answer.status).toBe(202);
    await observer.until(() => observer.ended);
    expect(observer.seqs).toEqual([0, 1, 2]);
    expect(observer.controls.at(-1)).toEqual({ next: 3, upToDate: true, closed: true });
    // A browser that asks again is told to stop asking.
    const headers = { "last-event-id": "2" };
    expect((await served.get(`/v1/sessions/${id}/tail`, { headers })).status).toBe(204);
    const late = await served.post(`/v1/sessions/${id}/events`, { type: "x" });
    expect(late.status).toBe(409);
    expect(await late.json()).toMatchObject({ code: "SESSION_ENDED" });
    expect((await served.post(`/v1/sessions/${id}/cancel`, undefined)).status).toBe(409);
    const session = await (await served.get(`/v1/sessions/${id}`)).json();
    expect(session).toMatchObject({ status: "ended", outcome: "cancelled" });
  });

  it("is forked, as a job", async () => {
    const { served } = await serveEngine();
    const id = await trigger(served);
    const body = { at: 1, overrides: [{ seq: 0, value: "other" }] };
    const begun = await served.post(`/v1/sessions/${id}/fork`, body);
    expect(begun.status).toBe(202);
    const url = begun.headers.get("location") ?? "";
    let job = (await begun.json()) as { status: string; result: { id: string } };
    while (job.status === "running") job = (await (await served.get(url)).json()) as typeof job;
    expect(job.status).toBe("done");
    expect((await served.get(`/v1/sessions/${job.result.id}`)).status).toBe(200);
  });

  it("is parked when the server stops, which takes no triggers then", async () => {
    const { served, engine } = await serveEngine();
    await trigger(served);
    await served.restart();
    expect(engine.closed).toBe(true);
  });
});

describe("the queue", () => {
  it("gives each program its turn, however many wait of one", async () => {
    const queue = new TriggerQueue(limits);
    const order: string[] = [];
    let open = (): void => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const first = queue.run("z", 1, () => gate);
    const all = ["a", "a", "a", "a", "b", "b", "c"].map((program) =>
      queue.run(program, 1, async () => {
        order.push(program);
      }),
    );
    open();
    await Promise.all([first, ...all]);
    expect(order.join("")).toBe("abcabaa");
  });

  it("is bounded in bytes, but takes one that is larger than all of it", async () => {
    const queue = new TriggerQueue({ ...limits, concurrency: 0 });
    const waiting = [queue.run("a", 5000, async () => {})];
    expect(() => queue.run("a", 1, async () => {})).toThrow(
      expect.objectContaining({ code: "OVERLOADED" }),
    );
    queue.stop();
    await expect(waiting[0]).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect(() => queue.run("a", 1, async () => {})).toThrow(
      expect.objectContaining({ code: "UNAVAILABLE" }),
    );
    expect([queue.depth, queue.ageSeconds]).toEqual([0, 0]);
  });

  it("lets through what the rates allow: of a program, and of all of them", async () => {
    let now = 0;
    const queue = new TriggerQueue(
      { ...limits, concurrency: 100, programPerSecond: 2, workspacePerSecond: 3 },
      () => now,
    );
    const ask = (program: string): string => {
      try {
        void queue.run(program, 1, async () => {});
        return "yes";
      } catch (error) {
        const { code, retryAfterSeconds } = error as { code: string; retryAfterSeconds: number };
        return `${code} ${retryAfterSeconds}`;
      }
    };
    expect(["a", "a", "a", "b", "b", "c"].map(ask)).toEqual([
      "yes",
      "yes",
      "RATE_LIMITED 1",
      "yes",
      "RATE_LIMITED 1",
      "RATE_LIMITED 1",
    ]);
    now = 500;
    expect(["a", "c"].map(ask)).toEqual(["yes", "RATE_LIMITED 1"]);
    now = 60_000;
    expect(["a", "a", "c", "c"].map(ask)).toEqual(["yes", "yes", "yes", "RATE_LIMITED 1"]);
  });
});
