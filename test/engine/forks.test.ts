// Forks of sessions that run: cut between two activations, open calls settled, other results and
// inputs in place of recorded ones, and live from there on.

import { afterEach, describe, expect, it } from "vitest";
import type { SessionId } from "../../src/base/index.ts";
import type { EngineOptions } from "../../src/engine/index.ts";
import { forkSession } from "../../src/session/index.ts";
import { effectsOf, programOf, Running, until } from "./running.ts";

let running: Running;
let calls: { name: string; key: string }[];

afterEach(() => running?.end());

const effects = effectsOf({
  ask: (input: { n: number }, { name, key }) => {
    calls.push({ name, key });
    return `answer ${input.n}`;
  },
  hang: (_, { name, key, signal }) => {
    calls.push({ name, key });
    return new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(new Error("aborted")));
    });
  },
});

/** Two calls side by side, an input, two more; its result is everything that it heard. */
const agent = programOf(
  "agent",
  `{
    init: () => ({ heard: [] }),
    reduce(state, event) {
      if (event.kind === "result") state.heard.push(event.data.value);
      if (event.kind === "input") state.heard.push(event.data);
      return state;
    },
    async step(ctx) {
      await Promise.all([ctx.call("ask", { n: 1 }), ctx.call("ask", { n: 2 })]);
      await ctx.waitFor("go");
      const last = await ctx.call("ask", { n: 3 });
      ctx.emit("said", { last });
      return { done: ctx.state.heard };
    },
  }`,
);

async function open(options: Partial<EngineOptions> = {}): Promise<void> {
  calls = [];
  running = new Running();
  await running.open({ effects, ...options });
}

async function ranAgent(): Promise<SessionId> {
  const { id } = await running.engine.start(agent, null);
  await until(() => running.engine.status(id).waiting?.inputs.includes("go") === true);
  await running.engine.input(id, { type: "go", data: "first" });
  await running.engine.finished(id);
  return id;
}

const kinds = (id: SessionId): string[] =>
  running.events(id).map((line) => line.split(" ")[0] ?? "");

describe("a fork of a session that has ended", () => {
  it("goes on from before a result with another one, and calls only what comes after", async () => {
    await open();
    const source = await ranAgent();
    expect(kinds(source).slice(0, 5)).toEqual([
      "trigger:agent",
      "call:ask",
      "call:ask",
      "result:ask@1",
      "result:ask@2",
    ]);
    calls = [];
    const overrides = new Map([[4, "changed"]]);
    const fork = await running.engine.fork(source, { at: 8, overrides });
    expect(fork).toMatchObject({ at: 4, settled: 1, open: [] });
    await running.engine.input(fork.id, { type: "go", data: "second" });
    const { result } = await running.engine.finished(fork.id);
    expect(result).toEqual(["answer 1", "changed", "second", "answer 3"]);
    expect(calls).toEqual([{ name: "ask", key: expect.stringContaining(fork.id) }]);
  });

  it("takes the results that its source got later, in their order", async () => {
    await open();
    const source = await ranAgent();
    calls = [];
    const fork = await running.engine.fork(source, { at: 3 });
    expect(fork).toMatchObject({ at: 3, settled: 2 });
    await until(() => running.engine.status(fork.id).waiting?.inputs.includes("go") === true);
    expect(calls).toEqual([]);
    // It waits as soon as its program does: the last result may still be on its way to the disk.
    await until(() => kinds(fork.id).length > 5);
    expect(kinds(fork.id).slice(3)).toEqual(["fork:fork", "result:ask@1", "result:ask@2"]);
  });

  it("makes open calls again when it is told to, under its own key", async () => {
    await open();
    const source = await ranAgent();
    calls = [];
    const fork = await running.engine.fork(source, { at: 3, rerunOpen: true });
    expect(fork).toMatchObject({ settled: 0, open: [1, 2] });
    await until(() => calls.length === 2);
    expect(calls.map(({ key }) => key).sort()).toEqual([`${fork.id}/1`, `${fork.id}/2`]);
  });

  it("gets another input in place of the recorded one", async () => {
    await open();
    const source = await ranAgent();
    const input = kinds(source).indexOf("input:go");
    const overrides = new Map([[input, "other"]]);
    const fork = await running.engine.fork(source, { at: input + 1, overrides });
    expect(fork.at).toBe(input);
    const { result } = await running.engine.finished(fork.id);
    expect(result).toEqual(["answer 1", "answer 2", "other", "answer 3"]);
  });

  it("is cut where an activation ends, at or behind the place that was asked for", async () => {
    await open();
    const source = await ranAgent();
    const fork = await running.engine.fork(source, { at: 1 });
    expect(fork.at).toBe(3);
    const { size } = running.engine.status(source);
    await expect(running.engine.fork(source, { at: size })).rejects.toMatchObject({
      code: "USAGE",
      hint: expect.stringMatching(/fork it at \d+ or before/),
    });
  });
});

describe("a fork of a session that runs", () => {
  it("leaves that alone, and has to settle what is open", async () => {
    await open();
    const hanging = programOf(
      "hanging",
      `{ init: () => ({}), async step(ctx) { return { done: await ctx.call("hang", {}) }; } }`,
    );
    const { id } = await running.engine.start(hanging, null);
    await until(() => calls.length === 1);
    await expect(running.engine.fork(id, { at: 2 })).rejects.toMatchObject({
      code: "USAGE",
      hint: expect.stringContaining("--set 1=JSON"),
    });
    const overrides = new Map([[1, "settled"]]);
    const fork = await running.engine.fork(id, { at: 2, overrides });
    expect((await running.engine.finished(fork.id)).result).toBe("settled");
    expect(running.engine.status(id)).toMatchObject({ phase: "waiting" });
    expect(calls).toHaveLength(1);
  });

  it("that crashes before it has taken its inputs and results takes them after", async () => {
    await open();
    const source = await ranAgent();
    const input = kinds(source).indexOf("input:go");
    await running.close();
    await running.open({ effects, resumes: "asked" });
    const overrides = new Map([[input, "other"]]);
    const { id } = await forkSession(running.directory, source, { at: 3, overrides: new Map() });
    const second = await forkSession(running.directory, source, { at: input, overrides });
    await running.crash();
    await running.open({ effects });
    await running.engine.input(id, { type: "go", data: "late" });
    expect((await running.engine.finished(id)).result).toEqual([
      "answer 1",
      "answer 2",
      "late",
      "answer 3",
    ]);
    const report = await running.engine.finished(second.id);
    expect(report.result).toEqual(["answer 1", "answer 2", "other", "answer 3"]);
  });

  it("does not answer a call that its own past does not hold", async () => {
    await open();
    const source = await ranAgent();
    const last = kinds(source).findLastIndex((kind) => kind.startsWith("result:ask"));
    const overrides = new Map([
      [4, "changed"],
      [last, "too far"],
    ]);
    await expect(running.engine.fork(source, { at: 4, overrides })).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringContaining("which is not open"),
    });
  });
});
