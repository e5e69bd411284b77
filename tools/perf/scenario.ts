// What a scenario is, and what it comes to: levels, each with a distribution or a number for every
// round, a floor taken in the same round where there is one, and the memory of the processes.

import type { Latencies, LatencySummary } from "./latencies.ts";
import type { TestBed } from "./processes.ts";

/** How much is measured. */
export type ProfileName = "fast" | "full";

/** What a scenario is told. */
export interface ScenarioOptions {
  readonly profile: ProfileName;
  readonly rounds: number;
  readonly random: () => number;
  /** Progress, for whoever watches. */
  readonly note: (text: string) => void;
}

/** One level of a scenario: a value for each round. */
export interface Level {
  /** As in `perf/budgets.json`. */
  readonly name: string;
  readonly unit: "ms" | "count" | "per s" | "MiB" | "ratio";
  readonly rounds: readonly number[];
  /** The same of the floor, round by round. */
  readonly floor?: readonly number[];
  /** All rounds together, of what has a distribution. */
  readonly distribution?: LatencySummary;
  /** Percentile and latency in ms, for the picture. */
  readonly curve?: readonly (readonly [percent: number, ms: number])[];
}

/** What a scenario has measured. */
export interface ScenarioResult {
  readonly name: string;
  readonly about: string;
  readonly levels: readonly Level[];
  /** Most memory of each process, in bytes. */
  readonly memory: { readonly server: number; readonly runner: number };
  readonly seconds: number;
}

/** Something that is measured. */
export interface Scenario {
  readonly name: string;
  readonly about: string;
  /** Part of the fast profile. */
  readonly fast: boolean;
  run(bed: TestBed, options: ScenarioOptions): Promise<readonly Level[]>;
}

const curvePercents = [0, 10, 25, 50, 75, 90, 95, 97.5, 99, 99.5, 99.9, 100];

/** A level of latencies: of each round the 95th percentile. */
export function latencyLevel(
  name: string,
  rounds: readonly Latencies[],
  all: Latencies,
  floor?: readonly Latencies[],
): Level {
  return {
    name,
    unit: "ms",
    rounds: rounds.map((round) => round.percentile(95)),
    ...(floor ? { floor: floor.map((round) => round.percentile(95)) } : {}),
    distribution: all.summary(),
    curve: curvePercents.map((percent) => [percent, all.percentile(percent)] as const),
  };
}

/** A level of plain numbers. */
export function numberLevel(name: string, unit: Level["unit"], rounds: readonly number[]): Level {
  return { name, unit, rounds };
}
