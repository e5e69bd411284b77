// Real programs in real contexts, in each of the places where they can run: what was run is
// replayed and comes out the same, and what goes astray takes nobody else with it.

import { writeFileSync } from "node:fs";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import type { SessionId } from "../../src/base/index.ts";
import type { EngineOptions, RunnerMode } from "../../src/engine/index.ts";
import {
  closeWorkers,
  type LoadedProgram,
  loadProgram,
  programFor,
  replaySession,
} from "../../src/runtime/index.ts";
import { effectsOf, Running, until } from "./running.ts";

const modes: readonly RunnerMode[] = [
  { kind: "inline" },
  { kind: "threads", threads: 2 },
  { kind: "processes", processes: 1, threads: 2 },
];

const effects = effectsOf({
  chat: async (input: { n: number }) => {
    await new Promise((resolve) => setTimeout(resolve, input.n % 3));
    return { text: `answer ${input.n}`, long: "y".repeat(input.n % 4 === 0 ? 6000 : 10) };
  },
});

const agentText = `
export default {
  name: "agent", version: "1",
  init: (trigger) => ({ turns: 0, goal: trigger.data.goal, said: [] }),
  reduce(state, event) {
    if (event.kind === "result") state.said = [...state.said, event.data.value.text].slice(-5);
    if (event.kind === "emit") state.turns += 1;
    return state;
  },
  async step(ctx) {
    const first = await ctx.call("chat", { n: ctx.state.turns, luck: ctx.random() });
    await Promise.all([1, 2, 3].map((n) => ctx.call("chat", { n, id: ctx.uuid() })));
    if (ctx.state.turns === 2) await ctx.waitFor("approval");
    await ctx.sleep(3);
    ctx.emit("turn", { text: first.text, at: ctx.now() });
    return ctx.state.turns >= ctx.state.goal ? "done" : "continue";
  },
};
`;

let running: Running;

afterEach(() => running?.end());
afterAll(() => closeWorkers());

async function program(name: string, text: string): Promise<LoadedProgram> {
  const file = running.scratch.at(`${name}.ts`);
  writeFileSync(file, text);
  return loadProgram(file);
}

async function open(options: Partial<EngineOptions>): Promise<void> {
  running = new Running();
  await running.open({ effects, contexts: undefined as never, ...options });
}

async function verdictOf(id: SessionId): Promise<string> {
  const { directory } = running;
  const used = await programFor(directory, id);
  return (await replaySession(directory, id, { program: used, workers: 1 })).verdict;
}

describe.each(modes)("programs in $kind", (runners) => {
  it("run to their end, and replay to the bit", async () => {
    await open({ runners, limits: { snapshotEvents: 20 } });
    const agent = await program("agent", agentText);
    const ids: SessionId[] = [];
    for (let i = 0; i < 8; i++) ids.push((await running.engine.start(agent, { goal: 6 })).id);
    for (const id of ids) {
      await running.engine.input(id, { type: "approval", data: { by: "me" } });
    }
    for (const id of ids) {
      expect(await running.engine.finished(id)).toMatchObject({ outcome: "done" });
    }
    expect(running.troubles).toEqual([]);
    await running.engine.close();
    for (const id of ids.slice(0, 3)) expect(await verdictOf(id)).toBe("identical");
  });

  it("go on where they were after the engine was closed in the middle", async () => {
    await open({ runners, limits: { snapshotEvents: 20 } });
    const agent = await program("agent", agentText);
    const { id } = await running.engine.start(agent, { goal: 6 });
    await until(() => running.engine.status(id).waiting?.inputs.includes("approval") === true);
    await running.close();
    await running.open({ effects, contexts: undefined as never, runners });
    await running.engine.input(id, { type: "approval", data: null });
    expect(await running.engine.finished(id)).toMatchObject({ outcome: "done" });
    await running.engine.close();
    expect(await verdictOf(id)).toBe("identical");
  });
});

const astray: Readonly<Record<string, string>> = {
  "loops without end": "for (;;);",
  "sits in a native loop": "new Array(2 ** 32 - 1).indexOf(1);",
  "eats memory by arrays": "const all = []; for (;;) all.push(new Array(1000).fill({}));",
  "eats memory by typed arrays":
    "const all = []; for (;;) all.push(new Uint8Array(1 << 24).fill(1));",
};

describe.each(Object.entries(astray))("a program that %s", (_, code) => {
  it("ends by itself, and its neighbours go on", async () => {
    const runners = { kind: "processes", processes: 1, threads: 2 } as const;
    await open({ runners, limits: { stuckMs: 1500, snapshotEvents: 20 } });
    const agent = await program("agent", agentText);
    const bad = await program(
      "bad",
      `export default { name: "bad", version: "1", init: () => ({}), reduce: (state) => state,
        async step(ctx) { await ctx.call("chat", { n: 1 }); ${code} return "done"; } };`,
    );
    const neighbours: SessionId[] = [];
    for (let i = 0; i < 6; i++) {
      neighbours.push((await running.engine.start(agent, { goal: 8 })).id);
    }
    const { id } = await running.engine.start(bad, {});
    for (const neighbour of neighbours) {
      await running.engine.input(neighbour, { type: "approval", data: null });
    }
    const report = await running.engine.finished(id);
    expect(report).toMatchObject({ outcome: "infrastructure" });
    expect(report.error).toMatchObject({ code: "WORKER_FAILED" });
    for (const neighbour of neighbours) {
      expect(await running.engine.finished(neighbour)).toMatchObject({ outcome: "done" });
    }
    await running.engine.close();
    expect(await verdictOf(neighbours[0] as SessionId)).toBe("identical");
  });
});
