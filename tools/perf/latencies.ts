// Latencies of one kind: recorded in a high dynamic range histogram, three significant digits from
// a microsecond to ten minutes.

import { build, type Histogram } from "hdr-histogram-js";

const perMs = 1000;
const highestMs = 600_000;

/** A histogram of durations in milliseconds. */
export class Latencies {
  readonly #histogram: Histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: highestMs * perMs,
    numberOfSignificantValueDigits: 3,
  });

  add(ms: number): void {
    this.#histogram.recordValue(Math.max(1, Math.round(Math.min(ms, highestMs) * perMs)));
  }

  /** Takes over what another has recorded. */
  addAll(other: Latencies): void {
    this.#histogram.add(other.#histogram);
  }

  get count(): number {
    return this.#histogram.totalCount;
  }

  /** The value in ms below which `percent` of them lie; NaN when there are none. */
  percentile(percent: number): number {
    if (this.count === 0) return Number.NaN;
    return this.#histogram.getValueAtPercentile(percent) / perMs;
  }

  get max(): number {
    return this.percentile(100);
  }

  /** The usual percentiles, in milliseconds. */
  summary(): LatencySummary {
    const [p50, p90, p95, p99] = [50, 90, 95, 99].map((percent) => this.percentile(percent));
    return { count: this.count, p50, p90, p95, p99, max: this.max } as LatencySummary;
  }
}

/** A distribution in a few numbers; milliseconds. */
export interface LatencySummary {
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}
