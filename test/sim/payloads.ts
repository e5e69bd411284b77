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
  /** Those that an engine makes durable one by one. */
  readonly huge: readonly [least: number, most: number];
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
    return this.#fill(random, number, large ? this.#sizes.large : this.#sizes.small, large);
  }

  /** A payload of the largest size. */
  nextHuge(random: Random): Uint8Array {
    return this.#fill(random, ++this.#count, this.#sizes.huge, true);
  }

  #fill(
    random: Random,
    number: number,
    range: readonly [number, number],
    large: boolean,
  ): Uint8Array {
    const size = random.between(...range);
    const payload = random.bytes(Math.max(size, 8));
    if (large && random.chance(0.7)) payload.set(this.#growing.subarray(0, payload.length - 8));
    const mark = large ? payload.length - 8 : 0;
    new DataView(payload.buffer).setUint32(mark, number);
    if (large) this.#growing = payload;
    return payload;
  }
}
