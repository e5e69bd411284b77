/**
 * The main thread of a runner process: starts and ends the threads that serve lanes, and nothing
 * else, so that it always has time to. Each lane is a pipe to the engine's process, opened by the
 * thread that serves it. When the engine's process goes away, this one does at once.
 */
import process from "node:process";
import { GrowthWatch } from "./growth-watch.ts";
import { LaneThreads, type ServedLane } from "./lane-threads.ts";
import { type ControlMessage, type RunnerReport, reportRssMs } from "./runner-control.ts";

/** Those of a runner that was started ahead are there before it is set up. */
let threads: { readonly count: number; readonly lanes: LaneThreads } | undefined;
let growth: GrowthWatch | undefined;
const lanes = new Map<number, ServedLane>();

function startThreads(count: number): LaneThreads {
  if (threads?.count === count) return threads.lanes;
  void threads?.lanes.close();
  threads = { count, lanes: new LaneThreads(count) };
  return threads.lanes;
}

function report(message: RunnerReport): void {
  if (process.connected) process.send?.(message, () => {});
}

function serve(pipe: number, contexts: string): void {
  if (!threads) throw new Error("a runner is set up before its lanes");
  const lane = threads.lanes.serve({ pipe }, contexts, {
    onSight: () => growth?.sighted(growing),
    onWork: (handle, ms) => {
      // The engine hears who is at work before it hears that the thread has ended for that.
      report({ kind: "work", pipe, handle, ms });
      growth?.onWork(growing, handle);
    },
  });
  const growing = {
    kill: (why: string) => {
      // It takes long to give back what it holds; the other sessions need not wait for that.
      report({ kind: "ending", pipe, why });
      lane.kill(why);
    },
  };
  lanes.set(pipe, lane);
  void lane.ended.then((why) => {
    growth?.gone(growing);
    lanes.delete(pipe);
    report({ kind: "ended", pipe, why: why ?? "its thread ended" });
  });
}

process.on("message", (message: ControlMessage) => {
  switch (message.kind) {
    case "ahead":
      startThreads(message.threads).warm(message.contexts);
      return;
    case "setup":
      startThreads(message.threads);
      if (message.growth) growth = new GrowthWatch(message.growth);
      if (message.reportsRss) {
        setInterval(() => report({ kind: "rss", bytes: process.memoryUsage.rss() }), reportRssMs);
      }
      return;
    case "serve":
      serve(message.pipe, message.contexts);
      return;
    case "kill":
      lanes.get(message.pipe)?.kill(message.why);
  }
});

// Not `process.exit`: it waits for threads, and one in a native loop never ends.
process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));

// Ctrl-C in a terminal reaches every process of the group; the engine decides what becomes of it.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
