// What a proof costs in a tree of a million leaves: hashes read from `tree.log` and hashes
// computed, both counted. The stored hashes are made up; only their number and use matter here.

import { describe, expect, it, vi } from "vitest";
import {
  type CompactRange,
  decompose,
  type HashReader,
  proveConsistency,
  proveInclusion,
  readRange,
  storedCount,
  verifyInclusion,
} from "../../src/merkle/index.ts";

const counted = vi.hoisted(() => ({ hashed: 0, read: 0 }));

vi.mock("../../src/base/index.ts", async (importOriginal) => {
  const base = await importOriginal<typeof import("../../src/base/index.ts")>();
  return {
    ...base,
    sha256: (bytes: Uint8Array) => {
      counted.hashed += 1;
      return base.sha256(bytes);
    },
  };
});

const million = 1_000_000;
const anyHash = new Uint8Array(32).fill(7);

/** Reads made-up hashes; fails beyond the stored ones of a million leaves. */
const read: HashReader = (indexes) => {
  counted.read += indexes.length;
  expect(indexes.at(-1)).toBeLessThan(storedCount(2 ** 20));
  return indexes.map(() => anyHash);
};

function frontierOf(size: number): CompactRange {
  return { begin: 0, end: size, hashes: decompose(0, size).map(() => anyHash) };
}

/** The most that proofs about these leaves read, and hash, in the tree of `size`. */
function dearest(size: number, known?: CompactRange): { read: number; hashed: number } {
  const most = { read: 0, hashed: 0 };
  // Both ends, the borders of stored subtrees, and leaves spread over everything in between.
  const around = [
    0,
    255,
    256,
    65_535,
    65_536,
    Math.floor(size / 2),
    size - 65_536,
    size - 256,
    size - 1,
  ];
  const spread = Array.from({ length: 150 }, (_, i) => Math.floor((i * size) / 150));
  for (const leaf of [...around, ...spread]) {
    for (const prove of [proveInclusion, proveConsistency]) {
      Object.assign(counted, { hashed: 0, read: 0 });
      prove(leaf, size, read, known);
      most.read = Math.max(most.read, counted.read);
      most.hashed = Math.max(most.hashed, counted.hashed);
    }
  }
  return most;
}

describe("a proof in a tree of a million leaves", () => {
  it("reads and hashes at most 525 hashes where the tree's frontier is at hand", () => {
    for (const size of [million, 2 ** 20 - 1, 15 * 65_536 + 255]) {
      const { read, hashed } = dearest(size, frontierOf(size));
      expect(read).toBeGreaterThan(400);
      expect(read).toBeLessThanOrEqual(525);
      expect(hashed).toBeLessThanOrEqual(525);
    }
  });

  it("reads and hashes at most 660 without it, 1,040 where the right edge is most ragged", () => {
    const usual = dearest(million);
    expect(usual.read).toBeLessThanOrEqual(660);
    expect(usual.hashed).toBeLessThanOrEqual(660);
    const worst = dearest(2 ** 20 - 1);
    expect(worst.read).toBeLessThanOrEqual(1040);
    expect(worst.hashed).toBeLessThanOrEqual(1040);
  });

  it("is resumed from a frontier that takes at most 525 hashes to read", () => {
    for (const size of [million, 2 ** 20 - 1]) {
      Object.assign(counted, { hashed: 0, read: 0 });
      readRange(0, size, read);
      expect(counted.read).toBeLessThanOrEqual(525);
      expect(counted.hashed).toBeLessThanOrEqual(525);
    }
  });

  it("is checked with one hash per level", () => {
    const proof = proveInclusion(123_456, million, read);
    Object.assign(counted, { hashed: 0, read: 0 });
    verifyInclusion({ index: 123_456, size: million, leafHash: anyHash, root: anyHash, proof });
    expect(proof).toHaveLength(20);
    expect(counted.hashed).toBe(20);
  });
});
