// The clock around a piece of work, in the process that does it. Besides wall time it takes the
// time that the busiest thread was on a processor: the same on a busy machine as on a quiet one.
// Threads of the engine that compile and collect garbage are not in it.

import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";

/** What a measured piece of work says about itself besides its time. */
export type Facts = Readonly<Record<string, number | string | boolean | null>>;

/** One piece of work, measured. */
export interface Work {
  readonly seconds: number;
  /** User and system time of the whole process. */
  readonly cpuSeconds: number;
  /** The most that one thread was on a processor; `null` where the system does not tell. */
  readonly threadSeconds: number | null;
  readonly facts: Facts;
}

/** The same, with the most memory that its process ever had. */
export interface Measurement extends Work {
  readonly peakRssBytes: number;
}

const threadFolder = "/proc/self/task";

/** Seconds on a processor of each thread of this process; empty where the system does not tell. */
function threadTimes(): Map<string, number> {
  const times = new Map<string, number>();
  try {
    for (const thread of readdirSync(threadFolder)) {
      const [nanoseconds] = readFileSync(`${threadFolder}/${thread}/schedstat`, "utf8").split(" ");
      times.set(thread, Number(nanoseconds) / 1e9);
    }
  } catch {
    // Not Linux, or a kernel without these figures, or a thread that has just ended.
  }
  return times;
}

function busiest(before: ReadonlyMap<string, number>): number | null {
  const times = [...threadTimes()].map(([thread, time]) => time - (before.get(thread) ?? 0));
  return times.length === 0 ? null : Math.max(...times);
}

/** Does a piece of work and takes its time. */
export async function measured(work: () => Facts | Promise<Facts>): Promise<Work> {
  const threads = threadTimes();
  const cpu = process.cpuUsage();
  const began = performance.now();
  const facts = await work();
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const threadSeconds = busiest(threads);
  return { seconds, cpuSeconds: (user + system) / 1e6, threadSeconds, facts };
}
