// What compact ranges promise: leaves appended one by one, stretches hashed apart and merged, and
// the recursive definition of RFC 9162 all lead to the same root.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concat, toHex } from "../../src/base/index.ts";
import {
  type CompactRange,
  decodeRange,
  decompose,
  emptyRange,
  emptyRoot,
  encodeRange,
  leafHash,
  leafHashOf,
  mergeRanges,
  nodeHash,
  RangeBuilder,
  rangeRoot,
} from "../../src/merkle/index.ts";
import { goldenTree } from "./golden.ts";
import { referenceLeaf, referenceLeaves, referenceNode, referenceRoot } from "./reference-tree.ts";

const leaves = referenceLeaves(1100);

function rangeOf(begin: number, end: number): CompactRange {
  const builder = new RangeBuilder(emptyRange(begin));
  for (const leaf of leaves.slice(begin, end)) builder.append(leaf);
  return builder.range();
}

function plain(range: CompactRange): object {
  return { begin: range.begin, end: range.end, hashes: range.hashes.map(toHex) };
}

describe("hashing a leaf", () => {
  it("is the same for an event and for a preimage that has its prefix already", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const expected = toHex(referenceLeaf(bytes));
        expect(toHex(leafHashOf(bytes))).toBe(expected);
        expect(toHex(leafHash(Uint8Array.of(0, ...bytes)))).toBe(expected);
      }),
    );
  });

  it("refuses a preimage without the prefix: it would let an inner node pass for a leaf", () => {
    expect(() => leafHash(Uint8Array.of(1, 2, 3))).toThrow("begins with 0x00");
    expect(() => leafHash(new Uint8Array(0))).toThrow("begins with 0x00");
  });
});

describe("hashing a node", () => {
  it("refuses what is not 32 bytes long, on either side", () => {
    const hash = leaves[0] as Uint8Array;
    for (const wrong of [new Uint8Array(0), hash.subarray(1), new Uint8Array(33)]) {
      expect(() => nodeHash(wrong, hash)).toThrow("two 32-byte hashes");
      expect(() => nodeHash(hash, wrong)).toThrow("two 32-byte hashes");
    }
  });
});

describe("a compact range", () => {
  it("of no leaves has the root of the empty tree", () => {
    expect(toHex(rangeRoot(emptyRange()))).toBe(goldenTree.roots["0"]);
    expect(toHex(new RangeBuilder().root())).toBe(toHex(emptyRoot));
  });

  it("has the root of the recursive definition at every size", () => {
    const builder = new RangeBuilder();
    for (let size = 0; size <= 300; size++) {
      expect(toHex(builder.root())).toBe(toHex(referenceRoot(leaves.slice(0, size))));
      builder.append(leaves[size] as Uint8Array);
    }
  });

  it("has the golden roots and the golden hashes", () => {
    const many = referenceLeaves(65_537);
    for (const [size, root] of Object.entries(goldenTree.roots)) {
      const builder = new RangeBuilder();
      for (const leaf of many.slice(0, Number(size))) builder.append(leaf);
      expect(toHex(builder.root())).toBe(root);
    }
    for (const golden of goldenTree.ranges) {
      expect(plain(rangeOf(golden.begin, golden.end))).toEqual(golden);
    }
  });

  it("merges from any split into the range that appending gives", () => {
    const cut = fc.integer({ min: 0, max: leaves.length });
    fc.assert(
      fc.property(fc.array(cut, { minLength: 2, maxLength: 12 }), (cuts) => {
        cuts.sort((a, b) => a - b);
        const [begin = 0] = cuts;
        let merged = emptyRange(begin);
        for (const [i, end] of cuts.slice(1).entries()) {
          merged = mergeRanges(merged, rangeOf(cuts[i] as number, end));
        }
        expect(plain(merged)).toEqual(plain(rangeOf(begin, cuts.at(-1) as number)));
      }),
    );
  });

  it("merges in any grouping to the same range", () => {
    const cuts = fc.tuple(fc.nat(1100), fc.nat(1100), fc.nat(1100), fc.nat(1100));
    fc.assert(
      fc.property(cuts, (points) => {
        const [a, b, c, d] = points.sort((x, y) => x - y) as [number, number, number, number];
        const [x, y, z] = [rangeOf(a, b), rangeOf(b, c), rangeOf(c, d)];
        const fromLeft = mergeRanges(mergeRanges(x, y), z);
        const fromRight = mergeRanges(x, mergeRanges(y, z));
        expect(plain(fromLeft)).toEqual(plain(fromRight));
      }),
    );
  });

  it("does not change when a builder goes on from it, or after it was taken from one", () => {
    const range = rangeOf(0, 7);
    const before = plain(range);
    const builder = new RangeBuilder(range);
    builder.append(leaves[7] as Uint8Array);
    expect(plain(range)).toEqual(before);
    const after = builder.range();
    expect(plain(after)).toEqual(plain(rangeOf(0, 8)));
    builder.append(leaves[8] as Uint8Array);
    expect(plain(after)).toEqual(plain(rangeOf(0, 8)));
  });

  it("is the same from the bytes of leaves, their hashes, and hashes among others", () => {
    const preimages = Array.from({ length: 40 }, (_, i) => Uint8Array.of(0, i, i + 1));
    const hashes = preimages.map(leafHash);
    for (const begin of [0, 1, 6, 7, 8]) {
      const [fromBytes, fromHashes, fromMany] = [1, 2, 3].map(
        () => new RangeBuilder(emptyRange(begin)),
      ) as [RangeBuilder, RangeBuilder, RangeBuilder];
      const many = concat(...hashes);
      for (const [i, preimage] of preimages.entries()) {
        fromBytes.appendLeaf(preimage);
        fromHashes.append(hashes[i] as Uint8Array);
        fromMany.append(many, 32 * i);
        expect(plain(fromBytes.range())).toEqual(plain(fromHashes.range()));
      }
      expect(plain(fromMany.range())).toEqual(plain(fromHashes.range()));
      expect(() => fromMany.append(many, many.length - 31)).toThrow("32-byte hash");
    }
    expect(() => new RangeBuilder().appendLeaf(Uint8Array.of(1))).toThrow("begins with 0x00");
  });

  it("tells of completed nodes on the stored levels, lower ones first", () => {
    const heard: string[] = [];
    const size = 65_536;
    const many = referenceLeaves(size);
    const builder = new RangeBuilder(emptyRange(), (level, hash) => {
      heard.push(`${level} ${toHex(hash)}`);
    });
    for (const leaf of many) builder.append(leaf);
    const expected = Array.from({ length: size / 256 }, (_, i) => {
      return `8 ${toHex(referenceRoot(many.slice(256 * i, 256 * (i + 1))))}`;
    });
    expect(heard).toEqual([...expected, `16 ${toHex(referenceRoot(many))}`]);
  });

  it("refuses a neighbour that is not adjacent, and a root that does not begin at leaf 0", () => {
    expect(() => mergeRanges(rangeOf(0, 4), rangeOf(5, 6))).toThrow("begins where this one ends");
    expect(() => rangeRoot(rangeOf(1, 4))).toThrow("begins at leaf 0");
    expect(() => new RangeBuilder(emptyRange(3)).root()).toThrow("begins at leaf 0");
    expect(() => new RangeBuilder({ begin: 0, end: 3, hashes: [] })).toThrow(
      "one hash per subtree",
    );
    expect(() => rangeRoot({ begin: 0, end: 3, hashes: [] })).toThrow("one hash per subtree");
  });
});

describe("a compact range of sizes that do not fit 32 bits", () => {
  const hash = (seed: number): Uint8Array => referenceLeaf(Buffer.from(`subtree ${seed}`));
  const synthetic = (begin: number, end: number): CompactRange => {
    const hashes = decompose(begin, end).map(({ level, index }) =>
      hash(level * 1e6 + (index % 1e6)),
    );
    return { begin, end, hashes };
  };

  it.each([2 ** 31, 2 ** 32, 2 ** 33, 2 ** 40, 2 ** 52])("is completed at %d leaves", (size) => {
    const left = synthetic(0, size - 1);
    const builder = new RangeBuilder(left);
    builder.append(hash(1));
    const expected = left.hashes.reduceRight(
      (node, sibling) => referenceNode(sibling, node),
      hash(1),
    );
    expect(plain(builder.range())).toEqual({ begin: 0, end: size, hashes: [toHex(expected)] });
    builder.append(hash(2));
    expect(toHex(builder.root())).toBe(toHex(referenceNode(expected, hash(2))));
  });

  it("merges to one hash per subtree of the whole, wherever it is cut", () => {
    const point = fc.oneof(
      fc.maxSafeNat(),
      fc
        .tuple(fc.integer({ min: 30, max: 52 }), fc.integer({ min: -5, max: 5 }))
        .map(([level, offset]) => 2 ** level + offset),
    );
    fc.assert(
      fc.property(point, point, point, (...points) => {
        const [a, b, c] = points.sort((x, y) => x - y) as [number, number, number];
        const merged = mergeRanges(synthetic(a, b), synthetic(b, c));
        const subtrees = decompose(a, c);
        expect(merged.hashes).toHaveLength(subtrees.length);
        // Subtrees that one of the halves had already must have come through untouched.
        const halves = [...decompose(a, b), ...decompose(b, c)].map((s) => `${s.level} ${s.index}`);
        for (const [i, { level, index }] of subtrees.entries()) {
          if (!halves.includes(`${level} ${index}`)) continue;
          expect(toHex(merged.hashes[i] as Uint8Array)).toBe(
            toHex(hash(level * 1e6 + (index % 1e6))),
          );
        }
      }),
    );
  });

  it("ends at 2^53-1 leaves and says so", () => {
    const builder = new RangeBuilder(synthetic(0, Number.MAX_SAFE_INTEGER));
    expect(() => builder.append(hash(1))).toThrow("at most 2^53-1 leaves");
  });
});

describe("the bytes of a compact range", () => {
  it("come back as the same range", () => {
    fc.assert(
      fc.property(fc.nat(1100), fc.nat(1100), (one, other) => {
        const range = rangeOf(Math.min(one, other), Math.max(one, other));
        expect(plain(decodeRange(encodeRange(range)))).toEqual(plain(range));
      }),
    );
  });

  it("are refused at every other length", () => {
    const bytes = encodeRange(rangeOf(3, 11));
    const lengths = Array.from({ length: bytes.length }, (_, i) => i);
    for (const length of lengths) {
      expect(() => decodeRange(bytes.subarray(0, length))).toThrow("no compact range");
    }
    expect(() => decodeRange(Uint8Array.of(...bytes, 0))).toThrow("should have 4 hashes");
  });

  it("are refused, with a code, whatever they are, unless they are a range", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), fc.boolean(), (bytes, isVersioned) => {
        if (isVersioned && bytes.length > 0) bytes[0] = 1;
        try {
          expect(toHex(encodeRange(decodeRange(bytes)))).toBe(toHex(bytes));
        } catch (error) {
          expect(error).toMatchObject({ code: "PROOF_INVALID" });
        }
      }),
    );
  });
});
