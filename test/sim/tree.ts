/**
 * The root of an RFC 6962 tree, straight from the definition: the independent judge of the roots
 * that an engine reports. It remembers what it hashed, since crashes show the same events again.
 */
import { hash } from "node:crypto";

function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  return hash("sha256", Buffer.concat(parts), "buffer");
}

const leafPrefix = Uint8Array.of(0);
const nodePrefix = Uint8Array.of(1);

/** Merkle tree hash of the entries (RFC 6962, section 2.1). */
export function treeRoot(entries: readonly Uint8Array[]): Uint8Array {
  return rootOf(
    entries.map((entry) => sha256(leafPrefix, entry)),
    0,
    entries.length,
    new Map(),
  );
}

function rootOf(
  leaves: readonly Uint8Array[],
  from: number,
  to: number,
  known: Map<string, Uint8Array>,
): Uint8Array {
  const size = to - from;
  if (size === 0) return sha256();
  if (size === 1) return leaves[from] as Uint8Array;
  const key = `${from}-${to}`;
  const before = known.get(key);
  if (before !== undefined) return before;
  const split = from + 2 ** (Math.ceil(Math.log2(size)) - 1);
  const left = rootOf(leaves, from, split, known);
  const root = sha256(nodePrefix, left, rootOf(leaves, split, to, known));
  known.set(key, root);
  return root;
}

/** Roots of the prefixes of one list of entries that is seen over and over. */
export class TreeMemory {
  #entries: Uint8Array[] = [];
  #leaves: Uint8Array[] = [];
  #known = new Map<string, Uint8Array>();

  /** Root of the first `size` of the entries. */
  root(entries: readonly Uint8Array[], size: number): Uint8Array {
    for (let index = 0; index < size; index++) {
      const entry = entries[index] as Uint8Array;
      const known = this.#entries[index];
      if (known === entry || (known !== undefined && Buffer.compare(known, entry) === 0)) continue;
      if (known !== undefined) this.#forget(index);
      this.#entries[index] = entry;
      this.#leaves[index] = sha256(leafPrefix, entry);
    }
    return rootOf(this.#leaves, 0, size, this.#known);
  }

  #forget(from: number): void {
    this.#entries.length = from;
    this.#leaves.length = from;
    this.#known = new Map();
  }
}
