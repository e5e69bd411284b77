// The vectors of `fixtures/merkle`: computed outside this project's code, so that the tests of
// formats mean something also where no outside suite is at hand.

import { readFileSync } from "node:fs";

/** Roots, proofs, ranges and `tree.log` digests over the leaves "event 0", "event 1", … */
export interface GoldenTree {
  readonly roots: Readonly<Record<string, string>>;
  readonly inclusion: readonly { index: number; size: number; proof: string[] }[];
  readonly consistency: readonly { first: number; second: number; proof: string[] }[];
  readonly ranges: readonly { begin: number; end: number; hashes: string[] }[];
  readonly treeLog: readonly { size: number; count: number; sha256: string }[];
}

/** A key in its text forms, and notes signed with it. */
export interface GoldenNotes {
  readonly seed: string;
  readonly publicKey: string;
  readonly keyId: number;
  readonly verifierKey: string;
  readonly signerKey: string;
  readonly checkpoint: { origin: string; size: number; root: string; note: string };
  readonly extended: string;
  readonly texts: readonly { text: string; note: string }[];
}

/** Vectors of the tree. */
export const goldenTree = read("tree.json") as GoldenTree;

/** Vectors of keys, notes and checkpoints. */
export const goldenNotes = read("notes.json") as GoldenNotes;

function read(name: string): unknown {
  const url = new URL(`../../fixtures/merkle/${name}`, import.meta.url);
  return JSON.parse(readFileSync(url, "utf8"));
}
