// RFC 9162 section 2.1 by its recursive definitions, with @noble/hashes: slow, obvious, and written
// without a line of `src/merkle`, which the tests compare with it.

import { sha256 } from "@noble/hashes/sha2.js";

/** SHA-256(0x00 || bytes). */
export function referenceLeaf(bytes: Uint8Array): Uint8Array {
  return sha256.create().update(Uint8Array.of(0)).update(bytes).digest();
}

/** SHA-256(0x01 || left || right). */
export function referenceNode(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256.create().update(Uint8Array.of(1)).update(left).update(right).digest();
}

/** `count` different leaf hashes. */
export function referenceLeaves(count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => referenceLeaf(Buffer.from(`event ${i}`)));
}

/** MTH, section 2.1.1. */
export function referenceRoot(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return sha256(new Uint8Array(0));
  if (leaves.length === 1) return leaves[0] as Uint8Array;
  const k = powerBelow(leaves.length);
  return referenceNode(referenceRoot(leaves.slice(0, k)), referenceRoot(leaves.slice(k)));
}

/** PATH, section 2.1.3.1. */
export function referencePath(index: number, leaves: readonly Uint8Array[]): Uint8Array[] {
  if (leaves.length === 1) return [];
  const k = powerBelow(leaves.length);
  const left = leaves.slice(0, k);
  const right = leaves.slice(k);
  return index < k
    ? [...referencePath(index, left), referenceRoot(right)]
    : [...referencePath(index - k, right), referenceRoot(left)];
}

/** PROOF, section 2.1.4.1. */
export function referenceProof(first: number, leaves: readonly Uint8Array[]): Uint8Array[] {
  return subproof(first, leaves, true);
}

function subproof(first: number, leaves: readonly Uint8Array[], isWhole: boolean): Uint8Array[] {
  if (first === leaves.length) return isWhole ? [] : [referenceRoot(leaves)];
  const k = powerBelow(leaves.length);
  const left = leaves.slice(0, k);
  const right = leaves.slice(k);
  return first <= k
    ? [...subproof(first, left, isWhole), referenceRoot(right)]
    : [...subproof(first - k, right, false), referenceRoot(left)];
}

/**
 * The root that an inclusion proof leads to, or `undefined` if it has another shape: the recursion
 * of PATH run backwards. It is not the loop of RFC 9162 section 2.1.3.2 that `src/merkle` has.
 */
export function referenceClimb(
  index: number,
  size: number,
  leaf: Uint8Array,
  proof: readonly Uint8Array[],
): Uint8Array | undefined {
  if (index < 0 || index >= size) return undefined;
  const sibling = proof.at(-1);
  if (size === 1) return sibling ? undefined : leaf;
  if (!sibling) return undefined;
  const k = powerBelow(size);
  const isLeft = index < k;
  const below = isLeft
    ? referenceClimb(index, k, leaf, proof.slice(0, -1))
    : referenceClimb(index - k, size - k, leaf, proof.slice(0, -1));
  if (!below) return undefined;
  return isLeft ? referenceNode(below, sibling) : referenceNode(sibling, below);
}

/** The old and the new root that a consistency proof leads to: the recursion of PROOF backwards. */
export function referenceGrowth(
  first: number,
  second: number,
  start: Uint8Array | undefined,
  proof: readonly Uint8Array[],
): [first: Uint8Array, second: Uint8Array] | undefined {
  if (first < 1 || first > second) return undefined;
  const last = proof.at(-1);
  if (first === second) {
    const hash = start ?? last;
    return hash && proof.length === (start ? 0 : 1) ? [hash, hash] : undefined;
  }
  if (!last) return undefined;
  const k = powerBelow(second);
  const rest = proof.slice(0, -1);
  const isLeft = first <= k;
  const below = isLeft
    ? referenceGrowth(first, k, start, rest)
    : referenceGrowth(first - k, second - k, undefined, rest);
  if (!below) return undefined;
  const [old, grown] = below;
  if (isLeft) return [old, referenceNode(grown, last)];
  return [referenceNode(last, old), referenceNode(last, grown)];
}

function powerBelow(size: number): number {
  let power = 1;
  while (power * 2 < size) power *= 2;
  return power;
}
