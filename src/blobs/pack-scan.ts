/**
 * Walks through the entries of a pack, checking each CRC. After bytes that are no entry it goes on
 * at the next valid one: positions are part of the CRC, so damage costs only what it hit.
 */
import { entryBytesMax, entryHeaderBytes, entryIsValid, entrySize } from "./pack-format.ts";

const windowBytes = 1024 * 1024;

/** Fills `into` from a file offset; returns the bytes read, fewer only at the end of the file. */
export type ReadAt = (into: Uint8Array, offset: number) => number;

/** What a scan meets, in the order of offsets. */
export interface ScanVisitor {
  /** The valid entry of `size` bytes that lies at `at` of `buffer` and at `offset` of the pack. */
  entry(buffer: Uint8Array, at: number, offset: number, size: number): void;
  /**
   * `offset` to `end` is no valid entry, though one follows. When its header still fits its place,
   * `claimed` is where that header lies in `buffer`, otherwise -1.
   */
  damaged(offset: number, end: number, buffer: Uint8Array, claimed: number): void;
}

/** A piece of a pack in memory that moves forward. */
class ScanWindow {
  readonly #read: ReadAt;
  readonly #pack: number;
  readonly #end: number;
  readonly bytes: Uint8Array;
  #start = 0;
  #filled = 0;

  constructor(read: ReadAt, pack: number, from: number, end: number) {
    this.#read = read;
    this.#pack = pack;
    this.#end = end;
    this.bytes = new Uint8Array(Math.max(1, Math.min(windowBytes, end - from)));
  }

  /** Position in `bytes` of the `size` bytes at `offset`, or -1 when the pack ends before. */
  place(offset: number, size: number): number {
    if (offset + size > this.#end) return -1;
    if (offset < this.#start || offset + size > this.#start + this.#filled) {
      this.#start = offset;
      const want = Math.min(this.bytes.length, this.#end - offset);
      this.#filled = this.#read(this.bytes.subarray(0, want), offset);
      if (size > this.#filled) return -1;
    }
    return offset - this.#start;
  }

  /** Size of the entry at `offset` by its header, 0 when there cannot be one. */
  claimedSize(offset: number): number {
    const at = this.place(offset, entryHeaderBytes);
    const size = at < 0 ? 0 : entrySize(this.bytes, at);
    return size > 0 && this.place(offset, size) >= 0 ? size : 0;
  }

  /** Size of the entry at `offset` if it is valid, otherwise 0. */
  validSize(offset: number): number {
    const size = this.claimedSize(offset);
    if (size === 0) return 0;
    const at = this.place(offset, size);
    const place = { pack: this.#pack, base: offset - at };
    return entryIsValid(this.bytes, at, size, place) ? size : 0;
  }
}

/**
 * Visits the entries from `from` on, where one begins, up to `end`. Returns where it stopped: at
 * `end`, or where the bytes after which no valid entry follows begin.
 */
export function scanEntries(
  read: ReadAt,
  pack: number,
  from: number,
  end: number,
  visitor: ScanVisitor,
): number {
  const window = new ScanWindow(read, pack, from, end);
  for (let offset = from; offset < end; ) {
    const size = window.validSize(offset);
    if (size > 0) {
      visitor.entry(window.bytes, window.place(offset, size), offset, size);
      offset += size;
      continue;
    }
    const claimed = window.claimedSize(offset);
    const after = offset + claimed;
    const fits = claimed > 0 && (after === end || window.validSize(after) > 0);
    const next = fits ? after : nextValid(window, offset + 1, end);
    if (next === undefined) return offset;
    const at = window.place(offset, Math.min(entryBytesMax, end - offset));
    visitor.damaged(offset, next, window.bytes, fits ? at : -1);
    offset = next;
  }
  return end;
}

/** Offset of the first valid entry at or after `from`. */
function nextValid(window: ScanWindow, from: number, end: number): number | undefined {
  for (let offset = from; offset + entryHeaderBytes <= end; offset++) {
    if (window.validSize(offset) > 0) return offset;
  }
  return undefined;
}
