/**
 * The process of a runner, and one that is started ahead, before what will use it is loaded: Node
 * takes as long to start as a server takes to open its data, and the two can go side by side.
 */
import { ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";
import { availableParallelism } from "node:os";
import process from "node:process";
import { builtFile } from "../disk/index.ts";

/** Threads of a runner, as a rule, and its pipes: room for those that take their place. */
const usualThreads = 2;
const usualPipes = 16;

/**
 * Threads that collect garbage and compile for a runner: Node starts four, however few processors
 * there are, and while one session eats memory they take them from all the others. On two
 * processors the P95 of their steps was 34 ms with four and 18 with one (measured).
 */
export function helperThreads(processors: number): number {
  return Math.max(1, Math.min(4, processors - 1));
}

interface Ahead {
  readonly child: ChildProcess;
  failed: boolean;
}

let ahead: Ahead | undefined;

/**
 * A child that the system has no room for says so with an `error`, whatever there is too little of;
 * it has no `pid`, and for want of file descriptors no `stdio` either.
 */
function start(pipes: number): ChildProcess {
  try {
    const helpers = `--v8-pool-size=${helperThreads(availableParallelism())}`;
    return spawn(process.execPath, [helpers, builtFile("entries/runner-main.js")], {
      stdio: ["ignore", "ignore", "inherit", "ipc", ...Array<"pipe">(pipes).fill("pipe")],
      // Programs see no environment, and what runs them needs none.
      env: { TZ: "UTC" },
      windowsHide: true,
    });
  } catch (error) {
    const child = new ChildProcess();
    process.nextTick(() => child.emit("error", error));
    return child;
  }
}

/** What keeps this process alive as long as the child lives. */
function handlesOf({ stdio }: ChildProcess): Socket[] {
  return (stdio ?? []).filter((stream) => stream !== null && stream !== undefined) as Socket[];
}

/**
 * Starts a process that `takeRunnerChild` gives away. Until then it keeps nobody alive, and it ends
 * with this process. Where there is one core nothing is gained, and nothing is started.
 */
export function startRunnerAhead(): void {
  if (ahead || availableParallelism() < 2) return;
  const child = start(usualPipes);
  const started: Ahead = { child, failed: false };
  child.on("error", () => {
    started.failed = true;
  });
  ahead = started;
  if (child.pid === undefined) return;
  const contexts = builtFile("entries/sandbox-contexts.js");
  child.send({ kind: "ahead", threads: usualThreads, contexts }, () => {});
  child.unref();
  child.channel?.unref();
  for (const handle of handlesOf(child)) handle.unref();
}

/** A process with at least so many pipes: the one that was started ahead, or a new one. */
export function takeRunnerChild(pipes: number): ChildProcess {
  const { child, failed } = ahead ?? {};
  const isAlive = child?.connected === true && child.exitCode === null && child.signalCode === null;
  if (!child || !isAlive || failed === true || pipes > usualPipes) {
    endRunnerAhead();
    return start(pipes);
  }
  ahead = undefined;
  child.removeAllListeners("error");
  child.ref();
  child.channel?.ref();
  for (const handle of handlesOf(child)) handle.ref();
  return child;
}

/** Ends the process that was started ahead, if nobody has taken it. */
export function endRunnerAhead(): void {
  if (ahead?.child.pid !== undefined) ahead.child.kill("SIGKILL");
  ahead = undefined;
}
