// Many sessions at once: there are only so many contexts, and only so much memory for what is in
// them, and nobody loses anything for that.

import { writeFileSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import type { SessionId } from "../../src/base/index.ts";
import { ContextRoom } from "../../src/engine/context-room.ts";
import { engineLimits } from "../../src/engine/engine-limits.ts";
import { Scheduler } from "../../src/engine/scheduler.ts";
import type { SessionActor } from "../../src/engine/session-actor.ts";
import { loadProgram } from "../../src/runtime/index.ts";
import { effectsOf, programOf, Running, until } from "./running.ts";

let running: Running | undefined;

afterEach(() => running?.end());

describe("contexts", () => {
  it("are never more than there may be, however many sessions come at once", async () => {
    running = new Running();
    const program = programOf(
      "caller",
      `{ async step(ctx) {
        const first = await ctx.call("wait", 1);
        return { done: first + await ctx.call("wait", 2) };
      } }`,
    );
    let most = 0;
    const effects = effectsOf({
      wait: async (input: number) => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        most = Math.max(most, engine.metrics().sessionsLoaded);
        return input;
      },
    });
    const engine = await running.open({
      programs: [program],
      effects,
      limits: { laneContextsMax: 4 },
    });
    const starts = Array.from({ length: 40 }, () => engine.start("caller", null));
    const started = await Promise.all(starts);
    await until(() => engine.metrics().queueDepth > 0);
    const reports = await Promise.all(started.map(({ id }) => engine.finished(id)));
    expect(reports.map(({ result }) => result)).toEqual(started.map(() => 3));
    expect(most).toBe(4);
    // Those that waited shortly kept theirs.
    expect(engine.metrics()).toMatchObject({ resumed: 0, queueDepth: 0, queueAgeSeconds: 0 });
  });

  it("are given back by those that wait for long", async () => {
    running = new Running();
    const program = programOf(
      "waiter",
      `{ async step(ctx) { return { done: await ctx.waitFor("word") }; } }`,
    );
    const engine = await running.open({ programs: [program], limits: { laneContextsMax: 4 } });
    const ids: SessionId[] = [];
    for (let i = 0; i < 12; i++) ids.push((await engine.start("waiter", i)).id);
    await until(() => ids.every((id) => engine.status(id).phase === "waiting"));
    expect(engine.metrics().sessionsLoaded).toBeLessThanOrEqual(4);
    for (const [i, id] of ids.entries()) {
      await engine.input(id, { type: "word", data: i });
      expect((await engine.finished(id)).result).toBe(i);
    }
    expect(engine.metrics().resumed).toBeGreaterThanOrEqual(8);
  });

  it("are given back in the end by those that wait shortly, again and again", async () => {
    running = new Running();
    const program = programOf(
      "busy",
      `{ async step(ctx) {
        for (;;) await ctx.call("wait", null);
      } }`,
    );
    const effects = effectsOf({ wait: () => new Promise((resolve) => setTimeout(resolve, 20)) });
    const engine = await running.open({
      programs: [program],
      effects,
      limits: { laneContextsMax: 2 },
    });
    const ids: SessionId[] = [];
    for (let i = 0; i < 3; i++) ids.push((await engine.start("busy", i)).id);
    await until(() => ids.every((id) => engine.status(id).size > 5));
    expect(engine.metrics().sessionsLoaded).toBeLessThanOrEqual(2);
  });

  it("go to those that go on and to those that begin by turns", async () => {
    running = new Running();
    const program = programOf(
      "mixed",
      `{
        init: ({ data }) => ({ waits: data }),
        async step(ctx) {
          if (ctx.state.waits) await ctx.waitFor("word");
          else await ctx.call("wait", null);
          return { done: null };
        },
      }`,
    );
    const order: string[] = [];
    const effects = effectsOf({ wait: () => new Promise((resolve) => setTimeout(resolve, 20)) });
    const options = { programs: [program], effects, limits: { laneContextsMax: 1 } };
    const engine = await running.open(options);
    const first = await engine.start("mixed", true);
    await until(() => engine.status(first.id).phase === "waiting");
    const others: SessionId[] = [];
    for (let i = 0; i < 12; i++) others.push((await engine.start("mixed", false)).id);
    await until(() => engine.status(others[0] as SessionId).phase === "ended");
    const ends = [first.id, ...others].map((id) => engine.finished(id).then(() => order.push(id)));
    await engine.input(first.id, { type: "word", data: null });
    await Promise.all(ends);
    expect(order.indexOf(first.id)).toBeLessThan(5);
  });
});

describe("memory", () => {
  it("of sessions with large states is given back before their thread has too little", async () => {
    running = new Running();
    const file = running.scratch.at("hoarder.mjs");
    // A state of some MiB each, of which all together would take several times what a thread has.
    writeFileSync(
      file,
      `export default {
        name: "hoarder", version: "1",
        init({ data }) {
          return { rows: Array.from({ length: 120_000 }, (_, i) => ({ n: data + i })) };
        },
        reduce: (state) => state,
        async step(ctx) {
          await ctx.call("wait", null);
          const word = await ctx.waitFor("word");
          return { done: ctx.state.rows[7].n + word.data };
        },
      };`,
    );
    const program = await loadProgram(file);
    const engine = await running.open({
      contexts: undefined as never,
      programs: [program],
      runners: { kind: "processes", processes: 1, threads: 2 },
      effects: effectsOf({ wait: () => new Promise((resolve) => setTimeout(resolve, 20)) }),
    });
    const starts = Array.from({ length: 48 }, (_, i) => engine.start("hoarder", i));
    const started = await Promise.all(starts);
    const isWaiting = ({ id }: { id: SessionId }): boolean =>
      engine.status(id).waiting?.inputs[0] === "word";
    await until(() => started.every(isWaiting), 60_000);
    await Promise.all(started.map(({ id }) => engine.input(id, { type: "word", data: 10 })));
    const reports = await Promise.all(started.map(({ id }) => engine.finished(id)));
    expect(reports.map(({ result }) => result)).toEqual(started.map((_, i) => i + 17));
    expect(running.troubles).toEqual([]);
    expect(engine.metrics().runnersLost).toBe(0);
  }, 120_000);
});

it("nobody looks for room any more once sessions are no longer run", () => {
  let looks = 0;
  const delay = (): (() => void) => {
    looks += 1;
    return () => {
      looks -= 1;
    };
  };
  const now = (): number => performance.now();
  const room = new ContextRoom({ now, delay, isFull: () => true, onRoom: () => {} });
  const nothing = { start: () => [], startAlone: () => undefined as never };
  const events = { onReply: () => {}, onLost: () => {}, onAside: () => {} };
  const scheduler = new Scheduler(nothing, engineLimits, room, now, events);
  const actor = { program: "any", isNew: true, unload: () => {} } as unknown as SessionActor;
  scheduler.enqueue(actor);
  expect(looks).toBe(1);
  scheduler.stop();
  scheduler.enqueue(actor);
  expect(looks).toBe(0);
});
