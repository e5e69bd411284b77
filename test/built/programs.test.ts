// Programs behind the server as it is installed, with a configuration in TypeScript: every kind of
// effect under every policy, timers, inputs, cancelling, forks, and replays that do nothing again.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { EventObject } from "../../src/client.ts";
import { codeOf } from "../../src/index.ts";
import { BuiltServer, Upstream } from "./serving.ts";

const server = new BuiltServer();
const upstream = new Upstream();

const config = (host: string): string => `
import { defineConfig, GiveUp, httpFetch, TryAgain } from "reach-replay/config";
const retries = { attempts: 3, initialMs: 1, maxMs: 2 };
let shaken = 0;
const reached: Partial<Parameters<typeof httpFetch>[0]> = { allowPrivate: ["${host}"] };
export default defineConfig({
  effects: {
    "http.fetch": httpFetch({ allow: [], ...reached, retries }),
    "http.hasty": httpFetch({ allow: [], ...reached, timeoutMs: 50 }),
    plain: (input: { n: number }) => ({ twice: 2 * input.n }),
    shaky: {
      retries,
      run: () => {
        shaken += 1;
        if (shaken < 3) throw new TryAgain("not yet");
        return "in the end";
      },
    },
    hopeless: {
      retries,
      run: () => {
        throw new GiveUp("never", { code: "NEVER" });
      },
    },
    slow: {
      timeoutMs: 20,
      run: (_: unknown, { signal }) => new Promise((__, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      }),
    },
    broken: {
      breaker: { failures: 1, restMs: 60_000 },
      run: () => {
        throw new Error("down");
      },
    },
    rare: { run: () => "in turn", concurrency: 1, perSecond: 100 },
  },
});
`;

const program = `
import { defineProgram } from "reach-replay/program";
export default defineProgram<{
  State: { host: string; inputs: string[] };
  Inputs: { go: string };
  Trigger: { host: string };
}>({
  name: "asking",
  version: "1",
  init: (trigger) => ({ host: (trigger.data as { host: string }).host, inputs: [] }),
  reduce(state, event) {
    if (event.kind === "input") state.inputs.push(event.data as string);
    return state;
  },
  async step(ctx) {
    const made: Record<string, unknown> = {};
    const call = async (name: string, input: unknown, as: string = name): Promise<void> => {
      try {
        made[as] = await ctx.call(name as never, input as never);
      } catch (error) {
        made[as] = (error as { code?: string }).code ?? (error as Error).message;
      }
    };
    const at = (path: string): string => "http://" + ctx.state.host + path;
    for (const path of ["/led", "/busy", "/packed"]) {
      await call("http.fetch", { url: at(path), as: "text" }, path);
    }
    await call("http.fetch", { url: at("/packed"), as: "bytes" }, "bytes");
    await call("http.fetch", { url: "https://example.com/" }, "elsewhere");
    await call("http.hasty", { url: at("/never") }, "/never");
    await call("plain", { n: 21 });
    for (const name of ["shaky", "hopeless", "slow", "broken"]) await call(name, {});
    await call("broken", {}, "broken again");
    await Promise.all([call("rare", 1, "first"), call("rare", 2, "second"), ctx.sleep(5)]);
    await call("unknown", {});
    ctx.emit("made", made);
    ctx.log("waiting", { luck: ctx.random(), id: ctx.uuid(), now: ctx.now() });
    const { data } = await ctx.waitFor("go", { timeout: "1h" });
    return { done: { data, inputs: ctx.state.inputs } };
  },
});
`;

beforeAll(async () => {
  await upstream.start();
  const files = ["--config", server.write("reach.config.ts", config(upstream.host))];
  await server.start([...files, "--program", server.write("asking.ts", program)]);
});

afterAll(async () => {
  await server.stop();
  upstream.stop();
});

/** Starts a session; resolves when it waits for its input, with what it has made of its calls. */
async function begun(): Promise<{ id: string; made: Readonly<Record<string, unknown>> }> {
  const { id } = await server.client.trigger("asking", { host: upstream.host });
  for await (const { type, data } of server.client.tail(id)) {
    if (type === "made") return { id, made: data as Record<string, unknown> };
  }
  throw new Error("it made nothing");
}

/** The event that ends a session. */
async function endOf(id: string): Promise<EventObject> {
  for await (const event of server.client.tail(id)) if (event.kind === "end") return event;
  throw new Error("it never ended");
}

async function job(path: string, body: unknown): Promise<Readonly<Record<string, unknown>>> {
  let found = await server.json(path, body);
  while (found["status"] === "running") found = await server.json(`/v1/jobs/${found["id"]}`);
  expect(found).toMatchObject({ status: "done" });
  return found["result"] as Record<string, unknown>;
}

describe("a program", () => {
  it("has every effect, waits, ends, and replays without asking anybody again", async () => {
    const { id, made } = await begun();
    expect(made).toMatchObject({
      "/led": { status: 200, body: "a page", url: `http://${upstream.host}/page` },
      "/busy": { status: 200, body: "at last" },
      "/packed": "HTTP_BAD_BODY",
      "/never": "EFFECT_TIMEOUT",
      bytes: { status: 200 },
      elsewhere: "HTTP_REFUSED",
      plain: { twice: 42 },
      shaky: "in the end",
      hopeless: "NEVER",
      slow: "EFFECT_TIMEOUT",
      broken: "down",
      "broken again": "EFFECT_RESTS",
      first: "in turn",
      second: "in turn",
      unknown: "EFFECT_UNKNOWN",
    });
    await server.client.append(id, [{ kind: "input", type: "go", data: "Ann" }]);
    const done = { data: "Ann", inputs: ["Ann"] };
    expect(await endOf(id)).toMatchObject({ type: "done", data: { result: done } });
    const state = await server.client.state(id);
    expect(state).toMatchObject({ program: { name: "asking" }, state: { inputs: ["Ann"] } });
    const asked = new Map(upstream.asked);
    expect(await server.client.replay(id)).toMatchObject({ verdict: "identical" });
    expect(upstream.asked).toEqual(asked);
  });

  it("is forked with another answer, and the fork goes on by itself", async () => {
    const { id } = await begun();
    const calls: EventObject[] = [];
    for await (const event of server.client.events(id)) calls.push(event);
    const plain = calls.find(({ kind, type }) => kind === "call" && type === "plain");
    const { seq = 0 } = plain ?? {};
    const fork = await job(`/v1/sessions/${id}/fork`, {
      at: seq + 1,
      overrides: [{ seq, value: { twice: 43 } }],
    });
    const other = String(fork["id"]);
    await server.client.append(other, [{ kind: "input", type: "go", data: "Bob" }]);
    expect(await endOf(other)).toMatchObject({ type: "done", data: { result: { data: "Bob" } } });
    const emitted: EventObject[] = [];
    for await (const event of server.client.events(other)) emitted.push(event);
    expect(emitted.find(({ type }) => type === "made")?.data).toMatchObject({
      plain: { twice: 43 },
    });
    expect(await job(`/v1/sessions/${other}/replay`, {})).toMatchObject({ verdict: "identical" });
  });

  it("is cancelled while it waits, and nobody can send it anything then", async () => {
    const { id } = await begun();
    await server.client.cancel(id, "enough");
    expect(await endOf(id)).toMatchObject({ type: "cancelled" });
    const late = server.client.append(id, [{ kind: "input", type: "go", data: 1 }]);
    expect(await late.catch(codeOf)).toBe("SESSION_ENDED");
    expect(await server.client.session(id)).toMatchObject({ outcome: "cancelled" });
  });

  it("that is not there is an error that all entries name alike", async () => {
    const missing = server.client.trigger("nobody", {});
    expect(await missing.catch(codeOf)).toBe("NOT_FOUND");
  });
});
