// A session that fills memory outside the heap of its thread: that thread is ended while its
// process has room left, so the other threads of the process keep their sessions.

import { writeFileSync } from "node:fs";
import process from "node:process";
import { afterEach, describe, expect, it } from "vitest";
import type { SessionId } from "../../src/base/index.ts";
import { GrowthWatch } from "../../src/engine/host/growth-watch.ts";
import type { Lane } from "../../src/engine/lanes/lane.ts";
import { RunnerProcess } from "../../src/engine/lanes/runner-process.ts";
import { loadProgram } from "../../src/runtime/index.ts";
import { childrenOf } from "../server/running.ts";
import { plainContexts, Running, until } from "./running.ts";

const MiB = 1024 * 1024;

describe("a thread is ended for what its process grew by", () => {
  const limits = { rssBytesMax: 400, addedBytesMin: 50 };
  let rss = 0;
  const begin = () => {
    const ended: string[] = [];
    const watch = new GrowthWatch(limits, () => rss);
    const thread = (name: string) => ({ kill: () => ended.push(name) });
    /** An order begins in a thread and takes long, when the process has so much memory. */
    const work = (one: { kill(): void }, before: number): void => {
      rss = before;
      watch.sighted(one);
      watch.onWork(one, 7);
    };
    const lookAt = (now: number): void => {
      rss = now;
      watch.look();
    };
    return { ended, watch, thread, work, lookAt };
  };

  it("once, and not before there is too much", () => {
    const { ended, thread, work, lookAt } = begin();
    work(thread("one"), 100);
    lookAt(400);
    expect(ended).toEqual([]);
    lookAt(401);
    lookAt(450);
    expect(ended).toEqual(["one"]);
  });

  it("if it was at work while most was added", () => {
    const { ended, thread, work, lookAt } = begin();
    work(thread("late"), 390);
    work(thread("early"), 200);
    lookAt(410);
    expect(ended).toEqual(["early"]);
  });

  it("and not for what was there before", () => {
    const { ended, thread, work, lookAt } = begin();
    work(thread("one"), 420);
    lookAt(460);
    expect(ended).toEqual([]);
    lookAt(470);
    expect(ended).toEqual(["one"]);
  });

  it("counted from when its order was first seen, not from when that took long", () => {
    const { ended, watch, thread, lookAt } = begin();
    const one = thread("one");
    rss = 300;
    watch.sighted(one);
    rss = 390;
    watch.onWork(one, 7);
    lookAt(410);
    expect(ended).toEqual(["one"]);
  });

  it("and the others are not, for what it has not given back yet", () => {
    const { ended, watch, thread, work, lookAt } = begin();
    const guilty = thread("guilty");
    work(thread("slow"), 200);
    work(guilty, 190);
    lookAt(410);
    lookAt(420);
    expect(ended).toEqual(["guilty"]);
    watch.gone(guilty);
    lookAt(410);
    expect(ended).toEqual(["guilty"]);
    // From there on it counts again.
    lookAt(480);
    expect(ended).toEqual(["guilty", "slow"]);
  });

  it("unless its order is over", () => {
    const { ended, watch, thread, work, lookAt } = begin();
    const one = thread("one");
    work(one, 100);
    watch.onWork(one, 0);
    lookAt(450);
    expect(ended).toEqual([]);
  });
});

let running: Running | undefined;

afterEach(() => running?.end());

const member = 'version: "1", init: () => ({}), reduce: (state) => state';

const programs: Readonly<Record<string, string>> = {
  talker: `export default { name: "talker", ${member}, async step(ctx) {
    const { data: word } = await ctx.waitFor("word");
    ctx.emit("heard", word);
    return word === "end" ? "done" : "continue";
  } };`,
  eater: `export default { name: "eater", ${member}, async step(ctx) {
    await ctx.waitFor("go");
    const all = [];
    for (;;) all.push(new Uint8Array(1 << 24).fill(1));
  } };`,
};

it("a session that fills typed arrays takes its own thread along and nobody else's", async () => {
  running = new Running();
  const before = new Set(childrenOf(process.pid));
  const loaded = [];
  for (const [name, text] of Object.entries(programs)) {
    const file = running.scratch.at(`${name}.mjs`);
    writeFileSync(file, text);
    loaded.push(await loadProgram(file));
  }
  const engine = await running.open({
    contexts: undefined as never,
    programs: loaded,
    runners: { kind: "processes", processes: 1, threads: 2 },
    // Room for a machine that is slow to look.
    limits: { runnerRssBytesMax: 1024 * MiB },
  });
  const start = async (name: string): Promise<SessionId> => {
    const { id } = await engine.start(name, null);
    await until(() => engine.status(id).phase === "waiting");
    return id;
  };
  const talkers = [await start("talker"), await start("talker"), await start("talker")];
  const eater = await start("eater");
  const [runner] = childrenOf(process.pid).filter((pid) => !before.has(pid));
  await engine.input(eater, { type: "go", data: null });
  await until(() => engine.metrics().runnersLost > 0);
  expect(running.troubles[0]).toMatch(/^1 lanes were lost: a session added \d+ MiB/);
  // Its other tries are its own affair.
  const report = await engine.finished(eater);
  expect(report).toMatchObject({ outcome: "infrastructure", error: { code: "WORKER_FAILED" } });
  expect(running.troubles.slice(1)).toEqual([
    expect.stringMatching(/^1 lanes of suspects were lost: its process used/),
    expect.stringMatching(/^1 lanes of suspects were lost: its process used/),
  ]);
  expect(childrenOf(process.pid)).toContain(runner);
  for (const id of talkers) {
    await engine.input(id, { type: "word", data: "end" });
    expect(await engine.finished(id)).toMatchObject({ outcome: "done" });
  }
});

it("a process that is replaced for its many dead threads blames nobody who is in it", async () => {
  const lost: Lane[] = [];
  const runner = new RunnerProcess({
    threads: 1,
    contexts: plainContexts,
    rssBytesMax: 512 * MiB,
    comesBack: true,
    events: {
      onReply: () => {},
      onWork: () => {},
      onLost: (lanes) => lost.push(...lanes),
      onLane: () => {},
    },
  });
  runner.isUsed = true;
  let isOver = false;
  const ended = runner.ended.finally(() => {
    isOver = true;
  });
  while (!isOver) {
    const count = lost.length;
    for (const lane of runner.lanes.values()) lane.kill("a test");
    await until(() => isOver || lost.length > count);
  }
  expect(lost.length).toBeGreaterThan(5);
  expect(await ended).toEqual({ why: "too many of its threads have died", isForeign: true });
});
