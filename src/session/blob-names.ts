/**
 * Names of blobs with their sizes, in typed arrays: 40 bytes for a place, twice the places for the
 * names. What checking a transcript has to remember, so that each payload is looked at once.
 */
import { readU32 } from "../base/index.ts";

const words = 8;
const firstSlots = 1024;

/** A set of blob names, each with its size. */
export class BlobNames {
  readonly #namesMax: number;
  #hashes = new Uint32Array(firstSlots * words);
  /** Size and 1, negative once the name was marked; 0 is a free slot. */
  #sizes = new Float64Array(firstSlots);
  /** Names in the set, and those of them that were marked. */
  count = 0;
  marked = 0;

  /**
   * With `namesMax` the set forgets everything when it is full: whoever uses it then does some work
   * twice, in bounded memory.
   */
  constructor(namesMax: number = Number.POSITIVE_INFINITY) {
    this.#namesMax = namesMax;
  }

  /** The size that a name was added with, or `undefined`. */
  sizeOf(sha256: Uint8Array): number | undefined {
    const size = this.#sizes[this.#slot(sha256)] as number;
    return size === 0 ? undefined : Math.abs(size) - 1;
  }

  /** Marks a name that is in the set. */
  mark(sha256: Uint8Array): void {
    const slot = this.#slot(sha256);
    const size = this.#sizes[slot] as number;
    if (size <= 0) return;
    this.#sizes[slot] = -size;
    this.marked += 1;
  }

  /** Adds a name, unmarked; one that is there gets the new size. */
  add(sha256: Uint8Array, size: number): void {
    if (this.count >= this.#namesMax) this.#clear();
    if (2 * this.count >= this.#sizes.length) this.#grow();
    const slot = this.#slot(sha256);
    if (this.#sizes[slot] === 0) this.count += 1;
    else if ((this.#sizes[slot] as number) < 0) this.marked -= 1;
    for (let word = 0; word < words; word++) {
      this.#hashes[slot * words + word] = readU32(sha256, 4 * word);
    }
    this.#sizes[slot] = size + 1;
  }

  /** Where a name is, or the free slot where it belongs. */
  #slot(sha256: Uint8Array): number {
    const mask = this.#sizes.length - 1;
    const first = readU32(sha256, 0);
    let slot = first & mask;
    while (this.#sizes[slot] !== 0) {
      if (this.#hashes[slot * words] === first && this.#holds(slot, sha256)) return slot;
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  #holds(slot: number, sha256: Uint8Array): boolean {
    for (let word = 1; word < words; word++) {
      if (this.#hashes[slot * words + word] !== readU32(sha256, 4 * word)) return false;
    }
    return true;
  }

  #clear(): void {
    this.#sizes.fill(0);
    this.count = 0;
    this.marked = 0;
  }

  #grow(): void {
    const hashes = this.#hashes;
    const sizes = this.#sizes;
    this.#hashes = new Uint32Array(2 * hashes.length);
    this.#sizes = new Float64Array(2 * sizes.length);
    const mask = this.#sizes.length - 1;
    for (let from = 0; from < sizes.length; from++) {
      if (sizes[from] === 0) continue;
      let slot = (hashes[from * words] as number) & mask;
      while (this.#sizes[slot] !== 0) slot = (slot + 1) & mask;
      this.#hashes.set(hashes.subarray(from * words, (from + 1) * words), slot * words);
      this.#sizes[slot] = sizes[from] as number;
    }
  }
}
