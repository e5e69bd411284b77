// One run: each scenario against a server of its own, freshly started, and its verdict.

import { Random } from "../generator/random.ts";
import { type Budgets, judge, type Verdict } from "./budgets.ts";
import { type Comparison, comparable, compare } from "./comparison.ts";
import { TestBed, type TestBedOptions } from "./processes.ts";
import type { Level, ProfileName, Scenario, ScenarioResult } from "./scenario.ts";

/** Levels of earlier runs, by scenario and name. */
export interface Baseline {
  readonly machine: unknown;
  readonly when: string;
  readonly scenarios: Readonly<
    Record<string, Readonly<Record<string, Pick<Level, "unit" | "rounds" | "floor">>>>
  >;
}

/** One scenario, measured and judged. */
export interface Measured {
  readonly result: ScenarioResult;
  readonly verdicts: readonly Verdict[];
  readonly changes: ReadonlyMap<string, Comparison>;
}

/** How a scenario is run. */
export interface RunOptions extends TestBedOptions {
  readonly profile: ProfileName;
  readonly rounds: number;
  readonly seed: number;
  readonly note: (text: string) => void;
  /** Puts something between the clients and the server: its address. For tests of the gate. */
  readonly through?: (url: string) => Promise<string>;
}

/** Runs a scenario on a server of its own. */
export async function runScenario(
  scenario: Scenario,
  { profile, rounds, seed, note, through, ...start }: RunOptions,
): Promise<ScenarioResult> {
  const began = performance.now();
  const bed = await TestBed.start(start);
  try {
    const random = new Random(seed, scenario.name);
    if (through) bed.url = await through(bed.reach.url);
    const levels = await scenario.run(bed, {
      profile,
      rounds,
      random: () => random.next() / 2 ** 32,
      note: (text) => note(`${scenario.name}: ${text}`),
    });
    const seconds = (performance.now() - began) / 1000;
    const { name, about } = scenario;
    return { name, about, levels, memory: bed.peakMemory(), seconds };
  } finally {
    await bed.stop();
  }
}

/** A result beside its budgets and the baseline. */
export function judged(
  result: ScenarioResult,
  budgets: Budgets,
  baseline: Baseline | undefined,
): Measured {
  const changes = new Map<string, Comparison>();
  for (const level of result.levels) {
    const before = baseline?.scenarios[result.name]?.[level.name];
    // More of these is better, and counts have no ratio: neither is a latency.
    if (!before || level.unit !== "ms") continue;
    const [now, then] = [comparable(level), comparable(before)];
    changes.set(level.name, compare(now, then, budgets.noise.ratio));
  }
  return { result, verdicts: judge(result, budgets), changes };
}

/** The results as the baseline of later runs, beside what an older one has of other scenarios. */
export function baselineOf(
  results: readonly ScenarioResult[],
  machine: unknown,
  when: string,
  older: Baseline | undefined,
): Baseline {
  const entries = results.map(({ name, levels }) => {
    const kept = levels.map(({ name: level, unit, rounds, floor }) => {
      return [
        level,
        { unit, rounds: rounds.map(rounded), ...(floor ? { floor: floor.map(rounded) } : {}) },
      ];
    });
    return [name, Object.fromEntries(kept)];
  });
  return { machine, when, scenarios: { ...older?.scenarios, ...Object.fromEntries(entries) } };
}

/** Three digits are what the histograms have. */
function rounded(value: number): number {
  return Number(value.toPrecision(3));
}
