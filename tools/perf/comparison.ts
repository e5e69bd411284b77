// A run against the baseline: is it another speed, or noise? Both are rounds of the same level;
// where there is a floor, the ratio to it is compared, so that a slower machine changes nothing.
// The ratio of the medians gets a confidence interval by the bootstrap (Efron 1979), from a seed.

import { spreadOf } from "../bench/spread.ts";
import { Random } from "../generator/random.ts";
import type { Level } from "./scenario.ts";

const resamples = 2000;
const seed = 1979;

/** What a comparison says. */
export interface Comparison {
  /** Median now over median then. */
  readonly ratio: number;
  /** Between which the ratio lies with 95 % confidence. */
  readonly low: number;
  readonly high: number;
  readonly verdict: "slower" | "faster" | "same";
}

/** Rounds of a level, as ratios to the floor where there is one. */
export function comparable({ rounds, floor }: Pick<Level, "rounds" | "floor">): number[] {
  if (!floor) return [...rounds];
  return rounds.map((value, i) => value / (floor[i] ?? Number.NaN));
}

/**
 * Compares rounds of now with rounds of then, both positive; larger is slower. Another speed is
 * only what lies beyond `noise` with its whole interval.
 */
export function compare(
  now: readonly number[],
  before: readonly number[],
  noise: number,
): Comparison {
  const random = new Random(seed, "bootstrap");
  const draw = (of: readonly number[]): number => {
    return spreadOf(of.map(() => of[random.below(of.length)] as number)).median;
  };
  const ratios = Array.from({ length: resamples }, () => draw(now) / draw(before));
  ratios.sort((a, b) => a - b);
  const low = ratios[Math.floor(resamples * 0.025)] as number;
  const high = ratios[Math.floor(resamples * 0.975)] as number;
  const ratio = spreadOf(now).median / spreadOf(before).median;
  const verdict = low > noise ? "slower" : high < 1 / noise ? "faster" : "same";
  return { ratio, low, high, verdict };
}
