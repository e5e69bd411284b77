// The random numbers of the generator: sfc32 by Chris Doty-Humphrey, in 32-bit integer arithmetic
// only, so that a seed gives the same transcript on every machine and every version of Node.

/** A stream of numbers that its seed and its name determine. */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** Streams of the same seed but with other names have nothing to do with each other. */
  constructor(seed: number, name: string) {
    let hash = 0x811c9dc5;
    for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
    this.#a = hash;
    this.#b = seed | 0;
    this.#c = Math.floor(seed / 2 ** 32) | 0;
    for (let i = 0; i < 16; i++) this.next();
  }

  /** An integer from 0 to 2^32 - 1. */
  next(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** An integer from 0 to `count - 1`. */
  below(count: number): number {
    return Math.floor((this.next() / 2 ** 32) * count);
  }

  /** An integer from `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  /** `true` this often. */
  chance(probability: number): boolean {
    return this.next() < probability * 2 ** 32;
  }

  /** One of the items. */
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  /** Hexadecimal digits. */
  hex(digits: number): string {
    let text = "";
    while (text.length < digits) text += this.next().toString(16).padStart(8, "0");
    return text.slice(0, digits);
  }

  /** Letters and digits, as ids have them. */
  token(length: number): string {
    let text = "";
    while (text.length < length) text += alphabet[this.below(alphabet.length)];
    return text;
  }

  /** A UUID of version 4. */
  uuid(): string {
    const hex = this.hex(32);
    const variant = "89ab"[this.below(4)];
    const parts = [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`];
    return [...parts, `${variant}${hex.slice(17, 20)}`, hex.slice(20)].join("-");
  }

  /** A number of this distribution. */
  of(quantiles: Quantiles): number {
    const share = this.next() / 2 ** 32;
    let [start, low] = quantiles[0] as Quantile;
    for (const [end, high] of quantiles) {
      if (share < end) return Math.floor(low + ((share - start) / (end - start)) * (high - low));
      start = end;
      low = high;
    }
    return low;
  }
}

type Quantile = readonly [share: number, value: number];

/**
 * A distribution: shares from 0 to 1, and the number that this share of all numbers is below, with
 * straight lines between. No logarithm is needed, whose last digit may differ between machines.
 */
export type Quantiles = readonly Quantile[];

/** Reads a distribution from `percent:number` pairs that go from 0 to 100. */
export function quantiles(text: string): Quantiles {
  return text.split(" ").map((pair): Quantile => {
    const [percent = "", value = ""] = pair.split(":");
    return [Number(percent) / 100, Number(value)];
  });
}

const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZabcdefghjkmnpqrstvwxyz";
