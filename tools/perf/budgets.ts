// The budgets of `perf/budgets.json`, and the verdict on what was measured.

import { readFileSync } from "node:fs";
import { spreadOf } from "../bench/spread.ts";
import type { Level, ScenarioResult } from "./scenario.ts";

/** A bound: a number in the unit of the level, or a multiple of its floor. */
export interface Bound {
  readonly max?: number;
  readonly floor?: number;
}

/** What one level may be. */
export interface Budget {
  readonly contract?: Bound;
  readonly goal?: Bound;
  readonly unit?: string;
  readonly why: string;
}

/** The file. */
export interface Budgets {
  readonly scenarios: Readonly<Record<string, Readonly<Record<string, Budget>>>>;
  readonly memory: { readonly server: Budget; readonly runner: Budget };
  readonly noise: { readonly ratio: number; readonly why: string };
}

/** A level beside its budget. */
export interface Verdict {
  readonly scenario: string;
  readonly level: Level;
  /** Median of the rounds. */
  readonly value: number;
  /** Median of the floor's. */
  readonly floor: number | undefined;
  /** `undefined` where nothing is asked. */
  readonly contract: Judged | undefined;
  readonly goal: Judged | undefined;
}

/** A bound in the unit of the level, and whether it holds. */
export interface Judged {
  readonly max: number;
  readonly holds: boolean;
  /** As it is written in the file: `1.5x the floor`, or empty. */
  readonly text: string;
}

const MiB = 1024 * 1024;

/** Reads budgets. Throws when the file is missing or is no JSON. */
export function readBudgets(file: string): Budgets {
  return JSON.parse(readFileSync(file, "utf8")) as Budgets;
}

/** Every level of a scenario beside its budget. One that was not measured breaks its contract. */
export function judge(result: ScenarioResult, budgets: Budgets): Verdict[] {
  const asked = budgets.scenarios[result.name] ?? {};
  const measured = new Set(result.levels.map(({ name }) => name));
  const missing = Object.keys(asked).filter((name) => !measured.has(name));
  const absent = missing.map((name): Level => ({ name, unit: "ms", rounds: [Number.NaN] }));
  const memory = (["server", "runner"] as const).map((of) => {
    const rounds = [result.memory[of] / MiB];
    const level: Level = { name: `memory_peak_${of}`, unit: "MiB", rounds };
    return verdictOf(result.name, level, budgets.memory[of]);
  });
  const verdicts = [...result.levels, ...absent].map((level) => {
    return verdictOf(result.name, level, asked[level.name]);
  });
  return [...verdicts, ...memory];
}

function verdictOf(scenario: string, level: Level, budget: Budget | undefined): Verdict {
  const value = spreadOf(level.rounds).median;
  const floor = level.floor ? spreadOf(level.floor).median : undefined;
  return {
    scenario,
    level,
    value,
    floor,
    contract: judged(value, floor, budget?.contract),
    goal: judged(value, floor, budget?.goal),
  };
}

function judged(
  value: number,
  floor: number | undefined,
  bound: Bound | undefined,
): Judged | undefined {
  if (!bound) return undefined;
  const max = bound.max ?? (bound.floor ?? Number.NaN) * (floor ?? Number.NaN);
  const text = bound.floor === undefined ? "" : `${bound.floor}x the floor`;
  // What is no number has not been measured, and holds nothing.
  return { max, holds: value <= max, text };
}

/** One line for each contract that is broken. */
export function brokenLines(verdicts: readonly Verdict[]): string[] {
  return verdicts.flatMap(({ scenario, level, value, contract }) => {
    if (!contract || contract.holds) return [];
    const { name, unit } = level;
    if (Number.isNaN(value)) return [`BROKEN ${scenario} ${name}: not measured`];
    const amount = unit === "count" ? value.toFixed(0) : value.toFixed(1);
    return [`BROKEN ${scenario} ${name}: ${amount} ${unit}, contract <= ${contract.max} ${unit}`];
  });
}
