// Rows of the table, out of measurements.

import type { Pairs } from "./bench.ts";
import type { Measurement } from "./measurement.ts";
import type { Goal, Row } from "./scenario.ts";
import { ratioOf, spreadOf } from "./spread.ts";

const seconds = (measurement: Measurement): number => measurement.seconds;

/** The ratios of what the busiest threads took, where the system tells. */
function threadRatioOf(
  above: readonly Measurement[],
  below: readonly Measurement[],
): Pick<Row, "threadRatio"> {
  const [one, other] = [above, below].map((side) => side.map(({ threadSeconds }) => threadSeconds));
  if (!one || !other || one.includes(null) || other.includes(null)) return {};
  return { threadRatio: ratioOf(one as number[], other as number[]) };
}

/** The row of two parts that were measured by turns: how many times the floor's time Reach took. */
export function timesRow(what: string, { reach, floor }: Pairs, most?: number): Row {
  return {
    what,
    unit: "s",
    reach: spreadOf(reach.map(seconds)),
    floor: spreadOf(floor.map(seconds)),
    ratio: ratioOf(reach.map(seconds), floor.map(seconds)),
    ...threadRatioOf(reach, floor),
    ...(most === undefined ? {} : { goal: { relation: "<=", value: most, of: "ratio" } as Goal }),
  };
}

/** The row of the most memory that Reach's process ever had. */
export function memoryRow(
  what: string,
  measurements: readonly Measurement[],
  mostMebibytes?: number,
): Row {
  const reach = spreadOf(measurements.map(({ peakRssBytes }) => peakRssBytes));
  if (mostMebibytes === undefined) return { what, unit: "bytes", reach };
  const goal: Goal = { relation: "<=", value: mostMebibytes * 1024 * 1024, of: "worst" };
  return { what, unit: "bytes", reach, goal };
}

/** The row of a count that has to be exactly `right`. */
export function countRow(
  what: string,
  measurements: readonly Measurement[],
  fact: string,
  right: number,
): Row {
  const reach = spreadOf(measurements.map(({ facts }) => Number(facts[fact])));
  return { what, unit: "records", reach, goal: { relation: "=", value: right, of: "median" } };
}

/** The row of two parts measured by turns: Reach's speed, in terms of that of the floor. */
export function speedRow(what: string, { reach, floor }: Pairs, least?: number): Row {
  return {
    what,
    unit: "s",
    reach: spreadOf(reach.map(seconds)),
    floor: spreadOf(floor.map(seconds)),
    ratio: ratioOf(floor.map(seconds), reach.map(seconds)),
    ...threadRatioOf(floor, reach),
    ...(least === undefined ? {} : { goal: { relation: ">=", value: least, of: "ratio" } as Goal }),
  };
}
