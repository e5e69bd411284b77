/**
 * The tree of a session that is being written past the journal, growing in a thread of its own
 * (`tree-thread.ts`): whoever imports much is busy enough with the rest. Events go there in shared
 * memory that is used again and again; what they add to `tree.log` comes back a little later.
 */
import type { Batch } from "../event/index.ts";
import { type CompactRange, decodeRange, encodeRange } from "../merkle/index.ts";
import { SideThread } from "../threads/index.ts";
import type { TreeAnswer, TreeOrder } from "./tree-thread.ts";

/** Bytes of one order: two batches of the largest at least. */
const orderBytes = 512 * 1024;
/** Orders that may wait for an answer when there is time to wait. */
const ordersMax = 16;

function newOrder(): Uint8Array {
  return new Uint8Array(new SharedArrayBuffer(orderBytes));
}

/** A tree that grows elsewhere. */
export class TreeAside {
  readonly #thread: SideThread<TreeOrder, TreeAnswer>;
  /** The next order; those that are under way, the oldest first; those that can be used again. */
  #bytes = newOrder();
  readonly #sent: Uint8Array[] = [];
  readonly #free: Uint8Array[] = [];
  #filled = 0;
  #range: CompactRange;

  /**
   * Goes on from the tree that `range` covers. `onGrown` is told, in order, what was added to
   * `tree.log` and how many leaves there are.
   */
  constructor(range: CompactRange, onGrown: (stored: Uint8Array, size: number) => void) {
    this.#range = range;
    this.#thread = new SideThread("entries/tree-thread.js", "grows the tree", (answer) => {
      this.#range = decodeRange(answer.range);
      this.#free.push(this.#sent.shift() as Uint8Array);
      onGrown(answer.stored, this.#range.end);
    });
    this.#send(encodeRange(range));
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
    this.#thread.send(from ? { ...order, from } : order);
    this.#sent.push(this.#bytes);
    this.#bytes = this.#free.pop() ?? newOrder();
    this.#filled = 0;
  }

  /** Resolves when the thread is not far behind. Throws `WORKER_FAILED`. */
  async room(): Promise<void> {
    await this.#thread.answered(ordersMax);
  }

  /** What the tree has come to when all is added; the thread has ended. Throws `WORKER_FAILED`. */
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
