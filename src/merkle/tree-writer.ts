/**
 * Writes `tree.log`: takes the leaf hashes of a session in order and hands out the bytes to append
 * to the file, which are those hashes and the stored nodes that they complete (layout: `nodes.ts`).
 * It remembers only the frontier, so it can be resumed from one.
 */
import { assert } from "../base/index.ts";
import { hashBytes, leafHashInto } from "./hasher.ts";
import { type CompactRange, emptyRange, RangeBuilder } from "./range.ts";

/** Turns leaf hashes into the bytes of `tree.log`. */
export class TreeWriter {
  readonly #range: RangeBuilder;
  #pending = new Uint8Array(64 * hashBytes);
  #used = 0;

  /** Goes on from the frontier of a tree already written, by default from the empty tree. */
  constructor(frontier: CompactRange = emptyRange()) {
    assert(frontier.begin === 0, "a frontier begins at leaf 0");
    this.#range = new RangeBuilder(frontier, (_level, hash) => this.#store(hash));
  }

  /** Leaves so far. */
  get size(): number {
    return this.#range.end;
  }

  /** Adds the next leaf; its hash is the 32 bytes of `leafHash` from `at` on. */
  append(leafHash: Uint8Array, at = 0): void {
    this.#store(leafHash.subarray(at, at + hashBytes));
    this.#range.append(leafHash, at);
  }

  /** Adds the next leaf, whose bytes lie behind their prefix (see `leafHash`). */
  appendLeaf(preimage: Uint8Array): void {
    const at = this.#room();
    leafHashInto(preimage, this.#pending, at);
    this.#range.append(this.#pending, at);
  }

  /**
   * The bytes that the leaves since the last call add to the file, a copy. At size n after it the
   * file is `32 * storedCount(n)` bytes long.
   */
  take(): Uint8Array {
    const bytes = this.#pending.slice(0, this.#used);
    this.#used = 0;
    return bytes;
  }

  /** What a writer needs to go on from here. */
  frontier(): CompactRange {
    return this.#range.range();
  }

  /** The root at the current size. */
  root(): Uint8Array {
    return this.#range.root();
  }

  #store(hash: Uint8Array): void {
    const at = this.#room();
    this.#pending.set(hash, at);
  }

  /** Where the next hash goes. */
  #room(): number {
    const at = this.#used;
    if (at === this.#pending.length) {
      const larger = new Uint8Array(2 * at);
      larger.set(this.#pending);
      this.#pending = larger;
    }
    this.#used = at + hashBytes;
    return at;
  }
}
