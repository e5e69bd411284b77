/**
 * The index of entries that no index file covers: those of a pack that is being written, or that
 * was scanned. An open-addressing table from the first 64 bits of a hash to file offsets; hashes
 * that begin alike are all kept, the reader tells them apart by the entries themselves.
 */

const firstSlots = 256;

/** Called with the prefix and file offset of each entry. */
export type EntryVisitor = (high: number, low: number, offset: number) => void;

/** (first 64 bits of a hash) -> file offsets, unbounded but for the size of a pack. */
export class TailIndex {
  #highs = new Uint32Array(0);
  #lows = new Uint32Array(0);
  /** 0 marks a free slot. */
  #offsets = new Uint32Array(0);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Memory that the table takes. */
  get bytes(): number {
    return 12 * this.#offsets.length;
  }

  /** Adds an entry; one with the same prefix and offset is there only once. */
  add(high: number, low: number, offset: number): void {
    if (2 * this.#count >= this.#offsets.length) this.#grow();
    const mask = this.#offsets.length - 1;
    let slot = high & mask;
    for (; this.#offsets[slot] !== 0; slot = (slot + 1) & mask) {
      if (this.#offsets[slot] === offset && this.#lows[slot] === low) return;
    }
    this.#highs[slot] = high;
    this.#lows[slot] = low;
    this.#offsets[slot] = offset;
    this.#count += 1;
  }

  /** Appends to `offsets` where entries with that prefix lie. */
  candidates(high: number, low: number, offsets: number[]): void {
    if (this.#count === 0) return;
    const mask = this.#offsets.length - 1;
    for (let slot = high & mask; this.#offsets[slot] !== 0; slot = (slot + 1) & mask) {
      if (this.#lows[slot] === low && this.#highs[slot] === high) {
        offsets.push(this.#offsets[slot] as number);
      }
    }
  }

  /** Every entry, in no order. */
  each(visit: EntryVisitor): void {
    for (let slot = 0; slot < this.#offsets.length; slot++) {
      const offset = this.#offsets[slot] as number;
      if (offset !== 0) visit(this.#highs[slot] as number, this.#lows[slot] as number, offset);
    }
  }

  #grow(): void {
    const old = { highs: this.#highs, lows: this.#lows, offsets: this.#offsets };
    const slots = Math.max(firstSlots, 2 * old.offsets.length);
    this.#highs = new Uint32Array(slots);
    this.#lows = new Uint32Array(slots);
    this.#offsets = new Uint32Array(slots);
    this.#count = 0;
    for (let slot = 0; slot < old.offsets.length; slot++) {
      const offset = old.offsets[slot] as number;
      if (offset !== 0) this.add(old.highs[slot] as number, old.lows[slot] as number, offset);
    }
  }
}
