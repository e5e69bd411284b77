// The clock around a piece of work, in the process that does it. Times are wall time; the time that
// the processors spent on it, on all threads, is taken as well, since it says more on a busy machine.

import process from "node:process";

/** What a measured piece of work says about itself besides its time. */
export type Facts = Readonly<Record<string, number | string | boolean | null>>;

/** One piece of work, measured. */
export interface Work {
  readonly seconds: number;
  /** User and system time of the whole process. */
  readonly cpuSeconds: number;
  readonly facts: Facts;
}

/** The same, with the most memory that its process ever had. */
export interface Measurement extends Work {
  readonly peakRssBytes: number;
}

/** Does a piece of work and takes its time. */
export async function measured(work: () => Facts | Promise<Facts>): Promise<Work> {
  const cpu = process.cpuUsage();
  const began = performance.now();
  const facts = await work();
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { seconds, cpuSeconds: (user + system) / 1e6, facts };
}
