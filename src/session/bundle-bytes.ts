/**
 * The bytes of a bundle in the sizes that reading it asks for, out of pieces of any size. Read in
 * order, once; what is asked for is allocated as it arrives, never as it is announced.
 */
import { concat, noBytes } from "../base/index.ts";

/** Hands out bytes in the sizes that are asked for. */
export class BundleBytes {
  readonly #pieces: AsyncIterator<Uint8Array>;
  #piece: Uint8Array = noBytes;
  /** Bytes that have been handed out. */
  offset = 0;

  constructor(pieces: AsyncIterable<Uint8Array>) {
    this.#pieces = pieces[Symbol.asyncIterator]();
  }

  /** The next `size` bytes, fewer only where the source ends. */
  async take(size: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    let missing = size;
    while (missing > 0) {
      if (this.#piece.length === 0 && !(await this.#more())) break;
      const part = this.#piece.subarray(0, missing);
      this.#piece = this.#piece.subarray(part.length);
      parts.push(part);
      missing -= part.length;
    }
    this.offset += size - missing;
    return parts.length === 1 ? (parts[0] as Uint8Array) : concat(...parts);
  }

  async #more(): Promise<boolean> {
    const step = await this.#pieces.next();
    if (step.done) return false;
    this.#piece = step.value;
    return true;
  }

  /** Nothing more is wanted. */
  async close(): Promise<void> {
    await this.#pieces.return?.();
  }
}
