// The layout of `tree.log`: positions follow from a formula, whatever was written stays where it
// is, and a writer that is resumed from the file alone goes on with the same bytes.

import { sha256 } from "@noble/hashes/sha2.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toHex } from "../../src/base/index.ts";
import {
  decompose,
  readRange,
  rootAt,
  storedCount,
  storedIndex,
  storedSize,
  storedSizeMax,
  TreeWriter,
} from "../../src/merkle/index.ts";
import { storedBelow } from "../../src/merkle/nodes.ts";
import { goldenTree } from "./golden.ts";
import { referenceLeaves, referenceRoot } from "./reference-tree.ts";
import { logReader, treeLog } from "./stored-tree.ts";

const leaves = referenceLeaves(66_000);
const log = treeLog(leaves);
const read = logReader(log);

describe("tree.log", () => {
  it("is byte for byte the golden one at every golden size", () => {
    for (const { size, count, sha256: digest } of goldenTree.treeLog) {
      expect(storedCount(size)).toBe(count);
      expect(toHex(sha256(log.slice(0, 32 * count)))).toBe(digest);
    }
  });

  it("has each leaf and each stored node at its formula's position", () => {
    for (const index of [0, 1, 254, 255, 256, 257, 511, 512, 65_535, 65_536, 65_999]) {
      const [stored] = read([storedIndex(0, index)]);
      expect(toHex(stored as Uint8Array)).toBe(toHex(leaves[index] as Uint8Array));
    }
    for (const [level, index] of [
      [8, 0],
      [8, 1],
      [8, 255],
      [8, 256],
      [16, 0],
    ] as const) {
      const width = 2 ** level;
      const [stored] = read([storedIndex(level, index)]);
      const expected = referenceRoot(leaves.slice(index * width, (index + 1) * width));
      expect(toHex(stored as Uint8Array)).toBe(toHex(expected));
    }
  });

  it("has no position twice and none unused", () => {
    const size = leaves.length;
    const positions = [0, 8, 16].flatMap((level) => {
      return Array.from({ length: Math.floor(size / 2 ** level) }, (_, i) => storedIndex(level, i));
    });
    positions.sort((a, b) => a - b);
    expect(positions).toEqual(Array.from({ length: storedCount(size) }, (_, i) => i));
    expect(log).toHaveLength(32 * storedCount(size));
  });

  it("keeps the hashes of 256 leaves next to each other: a tile is a slice", () => {
    for (const tile of [0, 1, 255, 256, 257]) {
      const first = storedIndex(0, 256 * tile);
      expect(storedIndex(0, 256 * tile + 255)).toBe(first + 255);
    }
  });

  it("needs at most 128 stored hashes for any node, in ascending order", () => {
    const subtree = fc.nat(46).chain((level) =>
      fc.record({
        level: fc.constant(level),
        index: fc.integer({ min: 0, max: 2 ** (47 - level) - 1 }),
      }),
    );
    fc.assert(
      fc.property(subtree, (node) => {
        const below = storedBelow(node);
        const bound = storedCount((node.index + 1) * 2 ** node.level);
        expect(below.length).toBeLessThanOrEqual(128);
        for (const [i, position] of below.entries()) {
          expect(position).toBeGreaterThan(below[i - 1] ?? -1);
          expect(position).toBeLessThan(bound);
        }
      }),
    );
  });

  it("counts to its largest size in safe integers, also in bytes", () => {
    expect(Number.isSafeInteger(32 * storedCount(storedSizeMax))).toBe(true);
    const exact = [0n, 8n, 16n, 24n, 32n, 40n].reduce((sum, l) => sum + ((2n ** 47n) >> l), 0n);
    expect(BigInt(storedCount(storedSizeMax))).toBe(exact);
    expect(() => storedCount(storedSizeMax + 1)).toThrow("at most 2^47 leaves");
  });

  it("tells how many leaves a file is good for whose end is missing", () => {
    for (let size = 0, count = 0; count <= 1000; count++) {
      while (storedCount(size + 1) <= count) size += 1;
      expect(storedSize(count)).toBe(size);
    }
    const large = fc.integer({ min: 0, max: storedSizeMax });
    fc.assert(
      fc.property(large, (size) => {
        expect(storedSize(storedCount(size))).toBe(size);
      }),
    );
  });
});

describe("a tree read back from tree.log", () => {
  const sizes = [0, 1, 2, 255, 256, 257, 300, 511, 513, 4096, 65_535, 65_536, 65_537, 65_999];

  it.each(sizes)("has the root of the definition at size %d", (size) => {
    expect(toHex(rootAt(size, read))).toBe(toHex(referenceRoot(leaves.slice(0, size))));
  });

  it.each(sizes)("resumes its writer at size %d with the bytes it would have written", (size) => {
    const frontier = readRange(0, size, logReader(log.subarray(0, 32 * storedCount(size))));
    const writer = new TreeWriter(frontier);
    expect(writer.size).toBe(size);
    const until = Math.min(size + 600, leaves.length);
    const parts = leaves.slice(size, until).map((leaf) => {
      writer.append(leaf);
      return writer.take();
    });
    const expected = log.slice(32 * storedCount(size), 32 * storedCount(until));
    expect(toHex(Buffer.concat(parts))).toBe(toHex(expected));
    expect(toHex(writer.root())).toBe(toHex(rootAt(until, read)));
    expect(writer.frontier().hashes).toHaveLength(decompose(0, until).length);
    expect(writer.take()).toHaveLength(0);
  });

  it("gives the compact range of any stretch", () => {
    fc.assert(
      fc.property(fc.nat(2000), fc.nat(2000), (begin, length) => {
        const { hashes } = readRange(begin, begin + length, read);
        for (const [i, { level, index }] of decompose(begin, begin + length).entries()) {
          const width = 2 ** level;
          const expected = referenceRoot(leaves.slice(index * width, (index + 1) * width));
          expect(toHex(hashes[i] as Uint8Array)).toBe(toHex(expected));
        }
      }),
      { numRuns: 20 },
    );
  });

  it("is refused, with a code, where the file is short or its hashes are not 32 bytes", () => {
    expect(() => rootAt(9, (indexes) => read(indexes).slice(1))).toThrow(
      expect.objectContaining({ code: "CORRUPT" }),
    );
    expect(() => rootAt(9, (indexes) => read(indexes).map((h) => h.subarray(1)))).toThrow(
      expect.objectContaining({ code: "CORRUPT" }),
    );
  });
});
