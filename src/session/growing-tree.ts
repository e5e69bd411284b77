/**
 * The tree over the events of a log as they go by, compared with what was signed of it and with
 * what is stored of it. Over a long log it grows in a thread of its own; then what it comes to is
 * compared a little later, and `settled` says when everything has been.
 */
import { limits } from "../base/index.ts";
import type { Batch } from "../event/index.ts";
import { decodeRange, hashBytes, leafHashInto, TreeWriter } from "../merkle/index.ts";
import type { SideThread } from "../threads/index.ts";
import type { DerivedCheck } from "./derived-check.ts";
import type { RootMarks } from "./root-marks.ts";
import { type TreeAnswer, type TreeOrder, treeThread } from "./tree-orders.ts";

/** Bytes of an order of leaves: some 8,000 hashes. */
const leafOrderBytes = 256 * 1024;
/** Orders that may wait for an answer. */
const ordersMax = 16;
/** Windows of the log that the thread can be behind. */
const windowsMax = 4;

/** A tree that grows. */
export class GrowingTree {
  readonly #marks: RootMarks;
  readonly #derived: DerivedCheck;
  #tree = new TreeWriter();
  #thread: SideThread<TreeOrder, TreeAnswer> | undefined;
  /** Leaves of the next order. */
  readonly #leaves: Uint8Array;
  #filled = 0;
  /** Where the bodies of the next order lie in the current window. */
  #spans: number[] = [];
  /** The one that is being read, until it is lent; none while the thread is done with no other. */
  #window: Uint8Array | undefined;
  #ownMemory: Uint8Array | undefined;
  /** Asked for the memory of each window of the log, when those before have been added. */
  readonly memory: (() => Uint8Array) | undefined;
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
    this.#leaves = new Uint8Array(inThread ? leafOrderBytes : 0);
    if (!inThread) return;
    this.memory = () => this.#nextWindow();
    const memory = { bytes: limits.readWindowBytes, pieces: windowsMax };
    this.#thread = treeThread(memory, (answer) => this.#take(answer));
  }

  /**
   * Takes the events of a batch as a whole where the thread is there to hash them; otherwise `add`
   * is to be called for each. Both are followed by `endBatch`. The batch lies in what `memory` gave
   * last, and stays there until that is asked again.
   */
  takes({ bodyStart, end, count }: Batch): boolean {
    if (!this.#thread || !this.#window) return false;
    if (this.#filled > 0) this.#send(this.#thread);
    this.#spans.push(bodyStart, end);
    this.#end += count;
    return true;
  }

  /**
   * Memory that the thread has done with, so that it sees what is read without a copy. Where it is
   * behind, or has not begun for so long, memory of this thread, which then hashes by itself.
   */
  #nextWindow(): Uint8Array {
    if (this.#thread && this.#spans.length > 0) this.#send(this.#thread);
    this.#window ??= this.#thread?.take();
    if (this.#window) return this.#window;
    this.#ownMemory ??= new Uint8Array(limits.readWindowBytes);
    return this.#ownMemory;
  }

  /** Adds the leaf of an event, given its preimage. */
  add(preimage: Uint8Array): void {
    if (this.#thread) {
      const full = this.#filled === this.#leaves.length;
      if (full || this.#spans.length > 0) this.#send(this.#thread);
      leafHashInto(preimage, this.#leaves, this.#filled);
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

  /** Sends what there is: bodies or leaves, never both. */
  #send(thread: SideThread<TreeOrder, TreeAnswer>): void {
    const sizes = this.#marks.sizes(this.#begin, this.#end);
    if (this.#window && this.#spans.length > 0) {
      const order = { form: "bodies", bytes: this.#window, spans: this.#spans, sizes } as const;
      thread.send(order, this.#window);
      this.#window = undefined;
      this.#spans = [];
    } else {
      const bytes = this.#leaves.slice(0, this.#filled);
      thread.send({ form: "leaves", bytes, spans: [0, bytes.length], sizes });
      this.#filled = 0;
    }
    this.#begin = this.#end;
  }

  #take({ stored, roots, range }: TreeAnswer): void {
    for (const root of roots) this.#marks.reached(root);
    this.#range = range;
    this.#compare(decodeRange(range).end, stored);
  }

  #compare(size: number, stored: Uint8Array): void {
    if (size > this.#compared) this.#derived.leaves(this.#compared, size - this.#compared, stored);
    this.#compared = size;
  }

  /** Resolves when at most `most` orders are under way. */
  async room(most: number = ordersMax): Promise<void> {
    await this.#thread?.answered(most);
  }

  /** Resolves when everything has been compared; from then on the tree grows in this thread. */
  async settled(): Promise<void> {
    const thread = this.#thread;
    if (!thread) return;
    if (this.#filled > 0 || this.#spans.length > 0) this.#send(thread);
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
