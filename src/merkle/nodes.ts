/**
 * The layout of `tree.log`: the hash of every leaf in order and, after every 256th leaf, the node
 * above those 256, after every 65,536th also the node above the last 65,536, and so on. So the
 * file only grows, a position follows from a formula, 256 leaves lie next to each other (a C2SP
 * tile of level 0), and any other node is at most 128 stored hashes away.
 */
import { assert } from "../base/index.ts";
import { isTreeSize, type Subtree } from "./subtree.ts";

/** The levels whose nodes are stored are the multiples of this. */
export const storedLevelStep = 8;

const storedFanout = 2 ** storedLevelStep;

/** The most leaves a `tree.log` can hold such that its byte offsets are safe integers. */
export const storedSizeMax: number = 2 ** 47;

/** How many hashes are stored for a tree of `size` leaves. */
export function storedCount(size: number): number {
  assert(isTreeSize(size) && size <= storedSizeMax, "a stored tree has at most 2^47 leaves");
  let count = 0;
  for (let nodes = size; nodes > 0; nodes = Math.floor(nodes / storedFanout)) count += nodes;
  return count;
}

/**
 * The position of the hash of node `index` on `level`, counted in hashes; `level` is a multiple of
 * `storedLevelStep`. A node is written directly after the last leaf below it and the stored nodes
 * under it.
 */
export function storedIndex(level: number, index: number): number {
  assert(level >= 0 && level % storedLevelStep === 0, "the nodes of this level are stored");
  const lastLeaf = (index + 1) * 2 ** level - 1;
  return storedCount(lastLeaf) + level / storedLevelStep;
}

/**
 * The size of the largest tree whose hashes all lie within the first `count` stored ones: what a
 * `tree.log` is good for whose end is missing.
 */
export function storedSize(count: number): number {
  assert(isTreeSize(count) && count <= storedCount(storedSizeMax), "a count of stored hashes");
  let low = 0;
  let high = Math.min(count, storedSizeMax);
  while (low < high) {
    const middle = low + Math.ceil((high - low) / 2);
    if (storedCount(middle) <= count) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** How many stored hashes the hash of `subtree` is computed from: at most 128. */
export function storedBelowCount(subtree: Subtree): number {
  return 2 ** (subtree.level % storedLevelStep);
}

/** The positions of those stored hashes, ascending. */
export function storedBelow(subtree: Subtree): number[] {
  const count = storedBelowCount(subtree);
  const level = subtree.level - (subtree.level % storedLevelStep);
  const first = subtree.index * count;
  return Array.from({ length: count }, (_, i) => storedIndex(level, first + i));
}
