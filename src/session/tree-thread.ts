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
  /** Hashes of leaves, or the bodies of batches, one behind the other. */
  readonly form: "leaves" | "bodies";
  readonly bytes: Uint8Array;
  /** How many of the bytes count. */
  readonly length: number;
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

let tree = new TreeWriter();

serve<TreeOrder, TreeAnswer>(({ form, bytes, length, sizes, from }) => {
  if (from) tree = new TreeWriter(decodeRange(from));
  const roots: Uint8Array[] = [];
  const grown = (): void => {
    if (tree.size === sizes[roots.length]) roots.push(tree.root());
  };
  if (form === "leaves") {
    for (let at = 0; at < length; at += hashBytes) {
      tree.append(bytes, at);
      grown();
    }
  } else {
    const bodies = { bytes, bodyStart: 0, end: length, firstSeq: 0, count: 0, fileOffset: 0 };
    for (const walk = new BatchWalk(bodies); walk.next(); ) {
      tree.appendLeaf(walk.preimage());
      grown();
    }
  }
  return { stored: tree.take(), roots, range: encodeRange(tree.frontier()) };
});
