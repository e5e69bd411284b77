/**
 * Inclusion and consistency proofs of RFC 9162 sections 2.1.3 and 2.1.4 (the same as RFC 6962's):
 * making them from stored hashes, and checking them. Checking never throws, whatever a claim's
 * fields hold: a proof comes from somebody who may want it to.
 */
import { equalBytes } from "../base/index.ts";
import { emptyRoot, isHash, nodeHash } from "./hasher.ts";
import { computeHashes, type HashPlan, planConsistency, planInclusion, planRange } from "./plan.ts";
import { type CompactRange, rangeRoot } from "./range.ts";

/**
 * Reads stored hashes: as many as `indexes`, in their order, 32 bytes each. Called at most once per
 * proof, with ascending positions (`nodes.ts`). For a reader that must be awaited use the plans.
 */
export type HashReader = (indexes: readonly number[]) => readonly Uint8Array[];

/** Whether a proof holds and, if not, why, in words for a person. */
export type ProofVerdict = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/** Sizes and indexes in a claim are unsigned 64-bit numbers, in either of their spellings. */
export type ClaimedSize = number | bigint;

/** "The tree of `size` leaves with this root has this leaf hash at `index`." */
export interface InclusionClaim {
  readonly index: ClaimedSize;
  readonly size: ClaimedSize;
  readonly leafHash: Uint8Array;
  readonly root: Uint8Array;
  readonly proof: readonly Uint8Array[];
}

/** "The tree of `second` leaves begins with the tree of `first` leaves." */
export interface ConsistencyClaim {
  readonly first: ClaimedSize;
  readonly second: ClaimedSize;
  readonly firstRoot: Uint8Array;
  readonly secondRoot: Uint8Array;
  readonly proof: readonly Uint8Array[];
}

/**
 * The proof that leaf `index` is in the tree of `size` leaves, from the leaf up. A compact range of
 * that tree in `known`, best its frontier, saves reading the ragged right edge. Throws `USAGE` if
 * there is no such leaf, `CORRUPT` if the reader does not have the hashes.
 */
export function proveInclusion(
  index: number,
  size: number,
  read: HashReader,
  known?: CompactRange,
): Uint8Array[] {
  return run(planInclusion(index, size, known), read);
}

/**
 * The proof that the tree of `second` leaves begins with that of `first` leaves. `known` and errors
 * as in `proveInclusion`.
 */
export function proveConsistency(
  first: number,
  second: number,
  read: HashReader,
  known?: CompactRange,
): Uint8Array[] {
  return run(planConsistency(first, second, known), read);
}

/** The compact range over the leaves `[begin, end)`; from leaf 0 it is the frontier to resume. */
export function readRange(begin: number, end: number, read: HashReader): CompactRange {
  return { begin, end, hashes: run(planRange(begin, end), read) };
}

/** The root of the tree of `size` leaves. */
export function rootAt(size: number, read: HashReader): Uint8Array {
  return rangeRoot(readRange(0, size, read));
}

function run(plan: HashPlan, read: HashReader): Uint8Array[] {
  return computeHashes(plan, plan.indexes.length === 0 ? [] : read(plan.indexes));
}

const sizeBitsMax = 64;
const valid: ProofVerdict = { ok: true };

/** Checks an inclusion proof (RFC 9162 section 2.1.3.2). */
export function verifyInclusion(claim: InclusionClaim): ProofVerdict {
  const index = asSize(claim.index);
  const size = asSize(claim.size);
  if (index === undefined || size === undefined) return invalid("a size is no 64-bit number");
  if (index >= size) return invalid("the leaf index is not below the tree size");
  const { leafHash, root, proof } = claim;
  if (!isHash(leafHash) || !isHash(root)) return invalid("a hash is not 32 bytes long");
  const misshapen = misshapenProof(proof);
  if (misshapen) return misshapen;

  let fn = index;
  let sn = size - 1n;
  let hash = leafHash;
  for (const sibling of proof) {
    if (sn === 0n) return invalid("the proof is too long");
    if (isOdd(fn) || fn === sn) {
      hash = nodeHash(sibling, hash);
    } else {
      hash = nodeHash(hash, sibling);
    }
    [fn, sn] = parents(fn, sn);
  }
  if (sn !== 0n) return invalid("the proof is too short");
  return equalBytes(hash, root) ? valid : invalid("the proof leads to another root");
}

/**
 * Checks a consistency proof (RFC 9162 section 2.1.4.2). Beyond the RFC, which has no proofs from
 * size 0: every tree begins with the empty one, so that claim holds if its proof is empty and its
 * first root is that of the empty tree, as C2SP tlog-witness has it.
 */
export function verifyConsistency(claim: ConsistencyClaim): ProofVerdict {
  const first = asSize(claim.first);
  const second = asSize(claim.second);
  if (first === undefined || second === undefined) return invalid("a size is no 64-bit number");
  if (first > second) return invalid("the first size is above the second");
  const { firstRoot, secondRoot, proof } = claim;
  if (!isHash(firstRoot) || !isHash(secondRoot)) return invalid("a hash is not 32 bytes long");
  const misshapen = misshapenProof(proof);
  if (misshapen) return misshapen;
  if (first === 0n && !equalBytes(firstRoot, emptyRoot)) {
    return invalid("the first root is not that of the empty tree");
  }
  if (first === second && !equalBytes(firstRoot, secondRoot)) {
    return invalid("the sizes are equal and the roots are not");
  }
  if (first === 0n || first === second) {
    return proof.length === 0 ? valid : invalid("the proof is too long");
  }
  return climb(first, second, claim);
}

/** Steps 2 to 8 of RFC 9162 section 2.1.4.2, for `0 < first < second`. */
function climb(first: bigint, second: bigint, claim: ConsistencyClaim): ProofVerdict {
  const isPowerOfTwo = (first & (first - 1n)) === 0n;
  const path = isPowerOfTwo ? [claim.firstRoot, ...claim.proof] : claim.proof;
  const [start, ...siblings] = path;
  if (!start || claim.proof.length === 0) return invalid("the proof is too short");

  const level = trailingOnes(first - 1n);
  let fn = (first - 1n) >> level;
  let sn = (second - 1n) >> level;
  let firstHash = start;
  let secondHash = start;
  for (const sibling of siblings) {
    if (sn === 0n) return invalid("the proof is too long");
    if (isOdd(fn) || fn === sn) {
      firstHash = nodeHash(sibling, firstHash);
      secondHash = nodeHash(sibling, secondHash);
    } else {
      secondHash = nodeHash(secondHash, sibling);
    }
    [fn, sn] = parents(fn, sn);
  }
  if (sn !== 0n) return invalid("the proof is too short");
  if (!equalBytes(firstHash, claim.firstRoot)) return invalid("it leads to another first root");
  if (!equalBytes(secondHash, claim.secondRoot)) return invalid("it leads to another second root");
  return valid;
}

function invalid(reason: string): ProofVerdict {
  return { ok: false, reason };
}

/** The verdict on a proof that is no list of hashes. */
function misshapenProof(proof: unknown): ProofVerdict | undefined {
  if (!Array.isArray(proof)) return invalid("the proof is no list of hashes");
  for (const hash of proof) if (!isHash(hash)) return invalid("a hash is not 32 bytes long");
  return undefined;
}

function asSize(value: unknown): bigint | undefined {
  const size = Number.isSafeInteger(value) ? BigInt(value as number) : value;
  if (typeof size !== "bigint" || size < 0n || size >> BigInt(sizeBitsMax) > 0n) return undefined;
  return size;
}

function isOdd(value: bigint): boolean {
  return (value & 1n) === 1n;
}

/**
 * Where the path goes from node `fn` of a level whose last node is `sn`, which is not 0. On the
 * right edge (`fn === sn`) levels where the node has no sibling are skipped: it is its own parent.
 */
function parents(fn: bigint, sn: bigint): [fn: bigint, sn: bigint] {
  const lone = fn === sn ? trailingOnes((fn & -fn) - 1n) : 0n;
  return [fn >> (lone + 1n), sn >> (lone + 1n)];
}

function trailingOnes(value: bigint): bigint {
  let count = 0n;
  for (let rest = value; isOdd(rest); rest >>= 1n) count += 1n;
  return count;
}
