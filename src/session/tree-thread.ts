/**
 * The thread that grows the tree of a long log while it is verified (`growing-tree.ts`): the nodes
 * cost as much as the leaves, and need nothing but their hashes.
 */
import { encodeRange, hashBytes, TreeWriter } from "../merkle/index.ts";
import { serve } from "../threads/index.ts";

/** The hashes of the leaves that come next; roots are wanted at `sizes`, ascending. */
export interface TreeOrder {
  readonly leaves: Uint8Array;
  readonly sizes: readonly number[];
}

/** What they add to `tree.log`, the roots, and the compact range of the tree as it is now. */
export interface TreeAnswer {
  readonly bytes: Uint8Array;
  readonly roots: readonly Uint8Array[];
  readonly range: Uint8Array;
}

const tree = new TreeWriter();

serve<TreeOrder, TreeAnswer>(({ leaves, sizes }) => {
  const roots: Uint8Array[] = [];
  for (let at = 0; at < leaves.length; at += hashBytes) {
    tree.append(leaves, at);
    if (tree.size === sizes[roots.length]) roots.push(tree.root());
  }
  return { bytes: tree.take(), roots, range: encodeRange(tree.frontier()) };
});
