/**
 * Randomness that comes again: a small generator (sfc32 by Chris Doty-Humphrey) seeded by numbers
 * and words. Integer arithmetic only, so every version of Node draws the same numbers.
 */

/** A source of numbers that depend on nothing but its seed. */
export class Random {
  #a = 0;
  #b = 0;
  #c = 0;
  #counter = 1;

  /** The same parts in the same order give the same numbers; any other parts give others. */
  constructor(...seed: readonly (number | string)[]) {
    // FNV-1a over the text of the seed; the 24 warm-up rounds below mix what it leaves unmixed.
    let hash = 0x811c9dc5;
    for (const char of JSON.stringify(seed)) {
      hash = Math.imul(hash ^ (char.codePointAt(0) as number), 0x01000193);
      this.#a = (Math.imul(this.#a, 31) + hash) | 0;
      this.#b = (this.#b ^ Math.imul(hash, 0x85ebca6b)) | 0;
      this.#c = (Math.imul(this.#c, 0xc2b2ae35) ^ hash) | 0;
    }
    for (let round = 0; round < 24; round++) this.next();
  }

  /** An unsigned number of 32 bits. */
  next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** A number from 0 up to, not including, `below` (at most 2^32). */
  int(below: number): number {
    return Math.floor((this.next() / 2 ** 32) * below);
  }

  /** A number from `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + this.int(most - least + 1);
  }

  /** True with the given probability. */
  chance(probability: number): boolean {
    return this.next() < probability * 2 ** 32;
  }

  /** One of the items; there must be one. */
  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError("nothing to pick from");
    return items[this.int(items.length)] as T;
  }

  /** One of the keys, each as likely as its weight is large. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K {
    const entries = Object.entries(weights) as [K, number][];
    let rest = this.int(2 ** 20) / 2 ** 20;
    rest *= entries.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [key, weight] of entries) {
      rest -= weight;
      if (rest < 0) return key;
    }
    return (entries.at(-1) as [K, number])[0];
  }

  bytes(size: number): Uint8Array {
    const bytes = new Uint8Array(size);
    this.fill(bytes);
    return bytes;
  }

  fill(bytes: Uint8Array): void {
    let word = 0;
    for (let i = 0; i < bytes.length; i++) {
      if (i % 4 === 0) word = this.next();
      bytes[i] = word & 0xff;
      word >>>= 8;
    }
  }

  /** Another source that shares no numbers with this one. */
  fork(): Random {
    return new Random(this.next(), this.next(), this.next());
  }
}
