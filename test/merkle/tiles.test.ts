// C2SP tlog-tiles: paths with one spelling, the tiles that a tree of a size consists of, and entry
// bundles that come back as they were or are refused.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toHex } from "../../src/base/index.ts";
import {
  decodeEntryBundle,
  encodeEntryBundle,
  parseTilePath,
  type Tile,
  tilePath,
  tileStoredIndexes,
  tilesOf,
} from "../../src/merkle/index.ts";
import { referenceLeaves, referenceRoot } from "./reference-tree.ts";
import { logReader, treeLog } from "./stored-tree.ts";

const anyTile: fc.Arbitrary<Tile> = fc.record({
  level: fc.oneof(fc.nat(63), fc.constant("entries" as const)),
  index: fc.oneof(fc.nat(3000), fc.maxSafeNat()),
  width: fc.integer({ min: 1, max: 256 }),
});

describe("a tile's path", () => {
  it.each([
    [{ level: 0, index: 0, width: 256 }, "tile/0/000"],
    [{ level: 0, index: 999, width: 256 }, "tile/0/999"],
    [{ level: 1, index: 1000, width: 256 }, "tile/1/x001/000"],
    [{ level: 0, index: 1_234_067, width: 256 }, "tile/0/x001/x234/067"],
    [{ level: 63, index: 1_234_067, width: 17 }, "tile/63/x001/x234/067.p/17"],
    [{ level: "entries", index: 3, width: 1 }, "tile/entries/003.p/1"],
  ] satisfies [Tile, string][])("of %j is %s", (tile, path) => {
    expect(tilePath(tile)).toBe(path);
    expect(parseTilePath(path)).toEqual(tile);
  });

  it("comes back as the same tile", () => {
    fc.assert(
      fc.property(anyTile, (tile) => {
        expect(parseTilePath(tilePath(tile))).toEqual(tile);
      }),
    );
  });

  it.each([
    "",
    "tile",
    "tile/0",
    "tile/0/0",
    "tile/0/0000",
    "tile/0/x000/001",
    "tile/0/001/002",
    "tile/0/x001",
    "tile/00/001",
    "tile/64/001",
    "tile/-1/001",
    "tile/0/001.p/0",
    "tile/0/001.p/01",
    "tile/0/001.p/256",
    "tile/0/001.p/257",
    "tile/0/001.p/",
    "tile/0/001.p",
    "tile/0/001/",
    "/tile/0/001",
    "tile/0/../../etc/passwd",
    "tile/0/x999/x999/x999/x999/x999/999",
    "tile/entries/x1/001",
    "tile/data/001",
    "tile/0/001\n",
    "tile/0/٠٠١",
  ])("has one spelling: %j is none", (path) => {
    expect(parseTilePath(path)).toBeUndefined();
  });

  it("is not written for what is no tile", () => {
    for (const tile of [
      { level: 64, index: 0, width: 1 },
      { level: 0, index: -1, width: 1 },
      { level: 0, index: 0, width: 0 },
      { level: 0, index: 0, width: 257 },
    ]) {
      expect(() => tilePath(tile)).toThrow("a tile has a level");
    }
  });
});

describe("the tiles of a tree", () => {
  const shape = (size: number): string[] => [...tilesOf(size)].map(tilePath);

  it("are those of the specification's examples", () => {
    expect(shape(0)).toEqual([]);
    expect(shape(1)).toEqual(["tile/entries/000.p/1", "tile/0/000.p/1"]);
    expect(shape(256)).toEqual(["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]);
    const paths = shape(70_000);
    expect(paths.filter((path) => /^tile\/0\/\d{3}$/.test(path))).toHaveLength(273);
    expect(paths.filter((path) => !/^tile\/(0|entries)\/\d{3}$/.test(path))).toEqual([
      "tile/entries/273.p/112",
      "tile/0/273.p/112",
      "tile/1/000",
      "tile/1/001.p/17",
      "tile/2/000.p/1",
    ]);
  });

  it("hold the hashes that the specification defines, found in tree.log", () => {
    const leaves = referenceLeaves(70_000);
    const read = logReader(treeLog(leaves));
    for (const tile of tilesOf(leaves.length)) {
      if (tile.level === "entries") continue;
      const hashes = read(tileStoredIndexes(tile));
      expect(hashes).toHaveLength(tile.width);
      const span = 256 ** tile.level;
      for (const i of [0, tile.width - 1]) {
        const first = (tile.index * 256 + i) * span;
        const expected = referenceRoot(leaves.slice(first, first + span));
        expect(toHex(hashes[i] as Uint8Array)).toBe(toHex(expected));
      }
    }
    expect(() => tileStoredIndexes({ level: "entries", index: 0, width: 1 })).toThrow("of hashes");
  });
});

describe("an entry bundle", () => {
  it("comes back entry by entry", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 256 }), (entries) => {
        const decoded = decodeEntryBundle(encodeEntryBundle(entries));
        expect(decoded.map(toHex)).toEqual(entries.map(toHex));
      }),
    );
    const longest = new Uint8Array(65_535).fill(9);
    expect(decodeEntryBundle(encodeEntryBundle([longest]))).toEqual([longest]);
  });

  it("is the documented bytes", () => {
    const bundle = encodeEntryBundle([Buffer.from("one"), new Uint8Array(0), new Uint8Array(258)]);
    expect(toHex(bundle.subarray(0, 9))).toBe("00036f6e6500000102");
    expect(bundle).toHaveLength(2 + 3 + 2 + 2 + 258);
  });

  it("is refused, with a code, wherever it is cut inside an entry", () => {
    const bundle = encodeEntryBundle([Buffer.from("one"), Buffer.from("three")]);
    for (let length = 1; length < bundle.length; length++) {
      const cut = bundle.subarray(0, length);
      if (length === 5) expect(decodeEntryBundle(cut)).toHaveLength(1);
      else
        expect(() => decodeEntryBundle(cut)).toThrow(expect.objectContaining({ code: "CORRUPT" }));
    }
  });

  it("has at most 256 entries of at most 65,535 bytes", () => {
    const zeros = new Uint8Array(2 * 257);
    expect(decodeEntryBundle(zeros.subarray(2))).toHaveLength(256);
    expect(() => decodeEntryBundle(zeros)).toThrow("more than 256 entries");
    expect(() => encodeEntryBundle(new Array(257).fill(zeros))).toThrow("at most 256 entries");
    expect(() => encodeEntryBundle([new Uint8Array(65_536)])).toThrow("16-bit length");
  });
});
