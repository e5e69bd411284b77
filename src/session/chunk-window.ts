/**
 * Payloads in a bundle, as operations that one pass can follow in bounded memory. What has been
 * said in full lately can be referred to, so a conversation that is sent again and again travels
 * once: both sides remember the last 64 MiB of literal bytes.
 *
 *   begin    u8 1   32 bytes SHA-256   u48 size   a payload begins; it ends with its last byte
 *   literal  u8 2   u16 count   the bytes         they follow, and are remembered
 *   copy     u8 3   u32 distance   u16 count      of what is remembered, what begins `distance`
 *                                                 bytes before its end follows once more
 *
 * Operations never cross the end of a section. The writer finds repetitions by content-defined
 * chunks, as the store does; the reader follows whatever it is told, within the window.
 */
import { assert, limits, readU16, readU32, sha256, writeU16, writeU32 } from "../base/index.ts";
import { firstCut, StreamChunker } from "../blobs/index.ts";
import { bundleError } from "./bundle-format.ts";

/** Literal bytes that can be referred to. */
export const windowBytesMax: number = 64 * 1024 * 1024;

const operations = { begin: 1, literal: 2, copy: 3 } as const;
const beginBytes = 1 + 32 + 6;
const literalBytes = 3;
const copyBytes = 7;
/** Bytes that one operation may stand for: what a small bundle can blow up to is bounded by it. */
const copyMax = 0xffff;
const keyBytes = 16;
const firstWindowBytes = 1024 * 1024;
/** Bytes of payloads that are followed in one go: hashing them takes a browser about 10 ms. */
const strideBytes = 1024 * 1024;

/** Writes payloads as operations. */
export class PayloadWriter {
  readonly #room: Uint8Array;
  readonly #emit: (content: Uint8Array) => void;
  readonly #windowBytes: number;
  readonly #chunker = new StreamChunker((chunk) => this.#chunk(chunk), firstCut);
  #filled = 0;
  /** Literal bytes so far. */
  #literals = 0;
  /** Where each chunk was said last, oldest first: a `Map` keeps the order of insertion. */
  readonly #chunks = new Map<string, number>();
  /** A copy that may still grow: from where, and how many bytes; 0 for none. */
  #copyFrom = 0;
  #copied = 0;

  /** `emit` gets the content of a section, valid during the call; `contentBytes` bounds it. */
  constructor(
    contentBytes: number,
    emit: (content: Uint8Array) => void,
    windowBytes: number = windowBytesMax,
  ) {
    this.#room = new Uint8Array(contentBytes);
    this.#emit = emit;
    this.#windowBytes = windowBytes;
  }

  /** Begins a payload of `size` bytes; they follow through `push`, then comes `end`. */
  begin(name: Uint8Array, size: number): void {
    const at = this.#take(beginBytes);
    this.#room[at] = operations.begin;
    this.#room.set(name, at + 1);
    writeU16(this.#room, at + 33, size % 2 ** 16);
    writeU32(this.#room, at + 35, Math.floor(size / 2 ** 16));
  }

  /** The next bytes of the payload. */
  push(bytes: Uint8Array): void {
    this.#chunker.push(bytes);
  }

  /** The payload is complete. */
  end(): void {
    this.#chunker.finish();
    this.#endCopy();
  }

  /** Ends the section that is being collected. */
  flush(): void {
    if (this.#filled > 0) this.#emit(this.#room.subarray(0, this.#filled));
    this.#filled = 0;
  }

  #chunk(chunk: Uint8Array): void {
    const hash = sha256(chunk);
    const key = String.fromCharCode(...hash.subarray(0, keyBytes));
    const place = this.#chunks.get(key);
    if (place !== undefined && this.#literals - place <= this.#windowBytes) {
      this.#copy(place, chunk.length);
      return;
    }
    this.#literal(chunk);
    this.#remember(key, chunk.length);
  }

  /** Chunks that were said one after the other are referred to together. */
  #copy(place: number, count: number): void {
    const follows = this.#copied > 0 && place === this.#copyFrom + this.#copied;
    if (!follows || this.#copied + count > copyMax) {
      this.#endCopy();
      this.#copyFrom = place;
    }
    this.#copied += count;
  }

  #endCopy(): void {
    const count = this.#copied;
    if (count === 0) return;
    this.#copied = 0;
    const at = this.#take(copyBytes);
    this.#room[at] = operations.copy;
    writeU32(this.#room, at + 1, this.#literals - this.#copyFrom);
    writeU16(this.#room, at + 5, count);
  }

  #literal(chunk: Uint8Array): void {
    this.#endCopy();
    const at = this.#take(literalBytes + chunk.length);
    this.#room[at] = operations.literal;
    writeU16(this.#room, at + 1, chunk.length);
    this.#room.set(chunk, at + literalBytes);
  }

  #remember(key: string, size: number): void {
    this.#chunks.delete(key);
    this.#chunks.set(key, this.#literals);
    this.#literals += size;
    for (const [oldest, place] of this.#chunks) {
      if (this.#literals - place <= this.#windowBytes) return;
      this.#chunks.delete(oldest);
    }
  }

  #take(size: number): number {
    if (this.#filled + size > this.#room.length) this.flush();
    const at = this.#filled;
    this.#filled += size;
    return at;
  }
}

/** Hears of payloads as they are read. */
export interface PayloadSink {
  begin(name: Uint8Array, size: number): void;
  /** The next bytes of the payload; a view that is valid during the call. */
  data(bytes: Uint8Array): void;
  end(): void;
}

/** Follows operations from a stranger. Throws `BUNDLE_INVALID` for what does not fit. */
export class PayloadReader {
  readonly #sink: PayloadSink;
  readonly #windowBytes: number;
  /** Grows with what was really said, up to the window; then it is a ring. */
  #ring: Uint8Array = new Uint8Array(0);
  #literals = 0;
  /** Bytes that the payload still lacks; -1 between payloads. */
  #left = -1;
  #strideLeft = 0;

  constructor(sink: PayloadSink, windowBytes: number = windowBytesMax) {
    assert(windowBytes > 0xffff, "the window holds the longest literal");
    this.#sink = sink;
    this.#windowBytes = windowBytes;
  }

  /** Whether a payload has begun and not ended. */
  get open(): boolean {
    return this.#left >= 0;
  }

  /**
   * Follows the operations of a section from `at` on; returns where it stopped, since a small
   * section can stand for gigabytes. The section is done when that is its end.
   */
  read(content: Uint8Array, at: number): number {
    this.#strideLeft = strideBytes;
    while (at < content.length && this.#strideLeft > 0) {
      const operation = content[at] as number;
      const size = operationBytes(content, at);
      if (at + size > content.length) throw bundleError("a section of payloads is cut off");
      if (operation === operations.begin) this.#begin(content, at);
      else if (operation === operations.literal) {
        this.#literal(content.subarray(at + literalBytes, at + size));
      } else this.#copy(readU32(content, at + 1), readU16(content, at + 5));
      at += size;
    }
    return at;
  }

  #begin(content: Uint8Array, at: number): void {
    if (this.open) throw bundleError("a payload begins before the one before it has ended");
    const size = readU16(content, at + 33) + readU32(content, at + 35) * 2 ** 16;
    if (size > limits.blobBytesMax) throw bundleError(`a payload claims to have ${size} bytes`);
    this.#left = size;
    this.#sink.begin(content.slice(at + 1, at + 33), this.#left);
    this.#endIfWhole();
  }

  #literal(bytes: Uint8Array): void {
    this.#data(bytes);
    this.#remember(bytes);
    this.#endIfWhole();
  }

  #copy(distance: number, count: number): void {
    const known = Math.min(this.#literals, this.#windowBytes);
    if (count === 0 || count > copyMax || count > distance || distance > known) {
      throw bundleError("a payload refers to something that was not said");
    }
    const start = (this.#literals - distance) % this.#ring.length;
    const first = Math.min(count, this.#ring.length - start);
    this.#data(this.#ring.subarray(start, start + first));
    if (first < count) this.#data(this.#ring.subarray(0, count - first));
    this.#endIfWhole();
  }

  #data(bytes: Uint8Array): void {
    if (this.#left < bytes.length) {
      throw bundleError(this.open ? "a payload is longer than it says" : "bytes of no payload");
    }
    this.#left -= bytes.length;
    this.#strideLeft -= bytes.length;
    this.#sink.data(bytes);
  }

  #endIfWhole(): void {
    if (this.#left !== 0) return;
    this.#left = -1;
    this.#sink.end();
  }

  #remember(bytes: Uint8Array): void {
    const wanted = this.#literals + bytes.length;
    if (wanted > this.#ring.length && this.#ring.length < this.#windowBytes) this.#grow(wanted);
    const start = this.#literals % this.#ring.length;
    const first = Math.min(bytes.length, this.#ring.length - start);
    this.#ring.set(bytes.subarray(0, first), start);
    if (first < bytes.length) this.#ring.set(bytes.subarray(first), 0);
    this.#literals = wanted;
  }

  #grow(wanted: number): void {
    const doubled = Math.max(2 * this.#ring.length, firstWindowBytes, wanted);
    const ring = new Uint8Array(Math.min(doubled, this.#windowBytes));
    ring.set(this.#ring);
    this.#ring = ring;
  }
}

/** Bytes of the operation at `at`, as far as it can be told without reading beyond the end. */
function operationBytes(content: Uint8Array, at: number): number {
  const operation = content[at] as number;
  if (operation === operations.begin) return beginBytes;
  if (operation === operations.copy) return copyBytes;
  if (operation !== operations.literal) throw bundleError("a section of payloads is not valid");
  return at + literalBytes > content.length
    ? literalBytes
    : literalBytes + readU16(content, at + 1);
}
