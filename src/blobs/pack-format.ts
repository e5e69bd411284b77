/**
 * A pack, `<number as 8 hex digits>.pack`: a header and entries, append-only.
 *
 *   header  0  u32  magic "RPK1"
 *           4  u16  format version    6  u16  kind: 0 journaled, 1 bulk, 2 collected
 *           8  u32  pack number      12  u32  CRC-32 of the 12 bytes before
 *   entry   0  u32  CRC-32 of all that follows, seeded with pack number and file offset
 *           4  u32  bytes of content  8  u8   kind: 1 chunk, 2 list, 3 blob
 *           9  32 bytes  SHA-256 of the content; of a blob its name, the SHA-256 of its bytes
 *          41  content
 *
 * The position is part of the CRC: an entry that was written to the wrong place, or into the wrong
 * pack, is not valid there, and after damage the next valid entry is found by trying.
 */
import { crc32, limits, ReachError, readU16, readU32, writeU16, writeU32 } from "../base/index.ts";
import { blobContentBytesMax } from "./chunk-list.ts";

const magic = 0x314b5052;
const formatVersion = 1;

/** Bytes of the header of a pack: where its first entry lies. */
export const packHeaderBytes = 16;
/** Bytes in front of the content of an entry. */
export const entryHeaderBytes = 41;
/** No entry is larger than this. */
export const entryBytesMax: number =
  entryHeaderBytes + Math.max(limits.chunkBytesMax, blobContentBytesMax);
const hashAt = 9;

/**
 * How a pack came to be; the position is the number on disk. `journaled`: its bytes went through
 * the journal first. `bulk`: written by one bulk writer, cut by recovery to what is on record.
 * `collected`: written whole by garbage collection and renamed into place.
 */
export const packKinds = ["journaled", "bulk", "collected"] as const;

/** One of `packKinds`. */
export type PackKind = (typeof packKinds)[number];

/** What an entry holds, as on disk. */
export const entryKinds = { chunk: 1, list: 2, blob: 3 } as const;

/** File name of a pack. */
export function packName(number: number): string {
  return `${number.toString(16).padStart(8, "0")}.pack`;
}

/** File name of the index of a pack. */
export function indexName(number: number): string {
  return `${number.toString(16).padStart(8, "0")}.idx`;
}

/** The number in the name of a pack or an index, or `undefined` when it is neither. */
export function packNumberOf(name: string, ending: ".pack" | ".idx"): number | undefined {
  if (!name.endsWith(ending)) return undefined;
  const digits = name.slice(0, -ending.length);
  return /^[0-9a-f]{8}$/.test(digits) ? Number.parseInt(digits, 16) : undefined;
}

/** The header of a pack. */
export function packHeader(number: number, kind: PackKind): Uint8Array {
  const header = new Uint8Array(packHeaderBytes);
  writeU32(header, 0, magic);
  writeU16(header, 4, formatVersion);
  writeU16(header, 6, packKinds.indexOf(kind));
  writeU32(header, 8, number);
  writeU32(header, 12, crc32(header.subarray(0, 12)));
  return header;
}

/**
 * The kind of the pack that begins with `bytes`, or `undefined` when the header is damaged.
 * Throws `FORMAT_UNSUPPORTED` for a pack of a later version.
 */
export function readPackHeader(bytes: Uint8Array, number: number): PackKind | undefined {
  if (bytes.length < packHeaderBytes || readU32(bytes, 0) !== magic) return undefined;
  if (readU32(bytes, 12) !== crc32(bytes.subarray(0, 12))) return undefined;
  if (readU16(bytes, 4) !== formatVersion) {
    throw new ReachError("FORMAT_UNSUPPORTED", `${packName(number)} has a later format`, {
      where: packName(number),
      hint: "open it with the version of Reach that wrote it, or a later one",
    });
  }
  return readU32(bytes, 8) === number ? packKinds[readU16(bytes, 6)] : undefined;
}

/**
 * Seed of the CRC of an entry. Two offsets of one pack never share a seed, and a CRC over the same
 * bytes with another seed is always another one.
 */
function entrySeed(pack: number, offset: number): number {
  return (Math.imul(pack, 0x9e3779b1) ^ offset) >>> 0;
}

/** Where an entry goes: the pack, and the file offset of byte 0 of the buffer it is written to. */
export interface EntryPlace {
  readonly pack: number;
  readonly base: number;
}

/** Writes an entry into `buffer` at `at`; returns the end. There must be room. */
export function writeEntry(
  buffer: Uint8Array,
  at: number,
  place: EntryPlace,
  kind: number,
  hash: Uint8Array,
  content: Uint8Array,
): number {
  const end = at + entryHeaderBytes + content.length;
  writeU32(buffer, at + 4, content.length);
  buffer[at + 8] = kind;
  buffer.set(hash, at + hashAt);
  buffer.set(content, at + entryHeaderBytes);
  const seed = entrySeed(place.pack, place.base + at);
  writeU32(buffer, at, crc32(buffer.subarray(at + 4, end), seed));
  return end;
}

/** Whole size of the entry at `at` by its header, or 0 when no entry begins like that. */
export function entrySize(buffer: Uint8Array, at: number): number {
  const kind = buffer[at + 8] as number;
  if (kind < entryKinds.chunk || kind > entryKinds.blob) return 0;
  const size = entryHeaderBytes + readU32(buffer, at + 4);
  return size <= entryBytesMax ? size : 0;
}

/** Whether the `size` bytes at `at` are a valid entry of that place. */
export function entryIsValid(
  buffer: Uint8Array,
  at: number,
  size: number,
  place: EntryPlace,
): boolean {
  const seed = entrySeed(place.pack, place.base + at);
  return readU32(buffer, at) === crc32(buffer.subarray(at + 4, at + size), seed);
}

/** The kind of the entry at `at`. */
export function entryKind(buffer: Uint8Array, at: number): number {
  return buffer[at + 8] as number;
}

/** The hash of the entry at `at`, a view. */
export function entryHash(buffer: Uint8Array, at: number): Uint8Array {
  return buffer.subarray(at + hashAt, at + entryHeaderBytes);
}

/** Whether the entry at `at` carries `hash`. */
export function entryHasHash(buffer: Uint8Array, at: number, hash: Uint8Array): boolean {
  for (let i = 0; i < 32; i++) if (buffer[at + hashAt + i] !== hash[i]) return false;
  return true;
}

/** The CRC that the entry at `at` carries. */
export function entryCrc(buffer: Uint8Array, at: number): number {
  return readU32(buffer, at);
}
