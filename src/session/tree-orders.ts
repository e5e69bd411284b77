/**
 * What grows a tree by order, in a thread of its own (`tree-thread.ts`), while a long log is
 * verified (`growing-tree.ts`) or written by an import (`tree-aside.ts`): hashing takes much of the
 * time, and needs nothing but the bytes. Where the thread dies the same goes on here.
 */
import { BatchWalk } from "../event/index.ts";
import { decodeRange, encodeRange, hashBytes, TreeWriter } from "../merkle/index.ts";
import { type Answering, type SharedMemory, SideThread } from "../threads/index.ts";

/** The leaves that come next; roots are wanted at `sizes`, ascending. */
export interface TreeOrder {
  /** Hashes of leaves one behind the other, or the bodies of batches. */
  readonly form: "leaves" | "bodies";
  /** Where they lie; bodies in memory that is lent. */
  readonly bytes: Uint8Array;
  /** Where in `bytes`: start and end of each body, or of the hashes. */
  readonly spans: readonly number[];
  readonly sizes: readonly number[];
  /** Only in the first order: the tree to go on from, as a compact range; else the empty one. */
  readonly from?: Uint8Array;
}

/** What they add to `tree.log`, the roots, and the compact range of the tree as it is now. */
export interface TreeAnswer {
  readonly stored: Uint8Array;
  readonly roots: readonly Uint8Array[];
  readonly range: Uint8Array;
}

/** Leaves of an order on their way into the tree. */
interface Leaves {
  /** Adds what is there until the tree has `size` leaves; false when there are too few. */
  addUntil(tree: TreeWriter, size: number): boolean;
}

/** Nothing but the loop: compiled code with something rare inside is thrown away for it. */
class Bodies implements Leaves {
  readonly #walk: BatchWalk;

  constructor(bytes: Uint8Array, bodyStart: number, end: number) {
    this.#walk = new BatchWalk({ bytes, bodyStart, end, firstSeq: 0, count: 0, fileOffset: 0 });
  }

  addUntil(tree: TreeWriter, size: number): boolean {
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

  addUntil(tree: TreeWriter, size: number): boolean {
    for (; tree.size < size; this.#at += hashBytes) {
      if (this.#at >= this.#end) return false;
      tree.append(this.#bytes, this.#at);
    }
    return true;
  }
}

/** Grows a tree from the compact range `begin` on, by default from the empty one. */
export function treeGrower(begin?: Uint8Array): Answering<TreeOrder, TreeAnswer> {
  let tree = new TreeWriter(begin && decodeRange(begin));
  return ({ form, bytes, spans, sizes, from }) => {
    if (from) tree = new TreeWriter(decodeRange(from));
    const roots: Uint8Array[] = [];
    for (let i = 0; i < spans.length; i += 2) {
      const start = spans[i] as number;
      const end = spans[i + 1] as number;
      const leaves =
        form === "leaves" ? new Hashes(bytes, start, end) : new Bodies(bytes, start, end);
      while (leaves.addUntil(tree, sizes[roots.length] ?? Number.POSITIVE_INFINITY)) {
        roots.push(tree.root());
      }
    }
    return { stored: tree.take(), roots, range: encodeRange(tree.frontier()) };
  };
}

/** A thread that grows a tree. Where it dies, the tree grows here from where it had come to. */
export function treeThread(
  memory: SharedMemory,
  onAnswer: (answer: TreeAnswer) => void,
): SideThread<TreeOrder, TreeAnswer> {
  let range: Uint8Array | undefined;
  return new SideThread({
    file: "entries/tree-thread.js",
    what: "grows the tree",
    memory,
    onAnswer(answer) {
      range = answer.range;
      onAnswer(answer);
    },
    goOn: () => treeGrower(range),
  });
}
