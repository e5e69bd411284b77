/**
 * Compact ranges: what has to be remembered of a run of leaves to go on with it, or to join it to
 * its neighbours: the hashes of the complete subtrees it consists of, at most 2 per level.
 * `range(a, b) + range(b, c) = range(a, c)`, so many workers can each hash a stretch of a session.
 * The range from leaf 0 is the frontier of the tree; its root is the tree's root.
 */
import { assert, ReachError, readU64, sha256Into, writeU64 } from "../base/index.ts";
import { emptyRoot, hashBytes, isHash, leafHashInto, newNodePreimage, nodeHash } from "./hasher.ts";
import { storedLevelStep } from "./nodes.ts";
import { decompose, isTreeSize } from "./subtree.ts";

/** The leaves `[begin, end)`; `hashes` belong to the subtrees of `decompose(begin, end)`. */
export interface CompactRange {
  readonly begin: number;
  readonly end: number;
  readonly hashes: readonly Uint8Array[];
}

/**
 * Hears of each inner node on a stored level (`storedLevelStep`) as it is completed, lower levels
 * first. The hash is a view that is valid during the call.
 */
export type NodeSink = (level: number, hash: Uint8Array) => void;

/** Where the hash of a left child lies in the preimage of its parent, and that of a right one. */
const leftHalf = 1;
const rightHalf = leftHalf + hashBytes;

/** The range without leaves that begins at leaf `begin`. */
export function emptyRange(begin = 0): CompactRange {
  assert(isTreeSize(begin), "a range begins at a leaf index");
  return { begin, end: begin, hashes: [] };
}

/**
 * A compact range that grows at its end. One append costs one node hash on average, at most one per
 * level, and allocates nothing: a hash is written to where the preimage of its parent wants it.
 */
export class RangeBuilder {
  readonly begin: number;
  #end: number;
  /** Subtrees whose left sibling lies outside of the range, from left to right: they grow. */
  #edge: Uint8Array[] | undefined;
  /**
   * By level of its children, the preimage of the node that is completed next. Where the range
   * ends in a left child of that level, its hash waits in there.
   */
  readonly #parents: Uint8Array[] = [newNodePreimage()];
  readonly #onNode: NodeSink | undefined;

  /** Goes on from `range`, by default from an empty tree; `onNode` hears of completed nodes. */
  constructor(range: CompactRange = emptyRange(), onNode?: NodeSink) {
    const subtrees = decompose(range.begin, range.end);
    assert(range.hashes.length === subtrees.length, "a compact range has one hash per subtree");
    this.begin = range.begin;
    this.#end = range.end;
    this.#onNode = onNode;
    for (const [i, { level, index }] of subtrees.entries()) {
      const hash = range.hashes[i] as Uint8Array;
      if (isOdd(index)) this.#grow(hash.slice());
      else this.#parent(level).set(hash, leftHalf);
    }
  }

  /** The index of the leaf that comes next. */
  get end(): number {
    return this.#end;
  }

  /** Adds the leaf at index `end`; its hash is the 32 bytes of `leafHash` from `at` on. */
  append(leafHash: Uint8Array, at = 0): void {
    assert(at + hashBytes <= leafHash.length, "a leaf has a 32-byte hash");
    const parent = this.#parent(0);
    const half = halfOf(this.#end);
    for (let i = 0; i < hashBytes; i++) parent[half + i] = leafHash[at + i] as number;
    this.#complete(0);
  }

  /** Adds the leaf at index `end`, whose bytes lie behind their prefix (see `leafHash`). */
  appendLeaf(preimage: Uint8Array): void {
    leafHashInto(preimage, this.#parent(0), halfOf(this.#end));
    this.#complete(0);
  }

  /** Adds the leaves of a range that begins where this one ends. */
  appendRange(next: CompactRange): void {
    assert(next.begin === this.#end, "the range to add begins where this one ends");
    const subtrees = decompose(next.begin, next.end);
    assert(next.hashes.length === subtrees.length, "a compact range has one hash per subtree");
    for (const [i, { level }] of subtrees.entries())
      this.#push(level, next.hashes[i] as Uint8Array);
  }

  /** What was gathered so far; the builder can go on afterwards. */
  range(): CompactRange {
    return { begin: this.begin, end: this.#end, hashes: this.#hashes() };
  }

  /** The root of the tree over leaves `[0, end)`; only for a builder that began at leaf 0. */
  root(): Uint8Array {
    assert(this.begin === 0, "a root is taken of a range that begins at leaf 0");
    return foldRoot(this.#hashes());
  }

  /** The hashes of the subtrees, copies: first those that grow, then those that shrink. */
  #hashes(): Uint8Array[] {
    const hashes = this.#edge?.map((hash) => hash.slice()) ?? [];
    for (let level = this.#parents.length - 1; level >= 0; level--) {
      const width = 2 ** level;
      const count = Math.floor(this.#end / width);
      if (!isOdd(count) || (count - 1) * width < this.begin) continue;
      hashes.push((this.#parents[level] as Uint8Array).slice(leftHalf, rightHalf));
    }
    return hashes;
  }

  /** Adds to the edge; an array that begins empty would be one of numbers for the engine. */
  #grow(hash: Uint8Array): void {
    if (this.#edge) this.#edge.push(hash);
    else this.#edge = [hash];
  }

  /** The preimage of the parent of the subtree of `level` that comes next. */
  #parent(level: number): Uint8Array {
    while (this.#parents.length <= level) this.#parents.push(newNodePreimage());
    return this.#parents[level] as Uint8Array;
  }

  /** Adds a complete subtree at the end. */
  #push(level: number, hash: Uint8Array): void {
    assert(hash.length === hashBytes, "a subtree has a 32-byte hash");
    this.#parent(level).set(hash, halfOf(this.#end / widthOf(level)));
    this.#complete(level);
  }

  /**
   * The hash of the next subtree of `level` has been written into the preimage of its parent. While
   * it is a right child and its left sibling lies inside the range, that parent is complete.
   */
  #complete(level: number): void {
    let width = widthOf(level);
    let index = level === 0 ? this.#end : this.#end / width;
    const end = this.#end + width;
    assert(end <= Number.MAX_SAFE_INTEGER, "a tree has at most 2^53-1 leaves");
    this.#end = end;
    for (let below = level; isOdd(index); below++) {
      const preimage = this.#parents[below] as Uint8Array;
      if ((index - 1) * width < this.begin) {
        this.#grow(preimage.slice(rightHalf));
        return;
      }
      index = parentOf(index);
      width *= 2;
      const parent = this.#parent(below + 1);
      const half = halfOf(index);
      sha256Into(preimage, parent, half);
      if (this.#onNode && (below + 1) % storedLevelStep === 0) {
        this.#onNode(below + 1, parent.subarray(half, half + hashBytes));
      }
    }
  }
}

/**
 * Leaves below a node of `level`. Doubled and not raised to a power: that makes floating-point
 * numbers, and once the size of a tree is one, all compiled code for it is thrown away (measured).
 */
function widthOf(level: number): number {
  let width = 1;
  for (let i = 0; i < level; i++) width *= 2;
  return width;
}

/**
 * The index of the node above a right child. Shifted where that is right: a division that comes to
 * 0 makes a floating-point number of it, with the same effect.
 */
function parentOf(index: number): number {
  return index <= 0x7fffffff ? index >> 1 : (index - 1) / 2;
}

/** Of any safe integer: the conversion to 32 bits keeps the lowest one. */
function isOdd(index: number): boolean {
  return (index & 1) === 1;
}

/** Where the hash of the subtree `index` of its level lies in the preimage of its parent. */
function halfOf(index: number): number {
  return isOdd(index) ? rightHalf : leftHalf;
}

/** Joins the ranges `[a, b)` and `[b, c)` to `[a, c)`, for any a, b and c. */
export function mergeRanges(left: CompactRange, right: CompactRange): CompactRange {
  const builder = new RangeBuilder(left);
  builder.appendRange(right);
  return builder.range();
}

/** The RFC 6962 root of a range that begins at leaf 0; that of no leaves is SHA-256 of nothing. */
export function rangeRoot(range: CompactRange): Uint8Array {
  assert(range.begin === 0, "a root is taken of a range that begins at leaf 0");
  const count = decompose(0, range.end).length;
  assert(range.hashes.length === count, "a compact range has one hash per subtree");
  return foldRoot(range.hashes);
}

/** The root of adjacent subtrees that shrink from left to right: joined from the right. */
export function foldRoot(hashes: readonly Uint8Array[]): Uint8Array {
  let root = hashes[hashes.length - 1] ?? emptyRoot;
  for (let i = hashes.length - 2; i >= 0; i--) root = nodeHash(hashes[i] as Uint8Array, root);
  return root;
}

const rangeVersion = 1;
const rangeHeaderBytes = 17;

/** Bytes of a range: version 1, begin and end as 64-bit little-endian numbers, the hashes. */
export function encodeRange(range: CompactRange): Uint8Array {
  const bytes = new Uint8Array(rangeHeaderBytes + range.hashes.length * hashBytes);
  bytes[0] = rangeVersion;
  writeU64(bytes, 1, range.begin);
  writeU64(bytes, 9, range.end);
  for (const [i, hash] of range.hashes.entries()) {
    assert(isHash(hash), "a compact range holds 32-byte hashes");
    bytes.set(hash, rangeHeaderBytes + i * hashBytes);
  }
  return bytes;
}

/**
 * The range that `encodeRange` wrote; its hashes are copies. Throws `PROOF_INVALID` if the bytes
 * are anything else. At most 105 hashes can be announced, so nothing large is ever allocated.
 */
export function decodeRange(bytes: Uint8Array): CompactRange {
  const begin = bytes.length < rangeHeaderBytes ? Number.NaN : readU64(bytes, 1);
  const end = bytes.length < rangeHeaderBytes ? Number.NaN : readU64(bytes, 9);
  if (bytes[0] !== rangeVersion || !isTreeSize(begin) || !isTreeSize(end) || begin > end) {
    throw malformedRange("its header is not one");
  }
  const count = decompose(begin, end).length;
  if (bytes.length !== rangeHeaderBytes + count * hashBytes) {
    throw malformedRange(`it should have ${count} hashes for leaves ${begin} to ${end}`);
  }
  const hashes: Uint8Array[] = [];
  for (let i = 0; i < count; i++) {
    const offset = rangeHeaderBytes + i * hashBytes;
    hashes.push(new Uint8Array(bytes.subarray(offset, offset + hashBytes)));
  }
  return { begin, end, hashes };
}

function malformedRange(detail: string): ReachError {
  return new ReachError("PROOF_INVALID", `these bytes are no compact range: ${detail}`);
}
