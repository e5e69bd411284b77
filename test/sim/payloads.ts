/**
 * The payloads of a workload: mostly small, some above the size at which an engine keeps them
 * apart, and large ones that repeat each other, so that deduplication has something to do.
 */
import type { Random } from "./random.ts";

/** Sizes in bytes from which payloads are drawn. */
export interface PayloadSizes {
  readonly small: readonly [least: number, most: number];
  readonly large: readonly [least: number, most: number];
  readonly largeChance: number;
}

/** Gives out payloads no two of which are the same. */
export class PayloadSource {
  readonly #sizes: PayloadSizes;
  #count = 0;
  #growing: Uint8Array = new Uint8Array(0);

  constructor(sizes: PayloadSizes) {
    this.#sizes = sizes;
  }

  /** A payload that begins with its own number, or, if large, with what the last large one held. */
  next(random: Random): Uint8Array {
    const number = ++this.#count;
    const large = random.chance(this.#sizes.largeChance);
    const size = random.between(...(large ? this.#sizes.large : this.#sizes.small));
    const payload = random.bytes(Math.max(size, 8));
    if (large && random.chance(0.7)) payload.set(this.#growing.subarray(0, payload.length - 8));
    const mark = large ? payload.length - 8 : 0;
    new DataView(payload.buffer).setUint32(mark, number);
    if (large) this.#growing = payload;
    return payload;
  }
}
