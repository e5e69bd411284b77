/**
 * Content-defined chunking: FastCDC with normalised chunk sizes (Xia et al., USENIX ATC 2016,
 * section 3). Where a cut lies depends only on the bytes from the start of the chunk, so equal
 * stretches of different blobs are cut alike and stored once. The gear table and the masks decide
 * which bytes are shared on disk: they are frozen.
 */
import { assert, limits, readU32, sha256, utf8 } from "../base/index.ts";

const minimum = limits.chunkBytesMin;
const average = limits.chunkBytesAverage;
const maximum = limits.chunkBytesMax;

/** 256 pseudo-random words: the SHA-256 of "reach gear 0" to "reach gear 31", little-endian. */
export const gear: Uint32Array = new Uint32Array(256).map((_, byte) =>
  readU32(sha256(utf8(`reach gear ${byte >>> 3}`)), 4 * (byte & 7)),
);
/** The same words as integers like the hashes: cutting takes 0.6 of the time (measured). */
const signedGear = new Int32Array(gear.buffer);

/** A mask of the `bits` highest bits, those that depend on the most bytes (the last 32). */
function highBits(bits: number): number {
  return -(2 ** (32 - bits)) | 0;
}

const averageBits = Math.log2(average);
assert(Number.isInteger(averageBits), "the average chunk size is a power of two");
// Normalisation level 2: a cut is 4 times less likely before the average size and 4 times more
// likely after it, which draws the sizes towards the average.
const strict = highBits(averageBits + 2);
const loose = highBits(averageBits - 2);

/**
 * The end of the chunk that begins at `start`; `end` is the end of the blob's bytes. When `bytes`
 * is only a part of the blob, the answer holds if `end - start` is at least the largest chunk size.
 */
export function nextCut(bytes: Uint8Array, start: number, end: number): number {
  let position = start + minimum;
  if (position >= end) return end;
  const middle = Math.min(start + average, end);
  const last = Math.min(start + maximum, end);
  let hash = 0;
  for (; position < middle; position++) {
    hash = ((hash << 1) + (signedGear[bytes[position] as number] as number)) | 0;
    if ((hash & strict) === 0) return position + 1;
  }
  for (; position < last; position++) {
    hash = ((hash << 1) + (signedGear[bytes[position] as number] as number)) | 0;
    if ((hash & loose) === 0) return position + 1;
  }
  return last;
}

// The head of a blob: with these it has 190 bytes on average.
const headMinimum = 64;
const headMaximum = minimum;
const headMask = highBits(7);

/**
 * The end of the first chunk of a blob as a store cuts it. A blob of at least the largest chunk
 * size begins with a short chunk, its head: where a conversation is sent again and again, what
 * stands in front of the messages (their count, the number of a request) is another one each time,
 * and would take the rest of a chunk along. No other chunk but the last is as short. `bytes` may be
 * a part of the blob as for `nextCut`.
 */
export function firstCut(bytes: Uint8Array, end: number): number {
  if (end < maximum) return nextCut(bytes, 0, end);
  let hash = 0;
  for (let position = headMinimum; position < headMaximum; position++) {
    hash = ((hash << 1) + (signedGear[bytes[position] as number] as number)) | 0;
    if ((hash & headMask) === 0) return position + 1;
  }
  return headMaximum;
}

/** Whether a chunk of that size, with another one behind it, is the head of its blob. */
export function isHead(size: number): boolean {
  return size <= headMaximum;
}

/**
 * Cuts a blob that arrives in pieces exactly as it is cut whole, in bounded memory: with `nextCut`,
 * and the first chunk with `cutFirst`.
 */
export class StreamChunker {
  readonly #emit: (chunk: Uint8Array) => void;
  readonly #cutFirst: (bytes: Uint8Array, end: number) => number;
  #begun = false;
  readonly #buffer = new Uint8Array(16 * maximum);
  #filled = 0;

  /** `emit` is given each chunk, a view that is valid only during the call. */
  constructor(
    emit: (chunk: Uint8Array) => void,
    cutFirst = (bytes: Uint8Array, end: number): number => nextCut(bytes, 0, end),
  ) {
    this.#emit = emit;
    this.#cutFirst = cutFirst;
  }

  /** The next piece of the blob, of any size; it is not kept. */
  push(bytes: Uint8Array): void {
    for (let taken = 0; taken < bytes.length; ) {
      const room = this.#buffer.length - this.#filled;
      const part = bytes.subarray(taken, taken + room);
      this.#buffer.set(part, this.#filled);
      this.#filled += part.length;
      taken += part.length;
      this.#cutWhile(maximum);
    }
  }

  /** The blob is complete: emits what is left, nothing of an empty one. Another may follow. */
  finish(): void {
    this.#cutWhile(1);
    this.#begun = false;
  }

  /** Cuts as long as at least `least` bytes are there, then moves the rest to the front. */
  #cutWhile(least: number): void {
    let start = 0;
    while (this.#filled - start >= least) {
      const cut = this.#begun
        ? nextCut(this.#buffer, start, this.#filled)
        : this.#cutFirst(this.#buffer, this.#filled);
      this.#begun = true;
      this.#emit(this.#buffer.subarray(start, cut));
      start = cut;
    }
    this.#buffer.copyWithin(0, start, this.#filled);
    this.#filled -= start;
  }
}
