/**
 * The thread that grows the tree of a long log while it is verified (`growing-tree.ts`): hashing
 * takes more time than everything else, and needs nothing but the bytes.
 */
import { BatchWalk } from "../event/index.ts";
import { encodeRange, hashBytes, TreeWriter } from "../merkle/index.ts";
import { serve } from "../threads/index.ts";

/** The leaves that come next; roots are wanted at `sizes`, ascending. */
export interface TreeOrder {
  /** Hashes of leaves, or the bodies of batches, one behind the other. */
  readonly form: "leaves" | "bodies";
  readonly bytes: Uint8Array;
  /** How many of the bytes count. */
  readonly length: number;
  readonly sizes: readonly number[];
}

/** What they add to `tree.log`, the roots, and the compact range of the tree as it is now. */
export interface TreeAnswer {
  readonly stored: Uint8Array;
  readonly roots: readonly Uint8Array[];
  readonly range: Uint8Array;
}

const tree = new TreeWriter();

serve<TreeOrder, TreeAnswer>(({ form, bytes, length, sizes }) => {
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
