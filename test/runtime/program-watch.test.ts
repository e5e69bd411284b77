// A program that does not come back is given up, by name of the event; one that is slow is not, and
// neither is a slow disk or a machine that was asleep.

import { describe, expect, test, vi } from "vitest";
import { bundleProgram } from "../../src/runtime/bundle.ts";
import { type LoadedProgram, replaySession, stateAt } from "../../src/runtime/index.ts";
import { workerPool } from "../../src/runtime/pool.ts";
import { ProgramWatch } from "../../src/runtime/program-watch.ts";
import type { InspectTask } from "../../src/runtime/protocol.ts";
import {
  enterProgram,
  leaveProgram,
  outsideOfProgram,
  tellIn,
} from "../../src/runtime/whereabouts.ts";
import {
  programFile,
  replay as replayExecuted,
  program as stepping,
  store,
} from "./executed/steps.ts";
import { counter, type MadeSession, makeSession, program, reading } from "./made-session.ts";

const patienceMs = 400;

async function replayed(session: MadeSession, used: LoadedProgram, ms = patienceMs) {
  return reading(session.root, (directory) =>
    replaySession(directory, session.id, { program: used, workers: 2, patienceMs: ms }),
  );
}

describe("a program that does not come back", () => {
  test("from `reduce` is given up, and the event is named", async () => {
    const session = await makeSession(2_500);
    const used = await program(
      "init: () => 0, reduce: (s, e) => { while (e.seq === 1234); return s; },",
    );
    const error = {
      code: "WORKER_FAILED",
      message: expect.stringMatching(
        /`reduce` of .*program\.ts does not come back from event 1234/,
      ),
      where: `${session.id}@1234`,
    };
    await expect(replayed(session, used)).rejects.toMatchObject(error);
    await reading(session.root, async (directory) => {
      const state = stateAt(directory, session.id, 2_000, { program: used, patienceMs });
      await expect(state).rejects.toMatchObject(error);
      const before = await stateAt(directory, session.id, 1_000, { program: used, patienceMs });
      expect(before.state).toBe(0);
    });
    expect(await replayed(session, await counter())).toMatchObject({ verdict: "computed" });
  });

  test("from `init` is given up", async () => {
    const session = await makeSession(10);
    const used = await program("init: () => { for (;;); }, reduce: (s) => s,");
    await expect(replayed(session, used)).rejects.toMatchObject({
      code: "WORKER_FAILED",
      message: expect.stringContaining("`init` of"),
      where: `${session.id}@0`,
    });
  });

  test.each([
    ["reach-replay", ""],
    ["steps", "step: async () => 'done',"],
  ])("while it is loaded is given up (%s)", async (_, step) => {
    const file = programFile(`init: () => 0, reduce: (s) => s, ${step}`, "for (;;) {}");
    const task: InspectTask = { kind: "inspect", program: await bundleProgram(file) };
    await expect(workerPool().run(task, { patienceMs })).rejects.toMatchObject({
      code: "WORKER_FAILED",
      message: expect.stringContaining("while it is loaded"),
    });
  });

  test.each([
    ["step", "for (;;);", "return s;", 0],
    ["step", "await ctx.call('tool', 1); for (;;);", "return s;", 2],
    ["step", "const p = () => Promise.resolve().then(p); await p();", "return s;", 0],
    ["step", "ctx.emit('a', 1); return 'done';", "while (e.kind === 'emit'); return s;", 0],
    ["reduce", "await ctx.call('tool', 1); return 'done';", "while (e.seq === 0); return s;", 0],
  ])("from a changed %s is given up (%#)", async (part, step, reduce, seq) => {
    const init = "init: () => 0,";
    const session = await store({
      program: await stepping(
        `${init} reduce: (s) => s, async step(ctx) { await ctx.call("tool", 1); return "done"; },`,
      ),
    });
    const file = programFile(`${init} reduce(s, e) { ${reduce} }, async step(ctx) { ${step} },`);
    await expect(replayExecuted(session, { file, patienceMs })).rejects.toMatchObject({
      code: "WORKER_FAILED",
      message: expect.stringContaining(`\`${part}\``),
      where: `${session.id}@${seq}`,
    });
  });
});

describe("a program that comes back", () => {
  test("may take longer in all", async () => {
    const session = await makeSession(20);
    const used = await program(`init: () => 0, reduce: (s) => {
      for (let end = Date.now() + 100; Date.now() < end; );
      return s + 1;
    },`);
    expect(await replayed(session, used, 1_500)).toMatchObject({ verdict: "computed" });
  });
});

describe("a watch", () => {
  function watched(work: (look: (looks: number) => void, watch: ProgramWatch) => void): void {
    vi.useFakeTimers();
    const watch = new ProgramWatch({ kind: "start" }, { patienceMs: 2_000 });
    try {
      tellIn(watch.whereabouts);
      work((looks) => vi.advanceTimersByTime(100 * looks), watch);
    } finally {
      watch.end();
      vi.useRealTimers();
    }
  }

  test("gives up a call that is the same for all the time", () => {
    watched((look, watch) => {
      enterProgram("reduce", 5);
      look(20);
      expect(watch.error).toBeUndefined();
      look(1);
      expect(watch.error).toMatchObject({ code: "WORKER_FAILED" });
      expect(watch.signal.aborted).toBe(true);
    });
  });

  test("does not give up calls that follow each other, be it at the same event", () => {
    watched((look, watch) => {
      for (let i = 0; i < 10; i++) {
        enterProgram("step", 5);
        look(15);
        leaveProgram();
      }
      expect(watch.error).toBeUndefined();
    });
  });

  test("does not give up a disk that is slow, also while a program asks for a payload", () => {
    watched((look, watch) => {
      look(100);
      enterProgram("reduce", 5);
      look(15);
      outsideOfProgram(() => look(100));
      look(15);
      expect(watch.error).toBeUndefined();
      look(10);
      expect(watch.error).toBeDefined();
    });
  });
});
