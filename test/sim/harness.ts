/**
 * Run after run of the simulation until enough crashes have been seen, and the report about it.
 * Runs are numbered from 0 for each seed and do not depend on each other, so any one of them can be
 * repeated alone.
 */
import { Coverage } from "./coverage.ts";
import type { EngineDriver } from "./engine.ts";
import type { PayloadSizes } from "./payloads.ts";
import { type SimulationOptions, simulate } from "./simulation.ts";

/** How many crashes one workload serves, not counting those in and after its recoveries. */
export const crashesPerRun = 48;

/** Mostly small payloads; the large ones are above the 4 KiB that go inline. */
export const payloadSizes: PayloadSizes = {
  small: [8, 300],
  large: [4500, 12_000],
  largeChance: 0.05,
  huge: [17_000, 30_000],
};

/** What to simulate. */
export interface HarnessOptions {
  readonly driver: EngineDriver;
  readonly seed: number;
  /** At least so many power failures and kills. */
  readonly crashes: number;
  readonly firstRun?: number;
  readonly payloads?: PayloadSizes;
  /** Called after every run. */
  readonly onProgress?: (coverage: Coverage, nextRun: number) => void;
}

/** Simulates; throws `SimulationFailure` at the first broken promise. */
export async function simulateMany(options: HarnessOptions): Promise<Coverage> {
  const coverage = new Coverage();
  const { driver, seed } = options;
  const payloads = options.payloads ?? payloadSizes;
  const simulation: SimulationOptions = { driver, seed, crashesPerRun, payloads, coverage };
  for (let run = options.firstRun ?? 0; coverage.crashes < options.crashes; run++) {
    await simulate(simulation, run);
    options.onProgress?.(coverage, run + 1);
  }
  return coverage;
}
