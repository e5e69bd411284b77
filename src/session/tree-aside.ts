/**
 * The tree of a session that is being written past the journal, growing in a thread of its own
 * (`tree-orders.ts`): whoever imports much is busy enough with the rest. Events go there in shared
 * memory that is used again and again; what they add to `tree.log` comes back a little later.
 */
import { assert } from "../base/index.ts";
import type { Batch } from "../event/index.ts";
import { type CompactRange, decodeRange, encodeRange } from "../merkle/index.ts";
import type { SideThread } from "../threads/index.ts";
import { type TreeAnswer, type TreeOrder, treeThread } from "./tree-orders.ts";

/** Bytes of one order: two batches of the largest at least. */
const orderBytes = 512 * 1024;
/** Orders that may wait for an answer when there is time to wait. */
const ordersMax = 16;

/** A tree that grows elsewhere. */
export class TreeAside {
  readonly #thread: SideThread<TreeOrder, TreeAnswer>;
  /** The next order. */
  #bytes: Uint8Array;
  #filled = 0;
  #range: CompactRange;

  /**
   * Goes on from the tree that `range` covers. `onGrown` is told, in order, what was added to
   * `tree.log` and how many leaves there are.
   */
  constructor(range: CompactRange, onGrown: (stored: Uint8Array, size: number) => void) {
    this.#range = range;
    const memory = { bytes: orderBytes, pieces: Number.POSITIVE_INFINITY };
    this.#thread = treeThread(memory, (answer) => {
      this.#range = decodeRange(answer.range);
      onGrown(answer.stored, this.#range.end);
    });
    this.#bytes = this.#memory();
    this.#send(encodeRange(range));
  }

  #memory(): Uint8Array {
    const memory = this.#thread.take();
    assert(memory !== undefined, "there is no end to this memory");
    return memory;
  }

  /** Adds the events of the next batch. */
  add({ bytes, bodyStart, end }: Batch): void {
    const size = end - bodyStart;
    if (this.#filled + size > this.#bytes.length) this.#send();
    this.#bytes.set(bytes.subarray(bodyStart, end), this.#filled);
    this.#filled += size;
  }

  #send(from?: Uint8Array): void {
    const spans = [0, this.#filled];
    const order = { form: "bodies", bytes: this.#bytes, spans, sizes: [] } as const;
    this.#thread.send(from ? { ...order, from } : order, this.#bytes);
    this.#bytes = this.#memory();
    this.#filled = 0;
  }

  /** Resolves when the thread is not far behind. */
  async room(): Promise<void> {
    await this.#thread.answered(ordersMax);
  }

  /** What the tree has come to when all is added; the thread has ended. */
  async settled(): Promise<CompactRange> {
    if (this.#filled > 0) this.#send();
    await this.#thread.answered();
    await this.close();
    return this.#range;
  }

  /** Ends the thread. */
  async close(): Promise<void> {
    await this.#thread.close();
  }
}
