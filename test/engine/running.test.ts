// Sessions that run from their trigger to their end: what is in their logs, and what is told.

import { getEventListeners } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import { effectsOf, programOf, Running, until } from "./running.ts";

const opened: Running[] = [];

function fresh(): Running {
  const one = new Running();
  opened.push(one);
  return one;
}

afterEach(async () => {
  for (const one of opened.splice(0)) await one.end();
});

const adder = programOf(
  "adder",
  `{
    init: (trigger) => ({ sum: trigger.data.start }),
    reduce(state, event) {
      if (event.kind === "result") state.sum += event.data.value;
      return state;
    },
    async step(ctx) {
      await Promise.all([ctx.call("double", 2), ctx.call("double", 3)]);
      ctx.emit("sum", ctx.state.sum);
      return ctx.state.sum < 30 ? "continue" : { done: ctx.state.sum };
    },
  }`,
);

const double = effectsOf({ double: (input: number) => 2 * input });

describe("a session", () => {
  it("runs from its trigger to its end, everything in its log", async () => {
    const run = fresh();
    const engine = await run.open({ programs: [adder], effects: double });
    const { id, created } = await engine.start("adder", { start: 1 });
    expect(created).toBe(true);
    const report = await engine.finished(id);
    expect(report).toMatchObject({ id, outcome: "done", result: 31, forced: false });
    const events = run.events(id);
    expect(events.slice(0, 8)).toEqual([
      'trigger:adder {"start":1}',
      'call:double {"input":2}',
      'call:double {"input":3}',
      'result:double@1 {"value":4}',
      'result:double@2 {"value":6}',
      "emit:sum 11",
      "step:continue {}",
      'call:double {"input":2}',
    ]);
    expect(events.at(-2)).toBe('step:done {"result":31}');
    expect(events.at(-1)).toBe('end:done {"result":31}');
    expect(engine.status(id)).toMatchObject({ phase: "ended", outcome: "done", size: 20 });
    expect(run.troubles).toEqual([]);
  });

  it("takes inputs, also early ones, and refuses them after its end", async () => {
    const run = fresh();
    const program = programOf(
      "talk",
      `{ async step(ctx) {
        const first = await ctx.waitFor("b");
        const second = await ctx.waitFor("a");
        return { done: [first, second] };
      } }`,
    );
    const engine = await run.open({ programs: [program] });
    const { id } = await engine.start("talk", null);
    await expect(engine.input(id, { type: "a", data: 1 })).resolves.toMatchObject({ seq: 1 });
    await engine.input(id, { type: "b", data: 2 });
    expect((await engine.finished(id)).result).toEqual([2, 1]);
    await expect(engine.input(id, { type: "a", data: 1 })).rejects.toMatchObject({
      code: "SESSION_ENDED",
    });
  });

  it("refuses an input that cannot be an event, and takes the next one", async () => {
    const run = fresh();
    const program = programOf(
      "talk",
      `{ step: async (ctx) => ({ done: await ctx.waitFor("a") }) }`,
    );
    let time = 1000;
    const engine = await run.open({ programs: [program], clock: () => time });
    const { id } = await engine.start("talk", null);
    const refused = { code: "EVENT_INVALID" };
    for (const type of ["a\ud800", "\u00e9".repeat(129)]) {
      await expect(engine.input(id, { type, data: 1 })).rejects.toMatchObject(refused);
    }
    // What is only noticed when it is appended is refused there.
    await until(() => engine.status(id).phase === "waiting");
    time = -1;
    const early = [engine.input(id, { type: "a", data: 1 }), engine.cancel(id)];
    for (const { status } of await Promise.allSettled(early)) expect(status).toBe("rejected");
    expect(engine.status(id)).toMatchObject({ phase: "waiting", size: 1 });
    time = 2000;
    await engine.input(id, { type: "a", data: 2 });
    expect((await engine.finished(id)).result).toBe(2);
  });

  it("sleeps and is woken by its timer", async () => {
    const run = fresh();
    const program = programOf(
      "sleeper",
      `{ async step(ctx) {
        const begun = ctx.now();
        await ctx.sleep(30);
        return { done: ctx.now() - begun };
      } }`,
    );
    const engine = await run.open({ programs: [program] });
    const { id } = await engine.start("sleeper", null);
    expect((await engine.finished(id)).result).toBeGreaterThanOrEqual(30);
  });

  it("ends as failed when its program throws", async () => {
    const run = fresh();
    const thrower = programOf("thrower", `{ async step(ctx) { throw new RangeError("no"); } }`);
    const broken = programOf("broken", `{ init() { throw new Error("bad"); }, async step() {} }`);
    const stalled = programOf("stalled", `{ step: () => new Promise(() => {}) }`);
    const endless = programOf("endless", `{ async step() { return "continue"; } }`);
    const engine = await run.open({ programs: [thrower, broken, stalled, endless] });
    const outcomes = [];
    for (const name of ["thrower", "broken", "stalled", "endless"]) {
      const { id } = await engine.start(name, null);
      const { outcome, error } = await engine.finished(id);
      outcomes.push([outcome, error?.name, error?.code]);
    }
    expect(outcomes).toEqual([
      ["failed", "RangeError", undefined],
      ["failed", "Error", "PROGRAM_FAILED"],
      ["failed", "Error", "STEP_STALLED"],
      ["failed", "Error", "STEP_STALLED"],
    ]);
  });

  it("ends as cancelled, or is ended when it does not", async () => {
    const run = fresh();
    const polite = programOf("polite", `{ async step(ctx) { await ctx.waitFor("x"); } }`);
    const stubborn = programOf(
      "stubborn",
      `{ async step(ctx) {
        for (;;) { try { await ctx.waitFor("x"); } catch { ctx.emit("still here"); } }
      } }`,
    );
    const engine = await run.open({
      programs: [polite, stubborn],
      limits: { cancelGraceMs: 50 },
    });
    const first = await engine.start("polite", null);
    await until(() => engine.status(first.id).phase === "waiting");
    await engine.cancel(first.id, "enough");
    expect(await engine.finished(first.id)).toMatchObject({ outcome: "cancelled", forced: false });
    const second = await engine.start("stubborn", null);
    await engine.cancel(second.id);
    expect(await engine.finished(second.id)).toMatchObject({ outcome: "cancelled", forced: true });
    expect(run.events(second.id).slice(-2)).toEqual([
      "emit:still here null",
      'end:cancelled {"forced":true}',
    ]);
  });

  it("is started once per id", async () => {
    const run = fresh();
    const engine = await run.open({ programs: [adder], effects: double });
    const id = "0197f000-0000-7000-8000-000000000001";
    const both = await Promise.all([
      engine.start("adder", { start: 1 }, { id }),
      engine.start("adder", { start: 1 }, { id }),
    ]);
    expect(both.map(({ created }) => created)).toEqual([true, false]);
    await engine.finished(id);
    expect(await engine.start("adder", { start: 1 }, { id })).toEqual({ id, created: false });
    expect(engine.metrics()).toMatchObject({ started: 1, ended: { done: 1 } });
  });

  it("is out of the way when its engine has been closed, whoever closed it first", async () => {
    const run = fresh();
    const engine = await run.open({ programs: [adder], effects: double });
    await engine.start("adder", { start: 1 });
    let isClosed = false;
    const first = engine.close().then(() => {
      isClosed = true;
    });
    await engine.close();
    expect(isClosed).toBe(true);
    await first;
  });

  it("has what its program logs as notes, once, also what it logs before it ends", async () => {
    const run = fresh();
    const program = programOf(
      "logger",
      `{ async step(ctx) {
        ctx.log("before", { n: 1 });
        await ctx.waitFor("go");
        ctx.log("behind");
        await ctx.call("double", 2);
        ctx.log("last");
        return "done";
      } }`,
    );
    const options = { programs: [program], effects: double };
    const engine = await run.open(options);
    const { id } = await engine.start("logger", null);
    await until(() => run.events(id).length === 2);
    await run.close();
    const again = await run.open(options);
    await again.input(id, { type: "go", data: null });
    await again.finished(id);
    expect(run.events(id).map((event) => event.replace(/ \{\}$/, ""))).toEqual([
      "trigger:logger null",
      'note:log ["before",{"n":1}]',
      "input:go null",
      'call:double {"input":2}',
      'note:log ["behind"]',
      'result:double@3 {"value":4}',
      "step:done",
      'note:log ["last"]',
      "end:done",
    ]);
  });

  it("has its notes between activations, seen by no program", async () => {
    const run = fresh();
    const effects = effectsOf({
      double: (input: number, request) => {
        request.note("retry", { attempt: 1 });
        return 2 * input;
      },
    });
    const engine = await run.open({ programs: [adder], effects });
    const { id } = await engine.start("adder", { start: 100 });
    expect((await engine.finished(id)).result).toBe(110);
    expect(run.events(id).filter((event) => event.startsWith("note"))).toEqual([
      'note:retry@1 {"attempt":1}',
      'note:retry@2 {"attempt":1}',
    ]);
  });

  it("goes on though an effect notes what no log can take", async () => {
    const run = fresh();
    const effects = effectsOf({
      double: (input: number, { note }) => {
        note("raw", "x".repeat(1_200_000));
        note("t".repeat(300), 1);
        return 2 * input;
      },
    });
    const engine = await run.open({ programs: [adder], effects });
    const { id } = await engine.start("adder", { start: 100 });
    expect((await engine.finished(id)).result).toBe(110);
    expect(run.events(id).filter((event) => event.startsWith("note"))).toHaveLength(4);
  });

  it("has its notes at once also while nothing of it is in a runner", async () => {
    const run = fresh();
    let noteNow = (): void => {};
    const effects = effectsOf({
      double: (_: number, { note }) => {
        noteNow = () => note("progress", 1);
        return new Promise(() => {});
      },
    });
    const engine = await run.open({ programs: [adder], effects, limits: { idleMs: 10 } });
    const { id } = await engine.start("adder", { start: 1 });
    await until(() => engine.status(id).phase === "waiting");
    await until(() => engine.metrics().sessionsLoaded === 0);
    noteNow();
    await until(() => run.events(id).includes("note:progress@2 1"));
  });

  it("leaves nothing with the signal of somebody who has waited for its end", async () => {
    const run = fresh();
    const program = programOf(
      "talk",
      `{ step: async (ctx) => ({ done: await ctx.waitFor("a") }) }`,
    );
    const engine = await run.open({ programs: [program] });
    const [first, second] = [await engine.start("talk", null), await engine.start("talk", null)];
    const { signal } = new AbortController();
    const ended = engine.finished(first.id, { signal });
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    await engine.input(first.id, { type: "a", data: 1 });
    expect((await ended).result).toBe(1);
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
    const gone = new AbortController();
    const left = engine.finished(second.id, gone);
    gone.abort(new Error("gone"));
    await expect(left).rejects.toThrow("gone");
    expect(getEventListeners(gone.signal, "abort")).toHaveLength(0);
    await engine.input(second.id, { type: "a", data: 2 });
    expect((await engine.finished(second.id)).result).toBe(2);
  });
});
