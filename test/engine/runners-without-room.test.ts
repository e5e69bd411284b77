// A system that has no room for one more process, or no file descriptors for its pipes: the engine
// says so, harms nobody and goes on when there is room.

import type { ChildProcess } from "node:child_process";
import process from "node:process";
import { afterEach, expect, it, vi } from "vitest";
import { RunnerProcess } from "../../src/engine/lanes/runner-process.ts";
import { endRunnerAhead, startRunnerAhead } from "../../src/threads/index.ts";
import { childrenOf } from "../server/running.ts";
import { plainContexts, programOf, Running, until } from "./running.ts";

const system = vi.hoisted(() => ({ refusal: "" }));

vi.mock("node:child_process", async (original) => {
  const real = await original<typeof import("node:child_process")>();
  const spawn = (...args: Parameters<typeof real.spawn>): ChildProcess => {
    if (system.refusal === "") return real.spawn(...args);
    const error = new Error(`spawn ${system.refusal}`);
    // Node throws what it does not expect; of the rest it tells later, and makes no pipes.
    if (system.refusal === "ENOMEM") throw error;
    const child = new real.ChildProcess();
    process.nextTick(() => child.emit("error", error));
    return child;
  };
  return { ...real, spawn };
});

let running: Running;

afterEach(async () => {
  system.refusal = "";
  endRunnerAhead();
  await running?.end();
});

const program = programOf("quick", '{ async step() { return { done: "here" }; } }');

it.each(["EMFILE", "ENOMEM"])("a session waits for a runner while there is %s", async (refusal) => {
  running = new Running();
  system.refusal = refusal;
  startRunnerAhead();
  const engine = await running.open({
    programs: [program],
    runners: { kind: "processes", processes: 1, threads: 1 },
  });
  const { id } = await engine.start("quick", null);
  await until(() => running.troubles.length > 0);
  expect(running.troubles[0]).toContain(`its process did not start: spawn ${refusal}`);
  expect(engine.status(id).phase).not.toBe("ended");
  system.refusal = "";
  expect(await engine.finished(id)).toMatchObject({ outcome: "done", result: "here" });
});

it("a process that did not start blames nobody, and can be given up at once", async () => {
  const before = childrenOf(process.pid);
  system.refusal = "EMFILE";
  const events = { onReply() {}, onWork() {}, onLost() {}, onLane() {} };
  const options = {
    threads: 1,
    contexts: plainContexts,
    rssBytesMax: 1e9,
    comesBack: false,
    events,
  };
  const one = new RunnerProcess(options);
  expect(one.lanes.size).toBe(1);
  expect(await one.ended).toMatchObject({ isForeign: true });
  const other = new RunnerProcess(options);
  other.kill("a test");
  expect(await other.ended).toMatchObject({ why: "a test" });
  expect(childrenOf(process.pid)).toEqual(before);
});
