/**
 * The tree over the events of a log as they go by, compared with what was signed of it and with
 * what is stored of it. Over a long log it grows in a thread of its own; then what it comes to is
 * compared a little later, and `settled` says when everything has been.
 */
import type { Batch } from "../event/index.ts";
import { decodeRange, hashBytes, leafHashInto, TreeWriter } from "../merkle/index.ts";
import { SideThread } from "../threads/index.ts";
import type { DerivedCheck } from "./derived-check.ts";
import type { RootMarks } from "./root-marks.ts";
import type { TreeAnswer, TreeOrder } from "./tree-thread.ts";

/** Bytes of one order: some 16,000 hashes, or two batches of the largest at least. */
const orderBytes = 512 * 1024;
/** Orders that may wait for an answer. */
const ordersMax = 16;

/** A tree that grows. */
export class GrowingTree {
  readonly #marks: RootMarks;
  readonly #derived: DerivedCheck;
  #tree = new TreeWriter();
  #thread: SideThread<TreeOrder, TreeAnswer> | undefined;
  /** Whether the thread has begun to work. */
  #running = false;
  /** The next order. */
  readonly #bytes: Uint8Array;
  #form: TreeOrder["form"] = "leaves";
  #filled = 0;
  /** Leaves in the orders before it, and with it. */
  #begin = 0;
  #end = 0;
  /** Leaves whose stored hashes have been compared. */
  #compared = 0;
  #range: Uint8Array | undefined;

  /** `inThread`: hashing is done in a thread of its own, until `settled`. */
  constructor(marks: RootMarks, derived: DerivedCheck, inThread: boolean) {
    this.#marks = marks;
    this.#derived = derived;
    this.#bytes = new Uint8Array(inThread ? orderBytes : 0);
    if (!inThread) return;
    this.#thread = new SideThread("entries/tree-thread.js", "grows the tree", (answer) => {
      this.#take(answer);
    });
    // Its answer says that the thread is there.
    this.#send(this.#thread);
  }

  /**
   * Takes the events of a batch as a whole where the thread is there to hash them; otherwise `add`
   * is to be called for each. Both are followed by `endBatch`.
   */
  takes({ bytes, bodyStart, end, count }: Batch): boolean {
    if (!this.#thread || !this.#running) return false;
    this.#reserve(this.#thread, "bodies", end - bodyStart);
    this.#bytes.set(bytes.subarray(bodyStart, end), this.#filled);
    this.#filled += end - bodyStart;
    this.#end += count;
    return true;
  }

  /** Adds the leaf of an event, given its preimage. */
  add(preimage: Uint8Array): void {
    if (this.#thread) {
      this.#reserve(this.#thread, "leaves", hashBytes);
      leafHashInto(preimage, this.#bytes, this.#filled);
      this.#filled += hashBytes;
      this.#end += 1;
      return;
    }
    this.#tree.appendLeaf(preimage);
    if (this.#tree.size === this.#marks.next) this.#marks.reached(this.#tree.root());
  }

  /** All events of a batch have been added. */
  endBatch(): void {
    if (!this.#thread) this.#compare(this.#tree.size, this.#tree.take());
  }

  #reserve(thread: SideThread<TreeOrder, TreeAnswer>, form: TreeOrder["form"], size: number): void {
    const room = this.#form === form && this.#filled + size <= this.#bytes.length;
    if (!room && this.#filled > 0) this.#send(thread);
    this.#form = form;
  }

  #send(thread: SideThread<TreeOrder, TreeAnswer>): void {
    const sizes = this.#marks.sizes(this.#begin, this.#end);
    thread.send({ form: this.#form, bytes: this.#bytes, length: this.#filled, sizes });
    this.#begin = this.#end;
    this.#filled = 0;
  }

  #take({ stored, roots, range }: TreeAnswer): void {
    this.#running = true;
    for (const root of roots) this.#marks.reached(root);
    this.#range = range;
    this.#compare(decodeRange(range).end, stored);
  }

  #compare(size: number, stored: Uint8Array): void {
    if (size > this.#compared) this.#derived.leaves(this.#compared, size - this.#compared, stored);
    this.#compared = size;
  }

  /** Resolves when at most `most` orders are under way. Throws `WORKER_FAILED`. */
  async room(most: number = ordersMax): Promise<void> {
    await this.#thread?.answered(most);
  }

  /**
   * Resolves when everything has been compared; from then on the tree grows in this thread. Throws
   * `WORKER_FAILED`.
   */
  async settled(): Promise<void> {
    const thread = this.#thread;
    if (!thread) return;
    if (this.#filled > 0) this.#send(thread);
    await thread.answered();
    this.#tree = new TreeWriter(this.#range && decodeRange(this.#range));
    this.#thread = undefined;
    await thread.close();
  }

  /** Adds the stored hash of a leaf in the place of an event that cannot be read. */
  standIn(leafHash: Uint8Array): void {
    this.#tree.append(leafHash);
    this.#tree.take();
    this.#compared = this.#tree.size;
  }

  /** The root over everything added; only when it is settled. */
  root(): Uint8Array {
    return this.#tree.root();
  }

  /** Ends the thread, if it is still there. */
  async close(): Promise<void> {
    await this.#thread?.close();
  }
}
