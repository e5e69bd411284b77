/**
 * Compact ranges: what has to be remembered of a run of leaves to go on with it, or to join it to
 * its neighbours: the hashes of the complete subtrees it consists of, at most 2 per level.
 * `range(a, b) + range(b, c) = range(a, c)`, so many workers can each hash a stretch of a session.
 * The range from leaf 0 is the frontier of the tree; its root is the tree's root.
 */
import { assert, ReachError, readU64, writeU64 } from "../base/index.ts";
import { emptyRoot, hashBytes, isHash, nodeHash } from "./hasher.ts";
import { decompose, isTreeSize } from "./subtree.ts";

/** The leaves `[begin, end)`; `hashes` belong to the subtrees of `decompose(begin, end)`. */
export interface CompactRange {
  readonly begin: number;
  readonly end: number;
  readonly hashes: readonly Uint8Array[];
}

/** Hears of each inner node as it is completed, lower levels first. */
export type NodeSink = (level: number, hash: Uint8Array) => void;

/** The range without leaves that begins at leaf `begin`. */
export function emptyRange(begin = 0): CompactRange {
  assert(isTreeSize(begin), "a range begins at a leaf index");
  return { begin, end: begin, hashes: [] };
}

/**
 * A compact range that grows at its end. One append costs one node hash on average, at most one per
 * level, and allocates nothing but the hashes. Hashes are kept by reference: do not change them.
 */
export class RangeBuilder {
  readonly begin: number;
  #end: number;
  readonly #hashes: Uint8Array[];
  readonly #onNode: NodeSink | undefined;

  /** Goes on from `range`, by default from an empty tree; `onNode` hears of completed nodes. */
  constructor(range: CompactRange = emptyRange(), onNode?: NodeSink) {
    const count = decompose(range.begin, range.end).length;
    assert(range.hashes.length === count, "a compact range has one hash per subtree");
    this.begin = range.begin;
    this.#end = range.end;
    this.#hashes = range.hashes.slice();
    this.#onNode = onNode;
  }

  /** The index of the leaf that comes next. */
  get end(): number {
    return this.#end;
  }

  /** Adds the leaf at index `end`. */
  append(leafHash: Uint8Array): void {
    this.#push(0, leafHash);
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
    return { begin: this.begin, end: this.#end, hashes: this.#hashes.slice() };
  }

  /** The root of the tree over leaves `[0, end)`; only for a builder that began at leaf 0. */
  root(): Uint8Array {
    assert(this.begin === 0, "a root is taken of a range that begins at leaf 0");
    return foldRoot(this.#hashes);
  }

  /**
   * Adds a complete subtree at the end. While it is a right child and its left sibling lies inside
   * the range, that sibling is the last hash held, and the two become their parent.
   */
  #push(level: number, hash: Uint8Array): void {
    let width = 2 ** level;
    let index = this.#end / width;
    const end = this.#end + width;
    assert(end <= Number.MAX_SAFE_INTEGER, "a tree has at most 2^53-1 leaves");
    let node = hash;
    for (let above = level + 1; index % 2 === 1; above++) {
      index -= 1;
      if (index * width < this.begin) break;
      node = nodeHash(this.#hashes.pop() as Uint8Array, node);
      this.#onNode?.(above, node);
      index /= 2;
      width *= 2;
    }
    this.#hashes.push(node);
    this.#end = end;
  }
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
