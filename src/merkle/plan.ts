/**
 * Proofs from stored hashes, in the manner of golang.org/x/mod/sumdb/tlog: first a plan says which
 * stored hashes are needed, then one batched read gets them, then the proof is computed from them.
 * So the mathematics is pure, and storage, also an asynchronous one, is a single call in between.
 */
import { assert, ReachError } from "../base/index.ts";
import { isHash, nodeHash } from "./hasher.ts";
import { storedBelow, storedBelowCount, storedSizeMax } from "./nodes.ts";
import { type CompactRange, foldRoot } from "./range.ts";
import { decompose, isTreeSize, type Subtree, splitPoint } from "./subtree.ts";

/** What one hash of a proof covers: the leaves `[begin, end)`, as complete subtrees. */
interface Span {
  readonly begin: number;
  readonly subtrees: readonly Subtree[];
}

/** Which stored hashes to read; `computeHashes` turns them into the hashes asked for. */
export interface HashPlan {
  /** Positions in `tree.log` counted in hashes, ascending, each once. */
  readonly indexes: readonly number[];
  /** In the order in which the result wants them. */
  readonly spans: readonly Span[];
  readonly known: CompactRange | undefined;
}

/**
 * Plans the inclusion proof of leaf `index` in the tree of `size` leaves (RFC 9162 section
 * 2.1.3.1); the result is the path from the leaf up. `known` is any compact range of the same tree
 * held in memory: where its hashes help they are not read. Throws `USAGE` if there is no such leaf.
 */
export function planInclusion(index: number, size: number, known?: CompactRange): HashPlan {
  if (!isTreeSize(index) || !isStoredSize(size) || index >= size) {
    throw new ReachError("USAGE", `a tree of ${size} leaves has no leaf ${index} to prove`);
  }
  const spans: Span[] = [];
  let begin = 0;
  let end = size;
  while (end - begin > 1) {
    const middle = begin + splitPoint(end - begin);
    if (index < middle) {
      spans.push(span(middle, end));
      end = middle;
    } else {
      spans.push(span(begin, middle));
      begin = middle;
    }
  }
  return planSpans(spans.reverse(), known);
}

/**
 * Plans the proof that the tree of `second` leaves begins with the tree of `first` leaves (RFC 9162
 * section 2.1.4.1); it is empty for equal sizes and for `first` 0, with which every tree begins.
 * `known` as in `planInclusion`. Throws `USAGE` unless `0 <= first <= second`.
 */
export function planConsistency(first: number, second: number, known?: CompactRange): HashPlan {
  if (!isTreeSize(first) || !isStoredSize(second) || first > second) {
    throw new ReachError("USAGE", `there is no consistency proof from size ${first} to ${second}`);
  }
  if (first === 0) return planSpans([], known);
  const spans: Span[] = [];
  let begin = 0;
  let end = second;
  while (first !== end) {
    const middle = begin + splitPoint(end - begin);
    if (first <= middle) {
      spans.push(span(middle, end));
      end = middle;
    } else {
      spans.push(span(begin, middle));
      begin = middle;
    }
  }
  // Where the old tree is a subtree of the new one, the verifier has its hash: the old root.
  if (begin !== 0) spans.push(span(begin, end));
  return planSpans(spans.reverse(), known);
}

/** Plans the hashes of the compact range over the leaves `[begin, end)`, from left to right. */
export function planRange(begin: number, end: number, known?: CompactRange): HashPlan {
  const spans = decompose(begin, end).map((subtree) => {
    return { begin: subtree.index * 2 ** subtree.level, subtrees: [subtree] };
  });
  return planSpans(spans, known);
}

function isStoredSize(size: number): boolean {
  return isTreeSize(size) && size <= storedSizeMax;
}

function span(begin: number, end: number): Span {
  return { begin, subtrees: decompose(begin, end) };
}

/** Spans of a proof never overlap, so reading them from left to right reads ascending positions. */
function planSpans(spans: readonly Span[], known: CompactRange | undefined): HashPlan {
  const indexes: number[] = [];
  for (const { subtrees } of leftToRight(spans)) {
    for (const subtree of subtrees) {
      if (!knownHash(subtree, known)) indexes.push(...storedBelow(subtree));
    }
  }
  return { indexes, spans, known };
}

/**
 * The hashes that a plan is about, computed from the stored hashes at `plan.indexes`, in that
 * order. Throws `CORRUPT` if `stored` is short or holds something else than hashes.
 */
export function computeHashes(plan: HashPlan, stored: readonly Uint8Array[]): Uint8Array[] {
  if (stored.length !== plan.indexes.length || !stored.every(isHash)) {
    throw new ReachError("CORRUPT", "the stored tree does not have the hashes a proof needs", {
      hint: "It is derived from the events: delete tree.log and it is written again.",
    });
  }
  const hashes = new Map<Span, Uint8Array>();
  let next = 0;
  for (const span of leftToRight(plan.spans)) {
    const roots = span.subtrees.map((subtree) => {
      const known = knownHash(subtree, plan.known);
      if (known) return known;
      const count = storedBelowCount(subtree);
      next += count;
      return completeRoot(stored.slice(next - count, next));
    });
    hashes.set(span, foldRoot(roots));
  }
  assert(next === stored.length, "a proof uses every hash it asked for");
  return plan.spans.map((span) => hashes.get(span) as Uint8Array);
}

function leftToRight(spans: readonly Span[]): Span[] {
  return spans.slice().sort((a, b) => a.begin - b.begin);
}

/** The hash of `subtree` if it is one of the subtrees that `known` consists of. */
function knownHash(subtree: Subtree, known: CompactRange | undefined): Uint8Array | undefined {
  if (!known) return undefined;
  const position = decompose(known.begin, known.end).findIndex(
    ({ level, index }) => level === subtree.level && index === subtree.index,
  );
  return known.hashes[position];
}

/** The root of a power of two of adjacent hashes, level by level; changes `hashes`. */
function completeRoot(hashes: Uint8Array[]): Uint8Array {
  for (let count = hashes.length / 2; count >= 1; count /= 2) {
    for (let i = 0; i < count; i++) {
      hashes[i] = nodeHash(hashes[2 * i] as Uint8Array, hashes[2 * i + 1] as Uint8Array);
    }
  }
  return hashes[0] as Uint8Array;
}
