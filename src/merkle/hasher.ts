/**
 * The hashes of RFC 6962 section 2.1 (unchanged in RFC 9162): a leaf is hashed behind a 0x00, an
 * inner node behind a 0x01, so that nobody can pass one off as the other.
 */
import { assert, noBytes, sha256, sha256Into } from "../base/index.ts";

/** Bytes of every hash in the tree. */
export const hashBytes = 32;

/** The root of the tree without leaves: SHA-256 of nothing (RFC 6962 section 2.1). Read-only. */
export const emptyRoot: Uint8Array = Uint8Array.from(sha256(noBytes));

const leafPrefix = 0x00;
const nodePrefix = 0x01;

/** What a node is hashed from: its prefix, and room for the hashes of its two children. */
export function newNodePreimage(): Uint8Array {
  const preimage = new Uint8Array(1 + 2 * hashBytes);
  preimage[0] = nodePrefix;
  return preimage;
}

/** Used again for every node: hashing is synchronous, so no two calls ever share it. */
const nodePreimage = newNodePreimage();

/**
 * The hash of a leaf whose bytes lie behind their prefix already: `preimage` is `0x00 || event
 * bytes`, as batches store them, so that hashing needs no copy.
 */
export function leafHash(preimage: Uint8Array): Uint8Array {
  assert(preimage[0] === leafPrefix, "a leaf preimage begins with 0x00");
  return sha256(preimage);
}

/** Writes the same hash to `target`, from `offset` on. */
export function leafHashInto(preimage: Uint8Array, target: Uint8Array, offset: number): void {
  assert(preimage[0] === leafPrefix, "a leaf preimage begins with 0x00");
  sha256Into(preimage, target, offset);
}

/** The hash of a leaf from its bytes alone; copies them, so for single events. */
export function leafHashOf(eventBytes: Uint8Array): Uint8Array {
  const preimage = new Uint8Array(1 + eventBytes.length);
  preimage.set(eventBytes, 1);
  return sha256(preimage);
}

/** The hash of the node above two 32-byte hashes. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  const areHashes = left.length === hashBytes && right.length === hashBytes;
  assert(areHashes, "a node lies above two 32-byte hashes");
  nodePreimage.set(left, 1);
  nodePreimage.set(right, 1 + hashBytes);
  return sha256(nodePreimage);
}

/** Whether `value` has the shape of a hash; what came from outside is asked this first. */
export function isHash(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array && value.length === hashBytes;
}
