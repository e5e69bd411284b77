/**
 * The memory of deduplication: which entries this process wrote or verified, and where they lie.
 * A bounded hash table of whole 32-byte hashes in typed arrays (40 bytes per place); when a set is
 * full an older entry makes room. What is forgotten costs a second copy, never a wrong one.
 */
import { readU32 } from "../base/index.ts";

const ways = 8;
const words = 8;
const firstSlots = 1024;

/** Places of a table that is not told otherwise: 1,048,576, at most 40 MiB. */
export const knownSlotsDefault: number = 2 ** 20;

/** Hash -> (pack, offset), bounded. Slots are valid until the next `add`. */
export class KnownChunks {
  readonly #slotsMax: number;
  #hashes = new Uint32Array(0);
  #packs = new Uint32Array(0);
  /** 0 marks a free slot: no entry lies at offset 0 of a pack. */
  #offsets = new Uint32Array(0);
  #count = 0;
  #victim = 0;

  /** `slotsMax` is a power of two, at least 1024. */
  constructor(slotsMax: number = knownSlotsDefault) {
    this.#slotsMax = slotsMax;
    this.clear();
  }

  /** The slot of `hash`, or -1. */
  find(hash: Uint8Array): number {
    const first = readU32(hash, 0);
    const base = this.#setOf(first);
    for (let slot = base; slot < base + ways; slot++) {
      if (this.#hashes[slot * words] !== first || this.#offsets[slot] === 0) continue;
      if (this.#holds(slot, hash)) return slot;
    }
    return -1;
  }

  packAt(slot: number): number {
    return this.#packs[slot] as number;
  }

  offsetAt(slot: number): number {
    return this.#offsets[slot] as number;
  }

  /** Remembers where `hash` lies; the newest place counts. */
  add(hash: Uint8Array, pack: number, offset: number): void {
    let slot = this.find(hash);
    if (slot < 0) {
      slot = this.#place(readU32(hash, 0));
      for (let word = 0; word < words; word++) {
        this.#hashes[slot * words + word] = readU32(hash, 4 * word);
      }
    }
    this.#packs[slot] = pack;
    this.#offsets[slot] = offset;
  }

  /** Forgets `hash` if it is remembered at exactly that place. */
  forget(hash: Uint8Array, pack: number, offset: number): void {
    const slot = this.find(hash);
    if (slot < 0 || this.#packs[slot] !== pack || this.#offsets[slot] !== offset) return;
    this.#offsets[slot] = 0;
    this.#count -= 1;
  }

  /** Forgets everything. */
  clear(): void {
    this.#allocate(firstSlots);
    this.#count = 0;
  }

  #allocate(slots: number): void {
    this.#hashes = new Uint32Array(slots * words);
    this.#packs = new Uint32Array(slots);
    this.#offsets = new Uint32Array(slots);
  }

  #setOf(first: number): number {
    return (first & (this.#offsets.length / ways - 1)) * ways;
  }

  #holds(slot: number, hash: Uint8Array): boolean {
    for (let word = 1; word < words; word++) {
      if (this.#hashes[slot * words + word] !== readU32(hash, 4 * word)) return false;
    }
    return true;
  }

  /** A slot for a new hash that begins with `first`: a free one, or one whose entry is dropped. */
  #place(first: number): number {
    let slot = this.#free(first);
    const slots = this.#offsets.length;
    // Full sets are rare up to this load: 1 in 1,000.
    if (slot < 0 && slots < this.#slotsMax && 3 * this.#count >= slots) {
      this.#grow();
      slot = this.#free(first);
    }
    if (slot >= 0) {
      this.#count += 1;
      return slot;
    }
    this.#victim = (this.#victim + 1) % ways;
    return this.#setOf(first) + this.#victim;
  }

  /** A free slot of the set that `first` belongs to, or -1. */
  #free(first: number): number {
    const base = this.#setOf(first);
    for (let slot = base; slot < base + ways; slot++) if (this.#offsets[slot] === 0) return slot;
    return -1;
  }

  #grow(): void {
    const hashes = this.#hashes;
    const packs = this.#packs;
    const offsets = this.#offsets;
    this.#allocate(2 * offsets.length);
    for (let from = 0; from < offsets.length; from++) {
      if (offsets[from] === 0) continue;
      // A set becomes two, so there is room for each.
      const slot = this.#free(hashes[from * words] as number);
      this.#hashes.set(hashes.subarray(from * words, (from + 1) * words), slot * words);
      this.#packs[slot] = packs[from] as number;
      this.#offsets[slot] = offsets[from] as number;
    }
  }
}
