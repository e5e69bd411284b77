/**
 * The thread that grows the tree of a long log while it is verified (`growing-tree.ts`) or
 * written by an import (`tree-aside.ts`): hashing takes much of the time, and needs nothing but the
 * bytes.
 */
import { BatchWalk } from "../event/index.ts";
import { decodeRange, encodeRange, hashBytes, TreeWriter } from "../merkle/index.ts";
import { serve } from "../threads/index.ts";

/** The leaves that come next; roots are wanted at `sizes`, ascending. */
export interface TreeOrder {
  /** Hashes of leaves one behind the other, or the bodies of batches. */
  readonly form: "leaves" | "bodies";
  /** Where they lie; bodies in shared memory, which stays as it is until the order is done. */
  readonly bytes: Uint8Array;
  /** Where in `bytes`: start and end of each body, or of the hashes. */
  readonly spans: readonly number[];
  readonly sizes: readonly number[];
  /** Only in the first order: the tree to go on from, as a compact range; else the empty one. */
  readonly from?: Uint8Array;
  /** Shared: one number, raised by one when the order is done. Missing: nobody looks there. */
  readonly done?: Int32Array;
}

/** What they add to `tree.log`, the roots, and the compact range of the tree as it is now. */
export interface TreeAnswer {
  readonly stored: Uint8Array;
  readonly roots: readonly Uint8Array[];
  readonly range: Uint8Array;
}

let tree = new TreeWriter();

/** Leaves of an order on their way into the tree. */
interface Leaves {
  /** Adds what is there until the tree has `size` leaves; false when there are too few. */
  addUntil(size: number): boolean;
}

/** Nothing but the loop: compiled code with something rare inside is thrown away for it. */
class Bodies implements Leaves {
  readonly #walk: BatchWalk;

  constructor(bytes: Uint8Array, bodyStart: number, end: number) {
    this.#walk = new BatchWalk({ bytes, bodyStart, end, firstSeq: 0, count: 0, fileOffset: 0 });
  }

  addUntil(size: number): boolean {
    while (tree.size < size) {
      if (!this.#walk.next()) return false;
      tree.appendLeaf(this.#walk.preimage());
    }
    return true;
  }
}

class Hashes implements Leaves {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at: number;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  addUntil(size: number): boolean {
    for (; tree.size < size; this.#at += hashBytes) {
      if (this.#at >= this.#end) return false;
      tree.append(this.#bytes, this.#at);
    }
    return true;
  }
}

serve<TreeOrder, TreeAnswer>(({ form, bytes, spans, sizes, from, done }) => {
  if (from) tree = new TreeWriter(decodeRange(from));
  const roots: Uint8Array[] = [];
  for (let i = 0; i < spans.length; i += 2) {
    const start = spans[i] as number;
    const end = spans[i + 1] as number;
    const leaves =
      form === "leaves" ? new Hashes(bytes, start, end) : new Bodies(bytes, start, end);
    while (leaves.addUntil(sizes[roots.length] ?? Number.POSITIVE_INFINITY)) {
      roots.push(tree.root());
    }
  }
  if (done) Atomics.add(done, 0, 1);
  return { stored: tree.take(), roots, range: encodeRange(tree.frontier()) };
});
