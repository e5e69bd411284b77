// Replay of executed sessions, from the directory to the verdict: the same whatever way the work
// was split, and a divergence that says where, what and why.

import { readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { encodeValue, limits } from "../../../src/base/index.ts";
import { sessionFolder } from "../../../src/log/index.ts";
import { isMade } from "../../../src/replay/index.ts";
import { Directory } from "../../../src/session/index.ts";
import { type Script, storedEvents } from "../../../tools/generator/executed-session.ts";
import {
  agent,
  counting,
  divergenceOf,
  play,
  program,
  programFile,
  replay,
  rerun,
  store,
} from "./steps.ts";

const long = { input: { goal: 900 }, snapshotEvents: 100 };

describe("a session that was executed", () => {
  test("is identical, with any number of workers, strict or not, snapshots or none", async () => {
    const session = await store({ program: await program(agent), ...long });
    const events = storedEvents(session.played);
    const first = await replay(session, { workers: 1 });
    expect(first).toMatchObject({
      verdict: "identical",
      events: events.length,
      snapshots: session.played.snapshots.length,
      divergence: null,
      problem: null,
      operations: { count: events.filter(isMade).length },
    });
    const same = [
      await replay(session, { workers: 2 }),
      await replay(session, { workers: 4, strict: true }),
    ];
    rmSync(path.join(sessionFolder(session.root, session.id), "snapshots"), { recursive: true });
    same.push(await replay(session, { workers: 2 }));
    for (const report of same) {
      const { verdict, operations, stateHash, root } = report;
      expect({ verdict, operations, stateHash, root }).toEqual({
        verdict: "identical",
        operations: first.operations,
        stateHash: first.stateHash,
        root: first.root,
      });
    }
  });

  test("gets its snapshots back from a replay that keeps them", async () => {
    const session = await store({ program: await program(agent), ...long });
    const folder = path.join(sessionFolder(session.root, session.id), "snapshots");
    rmSync(folder, { recursive: true });
    const kept = await replay(session, { keep: true });
    const { length } = session.played.snapshots;
    expect(kept).toMatchObject({ verdict: "identical", keptSnapshots: length });
    expect(readdirSync(folder)).toHaveLength(1);
    expect(await replay(session, { keep: true })).toMatchObject({ snapshots: length, kept: false });
  });

  test("is replayed in part, from the snapshot before to the one behind", async () => {
    const session = await store({ program: await program(agent), ...long });
    const all = await replay(session);
    const part = await replay(session, { from: 300, to: 420 });
    expect(part).toMatchObject({ verdict: "identical", root: all.root });
    expect(part.operations?.count).toBeGreaterThan(20);
    expect(part.operations?.count).toBeLessThan((all.operations?.count ?? 0) / 2);
  });
});

describe("changed code", () => {
  async function changed(from: string, to: string) {
    const session = await store({ program: await program(agent), ...long });
    const file = programFile(agent.replace(from, to));
    const report = await replay(session, { file });
    return { session, report, divergence: divergenceOf(report) };
  }

  test("that makes the same is identical, and says what it compared", async () => {
    const session = await store({ program: await program(agent), ...long });
    const file = programFile(`${agent} /* the same */`);
    const { verdict, operations } = await replay(session, { file });
    expect(verdict).toBe("identical");
    expect(operations?.count).toBe(storedEvents(session.played).filter(isMade).length);
  });

  test("is told with what came out again before it, however the work was split", async () => {
    const change = ["{ plan, n }", "{ plan, n: ctx.state.events > 200 ? 0 : n }"] as const;
    const session = await store({ program: await program(agent), ...long });
    const file = programFile(agent.replace(...change));
    const { comparedTo, operations } = await replay(session, { file });
    const before = storedEvents(session.played).filter(({ seq }) => seq < comparedTo);
    const steps = before.filter(({ kind }) => kind === "step").length;
    expect(steps).toBeGreaterThan(5);
    expect(operations).toEqual({ count: before.filter(isMade).length, steps, hash: null });
  });

  test("with another input is told with its path and its line", async () => {
    const { divergence, report } = await changed("{ plan, n }", "{ plan, n: n * 10 }");
    expect(report.verdict).toBe("diverged");
    expect(divergence).toMatchObject({
      change: { kind: "input" },
      cause: { kind: "code-changed" },
      expected: { kind: "call", type: "tool.search" },
      actual: { kind: "call", type: "tool.search" },
      stepFrom: 1,
      lastMatching: null,
    });
    expect(divergence.paths).toMatchObject([{ path: "$.input.n", expected: "1", actual: "10" }]);
    expect(divergence.source).toMatch(/program\.ts:12:\d+$/);
  });

  test("with a new call is told as one call", async () => {
    const before = 'ctx.emit("message",';
    const { divergence } = await changed(before, `ctx.emit("draft", {}); ${before}`);
    expect(divergence.change).toMatchObject({ kind: "inserted" });
    expect(divergence.change.text).toContain('before the emit "message"');
  });

  test("without a call is told as a missing one", async () => {
    const { divergence } = await changed("[1, 2, 3].map", "[2, 3].map");
    expect(divergence.change).toMatchObject({ kind: "removed" });
  });

  test("with calls in another order is told so", async () => {
    const { divergence } = await changed("[1, 2, 3].map", "[2, 1, 3].map");
    expect(divergence.change).toMatchObject({ kind: "reordered" });
  });

  test("that stops earlier, ends otherwise or throws is told so", async () => {
    const ends = await changed('ctx.emit("message",', 'return "done"; ctx.emit("message",');
    expect(ends.divergence).toMatchObject({
      expected: { kind: "emit" },
      actual: { kind: "step", type: "done" },
    });
    const throws = await changed('ctx.emit("message",', 'null.x; ctx.emit("message",');
    expect(throws.divergence.actual).toMatchObject({ kind: "end", type: "failed" });
    expect(throws.divergence.source).toMatch(/program\.ts:13:\d+$/);
  });

  test("an operation before the end of a step is told as one, not as another step", async () => {
    const ends = (before: string, result: string) => `${counting}
      async step(ctx) {
        ctx.emit("x", await ctx.call("llm.chat", {}));
        ${before}
        return ctx.state.events > 20 ? { done: ${result} } : "continue";
      },`;
    const session = await store({ program: await program(ends("", "1")) });
    const more = await replay(session, { file: programFile(ends('ctx.emit("late", 1);', "1")) });
    expect(divergenceOf(more)).toMatchObject({
      expected: { kind: "step" },
      actual: { kind: "emit", type: "late" },
      change: { kind: "inserted" },
    });
    const other = divergenceOf(await replay(session, { file: programFile(ends("", "2")) }));
    expect(other.paths).toMatchObject([{ path: "$.result", expected: "1", actual: "2" }]);
    expect(other.change).toMatchObject({ kind: "ending" });
  });
});

describe("where a log ends", () => {
  const emits = (count: number) => `${counting}
    async step(ctx) {
      for (let i = 0; i < ${count}; i++) ctx.emit("x", { i, text: "x".repeat(i === 3 ? 20 : 5) });
      await ctx.waitFor("word");
      return "done";
    },`;
  const waiting = { script: () => undefined };

  test("a program that makes more than was recorded has diverged", async () => {
    const session = await store({ program: await program(emits(2)), ...waiting });
    expect(await replay(session)).toMatchObject({ verdict: "identical", operations: { count: 2 } });
    const report = await replay(session, { file: programFile(emits(3)) });
    expect(report).toMatchObject({ verdict: "diverged", comparedTo: 3 });
    expect(divergenceOf(report)).toMatchObject({
      seq: 3,
      expected: null,
      actual: { kind: "emit", type: "x" },
      change: { kind: "more" },
      cause: { kind: "code-changed" },
    });
  });

  test("one that makes more before its host ended it has diverged", async () => {
    const end = { kind: "end", type: "infrastructure", ref: null, form: "cbor" } as const;
    const used = await program(emits(2));
    const ended = (count: number) => {
      const played = play({ program: used, ...waiting });
      const payload = encodeValue({ error: { name: "Error", message: "killed" } });
      const head = played.events.slice(0, count);
      return storedEvents({ events: [...head, { ...end, time: 1e13, seq: count, payload }] });
    };
    const { secret } = play({ program: used, ...waiting });
    expect(rerun(used, ended(3), secret).fault).toBeUndefined();
    // An activation of which nothing is recorded may have been what the program was ended for.
    expect(rerun(used, ended(1), secret).fault).toBeUndefined();
    expect(rerun(used, ended(2), secret).fault).toMatchObject({ seq: 2, recorded: true });
  });

  test("what a program was ended in is not run again: it might never end", async () => {
    const session = await store({ program: await program(emits(2)), ...waiting }, { cutAt: 1 });
    const directory = await Directory.open({ path: session.root, mode: "write" });
    const bytes = encodeValue({ error: { name: "Error", message: "killed" } });
    const end = { kind: "end", type: "infrastructure", time: 1e13, ref: null } as const;
    await directory.appendTo(session.id).append({ ...end, form: "cbor", bytes }).durable;
    await directory.close();
    const endless = programFile(`${counting} async step(ctx) { while (ctx.state) ; },`);
    const signal = AbortSignal.timeout(15_000);
    const report = await replay(session, { file: endless, signal });
    expect(report).toMatchObject({ verdict: "computed", events: 2, divergence: null });
  });

  test("an activation may be cut off where a batch is full", async () => {
    const used = await program(emits(80));
    const whole = limits.batchEventsMax;
    const cut = (cutAt: number) => {
      return store({ program: used, ...waiting }, { cutAt, batchEvents: whole });
    };
    expect(await replay(await cut(whole))).toMatchObject({
      verdict: "identical",
      operations: { count: whole - 1 },
    });
    // A bundle brings the same events in other batches.
    expect(await replay(await cut(whole + 5))).toMatchObject({ verdict: "identical" });
    const short = { program: await program(emits(whole - 10)), ...waiting };
    const report = await replay(await store(short, { cutAt: 5, batchEvents: whole }));
    expect(divergenceOf(report)).toMatchObject({ seq: 5, expected: null });
    expect(report.divergence?.cause.text).toContain("written by something else");
  });

  test("an activation with a large payload may be cut off anywhere", async () => {
    const used = await program(emits(5).replace("? 20 : 5", `? ${limits.blobJournalBytesMax} : 5`));
    for (const cutAt of [2, 4, 5]) {
      const session = await store({ program: used, ...waiting }, { cutAt });
      expect(await replay(session)).toMatchObject({ verdict: "identical" });
    }
  });

  test("other code that makes more has diverged, be it a batch or a large payload", async () => {
    const session = await store({ program: await program(emits(2)), ...waiting });
    const large = emits(5).replace("? 20 : 5", `? ${limits.blobJournalBytesMax} : 5`);
    for (const text of [emits(3), emits(80), large]) {
      const report = await replay(session, { file: programFile(text) });
      expect(divergenceOf(report)).toMatchObject({ seq: 3, expected: null });
    }
    const cut = { cutAt: limits.batchEventsMax, batchEvents: limits.batchEventsMax };
    const torn = await store({ program: await program(emits(80)), ...waiting }, cut);
    const file = programFile(`${emits(80)} /* the same */`);
    expect(await replay(torn, { file })).toMatchObject({ verdict: "identical" });
  });

  test("nothing has been compared as long as there is nothing but the trigger", async () => {
    const session = await store({ program: await program(emits(0)), ...waiting });
    expect(await replay(session)).toMatchObject({ verdict: "computed", operations: { count: 0 } });
    const cut = await store({ program: await program(emits(2)), ...waiting }, { cutAt: 1 });
    expect((await replay(cut)).verdict).toBe("computed");
  });

  test("that nothing was made of an input has been compared", async () => {
    const script: Script = ({ seq }) => (seq < 3 ? { kind: "input", type: "other" } : undefined);
    const session = await store({ program: await program(emits(0)), script });
    expect(await replay(session)).toMatchObject({ verdict: "identical", operations: { count: 0 } });
  });
});

describe("a session that a program has", () => {
  test("kept something for outside the state shows at the next step", async () => {
    const used = await program(
      `${counting}
      async step(ctx) {
        seen.add(ctx.state.events);
        await ctx.call("tool", { seen: seen.size });
        return ctx.state.events > 30 ? "done" : "continue";
      },`,
      "const seen = new Set();",
    );
    const session = await store({ program: used });
    const divergence = divergenceOf(await replay(session));
    expect(divergence).toMatchObject({
      cause: { kind: "kept-outside-state" },
      change: { kind: "input" },
      paths: [{ path: "$.input.seen", expected: "2", actual: "1" }],
    });
  });

  test("changed by its step, past the events, shows beside the folded copy", async () => {
    const used = await program(
      `init: () => ({ events: 0, bonus: 0 }),
      reduce(state, event) {
        state.events += 1;
        state.bonus += box.bonus;
        return state;
      },
      async step(ctx) {
        box.bonus = 1;
        await ctx.call("tool", {});
        return "done";
      },`,
      "const box = { bonus: 0 };",
    );
    const divergence = divergenceOf(await replay(await store({ program: used })));
    expect(divergence).toMatchObject({
      cause: { kind: "state-changed-by-step" },
      change: { kind: "state" },
    });
    expect(divergence.paths[0]).toMatchObject({ path: "$.bonus", expected: "0" });
  });

  test("filled with what no snapshot can keep shows with its path", async () => {
    const used = await program(
      `init: () => ({ list: [], again: null, events: 0 }),
      reduce(state, event) {
        state.events += 1;
        state.again = state.list;
        return state;
      },
      async step(ctx) {
        await ctx.call("tool", {});
        return ctx.state.events > 5 ? "done" : "continue";
      },`,
    );
    const divergence = divergenceOf(await replay(await store({ program: used })));
    expect(divergence.cause.kind).toBe("state-unsupported");
    expect(divergence.cause.text).toContain("$.again");
  });
});

describe("a session that was given up since its steps never waited", () => {
  const spinning = "init: () => 0, reduce: (s) => s, step: async () => 'continue',";

  test("is identical, from its beginning and from a snapshot amid its steps", async () => {
    const session = await store({ program: await program(spinning), snapshotEvents: 6_000 });
    const events = storedEvents(session.played);
    expect(events.at(-1)?.data).toMatchObject({ error: { code: "STEP_STALLED" } });
    expect(session.played.snapshots).toHaveLength(1);
    expect(await replay(session)).toMatchObject({ verdict: "identical", snapshots: 1 });
    rmSync(path.join(sessionFolder(session.root, session.id), "snapshots"), { recursive: true });
    expect(await replay(session)).toMatchObject({ verdict: "identical", snapshots: 1 });
  });
});

describe("changed code that throws", () => {
  const calling = `init: () => ({ steps: 0 }),
    reduce(s, e) { if (e.kind === "step") s.steps += 1; return s; },
    async step(ctx) {
      const found = await ctx.call("tool", { n: ctx.state.steps });
      return ctx.state.steps === 2 ? "done" : "continue";
    },`;

  test.each([
    ["init", "({ steps: 0 })", "{ throw new RangeError('no') }", 1, "PROGRAM_FAILED: .*: no", 1],
    ["step", "const found", "throw new RangeError('no'); const found", 1, "RangeError: no", 4],
    [
      "reduce",
      "s.steps += 1;",
      's.steps += 1; if (e.kind === "result") throw new RangeError("no");',
      3,
      "RangeError: no",
      2,
    ],
    [
      "reduce, at the end of a step",
      "s.steps += 1",
      "throw new TypeError('no')",
      4,
      "PROGRAM_FAILED: .*: no",
      2,
    ],
  ])("in %s is told with what it threw, and where", async (_, from, to, seq, thrown, line) => {
    const session = await store({ program: await program(calling) });
    const file = programFile(calling.replace(from, to));
    const report = await replay(session, { file });
    const divergence = divergenceOf(report);
    expect(divergence).toMatchObject({ seq, actual: { kind: "end", type: "failed" } });
    expect(divergence.actual?.shown).toMatch(new RegExp(`^${thrown}$`));
    expect(divergence.source).toMatch(new RegExp(`program\\.ts:${line + 1}:\\d+$`));
  });
});
