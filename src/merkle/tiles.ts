/**
 * C2SP tlog-tiles (https://c2sp.org/tlog-tiles): the tree as files of 256 hashes and the entries as
 * bundles of 256, under paths that never change meaning. Any static file server can publish them,
 * and anybody's tool can check them.
 */
import { assert, limits, ReachError } from "../base/index.ts";
import { storedIndex, storedLevelStep } from "./nodes.ts";
import { isTreeSize } from "./subtree.ts";

/** Hashes in a full tile, entries in a full bundle. */
export const tileWidth = 256;

/** One tile, or one bundle of entries, of which `width` items (1 to 256) are there. */
export interface Tile {
  /** 0 holds leaf hashes, level L + 1 the roots of the full tiles of level L. */
  readonly level: number | "entries";
  /** Which one of its level, from 0. */
  readonly index: number;
  readonly width: number;
}

const tileLevelMax = 63;
const lengthPrefixBytes = 2;

assert(limits.eventBytesMax === 0xffff, "every event fits an entry with a 16-bit length");
assert(tileWidth === 2 ** storedLevelStep, "the nodes that tiles hold are the stored ones");

/** The path of a tile below the log's prefix: `tile/0/x001/x234/067` or `tile/0/001.p/17`. */
export function tilePath(tile: Tile): string {
  assert(isTile(tile), "a tile has a level up to 63, an index, and 1 to 256 items");
  const groups = [String(tile.index % 1000).padStart(3, "0")];
  for (let rest = Math.floor(tile.index / 1000); rest > 0; rest = Math.floor(rest / 1000)) {
    groups.unshift(`x${String(rest % 1000).padStart(3, "0")}`);
  }
  const partial = tile.width === tileWidth ? "" : `.p/${tile.width}`;
  return `tile/${tile.level}/${groups.join("/")}${partial}`;
}

/** The tile at `path`, or `undefined` if that is not exactly the path of one. */
export function parseTilePath(path: string): Tile | undefined {
  const match = /^tile\/(entries|\d{1,2})\/((?:x\d{3}\/){0,5}\d{3})(?:\.p\/(\d{1,3}))?$/.exec(path);
  if (!match) return undefined;
  const [, level, groups = "", width] = match;
  const tile: Tile = {
    level: level === "entries" ? "entries" : Number(level),
    index: Number(groups.replaceAll(/[x/]/g, "")),
    width: width === undefined ? tileWidth : Number(width),
  };
  // One spelling per tile: leading zeros and groups of zeros are refused by writing it again.
  return isTile(tile) && tilePath(tile) === path ? tile : undefined;
}

/**
 * The tiles of a tree of `size` leaves, level by level, each full or, the last of a level, partial;
 * the bundles of entries come first. A tree of 256 has a full tile on level 0 and, on level 1, one
 * of width 1.
 */
export function* tilesOf(size: number): Generator<Tile> {
  assert(isTreeSize(size), "a tree size");
  yield* tilesOnLevel("entries", size);
  let level = 0;
  for (let nodes = size; nodes > 0; nodes = Math.floor(nodes / tileWidth)) {
    yield* tilesOnLevel(level, nodes);
    level += 1;
  }
}

function* tilesOnLevel(level: number | "entries", items: number): Generator<Tile> {
  const full = Math.floor(items / tileWidth);
  for (let index = 0; index < full; index++) yield { level, index, width: tileWidth };
  if (items % tileWidth > 0) yield { level, index: full, width: items % tileWidth };
}

/**
 * The positions in `tree.log`, counted in hashes, of what a tile of hashes holds. On level 0 they
 * are adjacent: a full tile there is a slice of the file.
 */
export function tileStoredIndexes(tile: Tile): number[] {
  const { level, index, width } = tile;
  assert(level !== "entries" && isTile(tile), "a tile of hashes");
  return Array.from({ length: width }, (_, i) => {
    return storedIndex(level * storedLevelStep, index * tileWidth + i);
  });
}

/** A bundle: each entry behind its length as a big-endian 16-bit number. */
export function encodeEntryBundle(entries: readonly Uint8Array[]): Uint8Array {
  assert(entries.length <= tileWidth, "a bundle has at most 256 entries");
  let length = 0;
  for (const entry of entries) length += lengthPrefixBytes + entry.length;
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const entry of entries) {
    assert(entry.length <= limits.eventBytesMax, "an entry has a 16-bit length");
    bytes[offset] = entry.length >>> 8;
    bytes[offset + 1] = entry.length & 0xff;
    bytes.set(entry, offset + lengthPrefixBytes);
    offset += lengthPrefixBytes + entry.length;
  }
  return bytes;
}

/** The entries of a bundle, as views; throws `CORRUPT` if it is cut off or has more than 256. */
export function decodeEntryBundle(bytes: Uint8Array): Uint8Array[] {
  const entries: Uint8Array[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    const length = ((bytes[offset] as number) << 8) | (bytes[offset + 1] ?? 0);
    const start = offset + lengthPrefixBytes;
    if (start + length > bytes.length || entries.length === tileWidth) {
      const what = entries.length === tileWidth ? "has more than 256 entries" : "is cut off";
      throw new ReachError("CORRUPT", `this entry bundle ${what}, at byte ${offset}`);
    }
    entries.push(bytes.subarray(start, start + length));
    offset = start + length;
  }
  return entries;
}

function isTile({ level, index, width }: Tile): boolean {
  const isLevel = level === "entries" || (isTreeSize(level) && level <= tileLevelMax);
  return isLevel && isTreeSize(index) && isTreeSize(width) && width >= 1 && width <= tileWidth;
}
