/**
 * A buffer that grows: holds the beginning of a record until the rest has come. Grows by doubling,
 * so that bytes are copied a bounded number of times even when they come one by one.
 */
import { Buffer } from "node:buffer";

const bytesMin = 64 * 1024;
const bytesKept = 4 * 1024 * 1024;

/** Bytes that came in pieces, as one. */
export class Assembly {
  #buffer: Buffer = Buffer.allocUnsafeSlow(bytesMin);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** A view of what was appended, valid until the next `append` or `clear`. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Appends `source[start, end)`. */
  append(source: Buffer, start: number, end: number): void {
    const length = this.#length + end - start;
    if (length > this.#buffer.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(length, 2 * this.#buffer.length));
      this.#buffer.copy(grown, 0, 0, this.#length);
      this.#buffer = grown;
    }
    source.copy(this.#buffer, this.#length, start, end);
    this.#length = length;
  }

  /** Forgets the content; also gives back the memory that one unusually large record took. */
  clear(): void {
    this.#length = 0;
    if (this.#buffer.length > bytesKept) this.#buffer = Buffer.allocUnsafeSlow(bytesMin);
  }
}

/** The same bytes as a `Buffer`, whose searches and conversions are native; nothing is copied. */
export function bufferOf(bytes: Uint8Array): Buffer {
  if (Buffer.isBuffer(bytes)) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
