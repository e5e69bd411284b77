// What the server says of itself: histograms of /metrics, read before and after, as the quantile of
// what came between. For what only the server can see, on its own clock.

import type { LoadClient } from "./load-client.ts";

/** Cumulative counts by upper bound in seconds. */
export type Buckets = ReadonlyMap<number, number>;

/** The buckets of a histogram in the text of Prometheus. */
export function bucketsOf(text: string, name: string): Buckets {
  const buckets = new Map<number, number>();
  for (const [, bound = "", count] of text.matchAll(
    new RegExp(`^${name}_bucket\\{[^}]*le="([^"]+)"[^}]*\\} (\\S+)$`, "gm"),
  )) {
    const seconds = bound === "+Inf" ? Number.POSITIVE_INFINITY : Number(bound);
    buckets.set(seconds, (buckets.get(seconds) ?? 0) + Number(count));
  }
  return buckets;
}

/**
 * The quantile in milliseconds of what was observed between two looks, interpolated within its
 * bucket as `histogram_quantile` of Prometheus does; NaN when nothing was observed.
 */
export function quantileBetween(before: Buckets, after: Buckets, share: number): number {
  const bounds = [...after.keys()].sort((a, b) => a - b);
  const counts = bounds.map((bound) => (after.get(bound) ?? 0) - (before.get(bound) ?? 0));
  const rank = share * (counts.at(-1) ?? 0);
  if (rank === 0) return Number.NaN;
  const at = counts.findIndex((count) => count >= rank);
  const upper = bounds[at] as number;
  const lower = at === 0 ? 0 : (bounds[at - 1] as number);
  if (upper === Number.POSITIVE_INFINITY) return lower * 1000;
  const below = at === 0 ? 0 : (counts[at - 1] as number);
  return 1000 * (lower + ((upper - lower) * (rank - below)) / ((counts[at] as number) - below));
}

/** Looks at one histogram again and again. */
export class HistogramWatch {
  readonly #client: LoadClient;
  readonly #name: string;
  #before: Buckets = new Map();

  constructor(client: LoadClient, name: string) {
    this.#client = client;
    this.#name = name;
  }

  /** The 95th percentile in ms since the last look. */
  async look(): Promise<number> {
    const after = bucketsOf(await this.#client.get("/metrics"), this.#name);
    const p95 = quantileBetween(this.#before, after, 0.95);
    this.#before = after;
    return p95;
  }
}
