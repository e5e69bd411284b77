/**
 * A source whose first bytes have been looked at, to see what format it is in, and are read again
 * with the rest: standard input cannot be opened twice.
 */
import { sniffBytesMax } from "./head-sample.ts";
import type { Source, TakeBuffer } from "./source.ts";

/** A source whose first bytes have been looked at. */
export class PeekedStream {
  readonly #source: Source;
  readonly #take: TakeBuffer | undefined;
  readonly #chunks: Uint8Array[] = [];
  #iterator: AsyncIterator<Uint8Array> | undefined;

  /** `take`: as for `Source.open`. */
  constructor(source: Source, take?: TakeBuffer) {
    this.#source = source;
    this.#take = take;
  }

  /** The first bytes, at most `sniffBytesMax`. */
  async head(): Promise<Uint8Array> {
    this.#iterator = this.#source.open(0, this.#take)[Symbol.asyncIterator]();
    let size = 0;
    while (size < sniffBytesMax) {
      const { done, value } = await this.#iterator.next();
      if (done) break;
      this.#chunks.push(value);
      size += value.length;
    }
    return Buffer.concat(this.#chunks).subarray(0, sniffBytesMax);
  }

  /** All bytes, those looked at first. */
  async *all(): AsyncGenerator<Uint8Array> {
    yield* this.#chunks;
    for (;;) {
      const { done, value } = (await this.#iterator?.next()) ?? { done: true, value: undefined };
      if (done || !value) return;
      yield value;
    }
  }

  /** Ends reading early. */
  async close(): Promise<void> {
    const iterator = this.#iterator;
    this.#iterator = undefined;
    await iterator?.return?.();
  }
}
