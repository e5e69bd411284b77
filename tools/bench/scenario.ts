// What a scenario is: something to measure, and the rows it puts into the table. Adding one: write
// a file in `scenarios` that exports it, and name it in `scenario-list.ts`.

import type { Bench } from "./bench.ts";
import type { Spread } from "./spread.ts";

/** What a value is, and how it is printed. */
export type Unit = "s" | "ms" | "bytes" | "records" | "MB/s";

/** What is to be reached; `of` says which number of the row counts. */
export interface Goal {
  readonly relation: "<=" | ">=" | "=";
  readonly value: number;
  /** The median of the ratios, the median of Reach's values, or the worst of them. */
  readonly of: "ratio" | "median" | "worst";
}

/** One line of the result. */
export interface Row {
  readonly what: string;
  readonly unit: Unit;
  readonly reach: Spread;
  /** What it is compared with. */
  readonly floor?: Spread;
  /** How they compare; `goal` and `what` say in which direction. */
  readonly ratio?: Spread;
  /** The same of the time that the busiest thread was on a processor; no goal asks for it. */
  readonly threadRatio?: Spread;
  readonly goal?: Goal;
}

/** Why a scenario was not run. */
export interface Skip {
  readonly skipped: string;
}

/** Something to measure. */
export interface Scenario {
  /** What it is called on the command line; its file in `scenarios` has the same name. */
  readonly name: string;
  /** What it costs: long ones come last, and `--quick` leaves them out. */
  readonly long: boolean;
  run(bench: Bench): Promise<readonly Row[] | Skip>;
}

/** Whether a row reached its goal; `undefined` where it has none. */
export function reached(row: Row): boolean | undefined {
  const { goal } = row;
  if (!goal) return undefined;
  if (goal.relation === "=") return row.reach.samples.every((sample) => sample === goal.value);
  const value = valueOf(row, goal);
  return goal.relation === "<=" ? value <= goal.value : value >= goal.value;
}

function valueOf({ reach, ratio }: Row, { of, relation }: Goal): number {
  if (of === "ratio") return ratio?.median ?? Number.NaN;
  if (of === "median") return reach.median;
  return relation === ">=" ? reach.min : reach.max;
}
