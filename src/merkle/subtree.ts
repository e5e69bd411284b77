/**
 * Index arithmetic of the RFC 6962 tree: which complete subtrees a run of leaves consists of.
 * Sizes go up to 2^53-1, so nothing here shifts or masks a whole size (those are 32-bit in
 * JavaScript): division by a power of two is exact in a double, and `clz32` sees a half at a time.
 */
import { assert } from "../base/index.ts";

/** The complete subtree over the leaves `[index * 2^level, (index + 1) * 2^level)`. */
export interface Subtree {
  readonly level: number;
  readonly index: number;
}

const word = 2 ** 32;

/** Whether `value` can be a number of leaves: an integer from 0 to 2^53-1. */
export function isTreeSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** The level of the largest complete subtree that `size` leaves can hold; `size` is at least 1. */
export function levelWithin(size: number): number {
  const high = Math.floor(size / word);
  return high > 0 ? 63 - Math.clz32(high) : 31 - Math.clz32(size);
}

/** The level of the largest complete subtree that can begin at leaf `start`; 53 for leaf 0. */
export function levelAlignedAt(start: number): number {
  if (start === 0) return 53;
  const low = start % word;
  return low === 0 ? 32 + trailingZeros(start / word) : trailingZeros(low);
}

/** Of a 32-bit number above 0. */
function trailingZeros(value: number): number {
  const signed = value | 0;
  return 31 - Math.clz32(signed & -signed);
}

/** Where RFC 6962 splits a tree of `size` leaves (at least 2): the largest power of two below. */
export function splitPoint(size: number): number {
  return 2 ** levelWithin(size - 1);
}

/**
 * The fewest complete subtrees that cover the leaves `[begin, end)`, from left to right: first
 * growing, then shrinking, at most 2 per level. It is the one decomposition of that range, which
 * is why a compact range need not say how its hashes are meant.
 */
export function decompose(begin: number, end: number): Subtree[] {
  assert(isTreeSize(begin) && isTreeSize(end) && begin <= end, "a leaf range has begin <= end");
  const subtrees: Subtree[] = [];
  let start = begin;
  while (start < end) {
    const level = Math.min(levelAlignedAt(start), levelWithin(end - start));
    const width = 2 ** level;
    subtrees.push({ level, index: start / width });
    start += width;
  }
  return subtrees;
}
