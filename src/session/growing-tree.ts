/**
 * The tree over the events of a log as they go by, compared with what was signed of it and with
 * what is stored of it. Over a long log it grows in a thread of its own; then what it comes to is
 * compared a little later, and `settled` says when everything has been.
 */
import { decodeRange, hashBytes, leafHashInto, TreeWriter } from "../merkle/index.ts";
import { SideThread } from "../threads/index.ts";
import type { DerivedCheck } from "./derived-check.ts";
import type { RootMarks } from "./root-marks.ts";
import type { TreeAnswer, TreeOrder } from "./tree-thread.ts";

/** Leaves of one order, at least. */
const orderLeaves = 2048;
/** Orders that may wait for an answer. */
const ordersMax = 16;

/** A tree that grows. */
export class GrowingTree {
  readonly #marks: RootMarks;
  readonly #derived: DerivedCheck;
  #tree = new TreeWriter();
  #thread: SideThread<TreeOrder, TreeAnswer> | undefined;
  /** Hashes of leaves for the next order, and where they begin. */
  #leaves = new Uint8Array(0);
  #filled = 0;
  #begin = 0;
  /** Leaves whose stored hashes have been compared. */
  #compared = 0;
  #range: Uint8Array | undefined;

  /** `inThread`: the nodes are hashed in a thread of its own, until `settled`. */
  constructor(marks: RootMarks, derived: DerivedCheck, inThread: boolean) {
    this.#marks = marks;
    this.#derived = derived;
    if (!inThread) return;
    this.#thread = new SideThread("session/tree-thread.js", "grows the tree", (answer) => {
      this.#take(answer);
    });
  }

  /** Adds the leaf of an event, given its preimage. */
  add(preimage: Uint8Array): void {
    if (this.#thread) {
      if (this.#filled === this.#leaves.length) this.#grow();
      leafHashInto(preimage, this.#leaves, this.#filled);
      this.#filled += hashBytes;
      return;
    }
    this.#tree.appendLeaf(preimage);
    if (this.#tree.size === this.#marks.next) this.#marks.reached(this.#tree.root());
  }

  #grow(): void {
    const larger = new Uint8Array(Math.max(hashBytes * orderLeaves, 2 * this.#filled));
    larger.set(this.#leaves);
    this.#leaves = larger;
  }

  /** All events of a batch have been added. */
  endBatch(): void {
    if (!this.#thread) this.#compare(this.#tree.size, this.#tree.take());
    else if (this.#filled >= hashBytes * orderLeaves) this.#send(this.#thread);
  }

  /** Resolves when there is room for more. Throws `WORKER_FAILED`. */
  async room(): Promise<void> {
    await this.#thread?.answered(ordersMax);
  }

  #send(thread: SideThread<TreeOrder, TreeAnswer>): void {
    const leaves = this.#leaves.slice(0, this.#filled);
    const end = this.#begin + this.#filled / hashBytes;
    thread.send({ leaves, sizes: this.#marks.sizes(this.#begin, end) });
    this.#begin = end;
    this.#filled = 0;
  }

  #take({ bytes, roots, range }: TreeAnswer): void {
    for (const root of roots) this.#marks.reached(root);
    this.#range = range;
    this.#compare(decodeRange(range).end, bytes);
  }

  #compare(size: number, stored: Uint8Array): void {
    if (size > this.#compared) this.#derived.leaves(this.#compared, size - this.#compared, stored);
    this.#compared = size;
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
