/**
 * The bytes of the journal: segment headers and group frames.
 *
 *   segment   0  header, 512 bytes: magic, version, segment id, salt, seal of its predecessor, CRC
 *           512  the same header again, so that one damaged sector does not cost the segment
 *          1024  group frames, each on an 8-byte boundary; zeros behind the last one
 *
 *   frame     0  u32  magic "RGRP"
 *             4  u32  CRC-32 of salt, file offset, and all bytes from 8 on
 *             8  u32  bytes of the frame, without padding
 *            12  u32  bytes of the directory
 *            16  u64  group number, counting up over all segments
 *            24  u32  CRC-32 of salt, file offset, bytes 8 to 24, 28 to 32, directory
 *            28  u32  bytes of the previous group's directory
 *            32  directory, previous directory, contents of the entries
 *
 * A directory names what a group holds under a CRC of its own and is repeated in the next frame, so
 * that damage inside a frame names whose events it hit.
 */
import {
  concat,
  crc32,
  equalBytes,
  readU32,
  readU64,
  utf8,
  writeU32,
  writeU64,
} from "../base/index.ts";
import { positionCrc } from "../event/index.ts";

const segmentMagic = utf8("REACHWAL");
/** The first four bytes of every frame, "RGRP", as a number. */
export const frameMagic = 0x50524752;
const version = 1;
const headerBytes = 512;
const headerUsedBytes = 96;
const frameHeaderBytes = 32;
const entryBytes = 48;

/** Offset of the first frame of a segment. */
export const segmentStart = 2 * headerBytes;

/** What an entry's bytes are written to; the number is on disk and never changes. */
export const entryKinds = { events: 1, pack: 2, manifest: 3, checkpoint: 4 } as const;

/** One of the numbers of `entryKinds`. */
export type EntryKind = (typeof entryKinds)[keyof typeof entryKinds];

/** Bytes with their place: the journal brings them there, again and again if need be. */
export interface JournalEntry {
  readonly kind: EntryKind;
  /** 16 bytes: the session id, or the pack number as u64 and zeros. */
  readonly id: Uint8Array;
  /** Seq of the first event, 0 for other kinds. */
  readonly firstSeq: number;
  /** Number of events, 0 for other kinds. */
  readonly count: number;
  /** Offset in the target file. */
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** An entry without its bytes, as the directory names it. */
export interface DirectoryEntry extends Omit<JournalEntry, "bytes"> {
  readonly length: number;
  readonly crc: number;
}

/** Which segment follows which, and where the one before ends for good. */
export interface SegmentHeader {
  /** Epoch of the lock under which it was made. */
  readonly epoch: number;
  readonly number: number;
  readonly salt: Uint8Array;
  /** The segment before it, sealed at `end`; `undefined` for the first of a directory. */
  readonly predecessor: SegmentSeal | undefined;
  /** Number of the group before its first one. */
  readonly lastGroup: number;
}

/** The end of a segment: bytes of it behind `end` mean nothing. */
export interface SegmentSeal {
  readonly epoch: number;
  readonly number: number;
  readonly end: number;
}

/** The 1,024 bytes at the start of a segment. */
export function encodeSegmentHeader(header: SegmentHeader): Uint8Array {
  const bytes = new Uint8Array(headerBytes);
  bytes.set(segmentMagic, 0);
  writeU32(bytes, 8, version);
  writeU64(bytes, 16, header.epoch);
  writeU64(bytes, 24, header.number);
  bytes.set(header.salt, 32);
  writeU64(bytes, 48, header.predecessor?.epoch ?? 0);
  writeU64(bytes, 56, header.predecessor?.number ?? 0);
  writeU64(bytes, 64, header.predecessor?.end ?? 0);
  writeU64(bytes, 72, header.lastGroup);
  writeU32(bytes, 12, crc32(bytes.subarray(16, headerUsedBytes)));
  return concat(bytes, bytes);
}

/** The header of a segment, from either of its copies; `undefined` when both are damaged. */
export function decodeSegmentHeader(bytes: Uint8Array): SegmentHeader | undefined {
  for (const start of [0, headerBytes]) {
    const copy = bytes.subarray(start, start + headerUsedBytes);
    if (copy.length < headerUsedBytes) continue;
    if (!equalBytes(copy.subarray(0, 8), segmentMagic) || readU32(copy, 8) !== version) continue;
    if (readU32(copy, 12) !== crc32(copy.subarray(16))) continue;
    const [epoch, number, lastGroup] = [readU64(copy, 16), readU64(copy, 24), readU64(copy, 72)];
    const before = { epoch: readU64(copy, 48), number: readU64(copy, 56), end: readU64(copy, 64) };
    if (![epoch, number, lastGroup, ...Object.values(before)].every(Number.isSafeInteger)) continue;
    const predecessor = before.number === 0 ? undefined : before;
    return { epoch, number, salt: copy.slice(32, 48), predecessor, lastGroup };
  }
  return undefined;
}

/** The directory bytes of a group. */
export function encodeDirectory(entries: readonly JournalEntry[]): Uint8Array {
  const bytes = new Uint8Array(entries.length * entryBytes);
  entries.forEach((entry, i) => {
    const at = i * entryBytes;
    writeU32(bytes, at, entry.kind);
    writeU32(bytes, at + 4, entry.count);
    bytes.set(entry.id, at + 8);
    writeU64(bytes, at + 24, entry.firstSeq);
    writeU64(bytes, at + 32, entry.offset);
    writeU32(bytes, at + 40, entry.bytes.length);
    writeU32(bytes, at + 44, crc32(entry.bytes));
  });
  return bytes;
}

/** Whether an entry is one that can have been written. */
function isSound({ kind, firstSeq, offset }: DirectoryEntry): boolean {
  const known = kind >= entryKinds.events && kind <= entryKinds.checkpoint;
  return known && Number.isSafeInteger(firstSeq) && Number.isSafeInteger(offset);
}

/** The entries that directory bytes name. */
export function decodeDirectory(bytes: Uint8Array): DirectoryEntry[] {
  const entries: DirectoryEntry[] = [];
  for (let at = 0; at + entryBytes <= bytes.length; at += entryBytes) {
    entries.push({
      kind: readU32(bytes, at) as EntryKind,
      count: readU32(bytes, at + 4),
      id: bytes.slice(at + 8, at + 24),
      firstSeq: readU64(bytes, at + 24),
      offset: readU64(bytes, at + 32),
      length: readU32(bytes, at + 40),
      crc: readU32(bytes, at + 44),
    });
  }
  return entries;
}

/** Bytes that a frame of these entries takes, padding included. */
export function frameBytes(entries: readonly JournalEntry[], previousDirectory: number): number {
  let size = frameHeaderBytes + entries.length * entryBytes + previousDirectory;
  for (const entry of entries) size += entry.bytes.length;
  return padded(size);
}

function padded(size: number): number {
  return Math.ceil(size / 8) * 8;
}

/**
 * One group as a frame for `offset` of the segment with `salt`. `directory` is that of its entries
 * and `bytes` room of `frameBytes`, whatever stands there, for those who have them already.
 */
export function encodeFrame(
  group: number,
  entries: readonly JournalEntry[],
  previousDirectory: Uint8Array,
  salt: Uint8Array,
  offset: number,
  directory: Uint8Array = encodeDirectory(entries),
  bytes: Uint8Array = new Uint8Array(frameBytes(entries, previousDirectory.length)),
): Uint8Array {
  bytes.set(directory, frameHeaderBytes);
  let at = frameHeaderBytes + directory.length;
  bytes.set(previousDirectory, at);
  at += previousDirectory.length;
  for (const entry of entries) {
    bytes.set(entry.bytes, at);
    at += entry.bytes.length;
  }
  bytes.fill(0, at);
  writeU32(bytes, 0, frameMagic);
  writeU32(bytes, 8, at);
  writeU32(bytes, 12, directory.length);
  writeU64(bytes, 16, group);
  writeU32(bytes, 28, previousDirectory.length);
  writeU32(bytes, 24, directoryCrc(bytes, directory.length, salt, offset));
  writeU32(bytes, 4, crc32(bytes.subarray(8, at), positionCrc(salt, offset)));
  return bytes;
}

function directoryCrc(
  frame: Uint8Array,
  directory: number,
  salt: Uint8Array,
  offset: number,
): number {
  const head = crc32(frame.subarray(8, 24), positionCrc(salt, offset));
  return crc32(frame.subarray(28, frameHeaderBytes + directory), head);
}

/** A group read back from a segment. */
export interface Group {
  readonly number: number;
  readonly entries: JournalEntry[];
  readonly directory: Uint8Array;
  /** Directory of the group before, as this frame repeats it. */
  readonly previousDirectory: Uint8Array;
  /** Offsets of the frame and of what follows it. */
  readonly offset: number;
  readonly end: number;
}

/** A place without a valid frame; the directory is there when its own CRC holds. */
export interface NoGroup {
  readonly number?: number;
  readonly directory?: DirectoryEntry[];
  /** Where the next frame would be, if the directory could be believed. */
  readonly end?: number;
}

/** The group at `offset` of a segment's bytes, or what can still be told about it. */
export function decodeFrame(
  segment: Uint8Array,
  offset: number,
  salt: Uint8Array,
): Group | NoGroup {
  if (offset + frameHeaderBytes > segment.length) return {};
  const frame = segment.subarray(offset);
  if (readU32(frame, 0) !== frameMagic) return {};
  const size = readU32(frame, 8);
  const directoryBytes = readU32(frame, 12);
  const previousBytes = readU32(frame, 28);
  const number = readU64(frame, 16);
  const directoryEnd = frameHeaderBytes + directoryBytes;
  if (directoryEnd + previousBytes > size || directoryBytes % entryBytes !== 0) return {};
  if (directoryEnd > frame.length) return {};
  if (directoryCrc(frame, directoryBytes, salt, offset) !== readU32(frame, 24)) return {};
  const directory = decodeDirectory(frame.subarray(frameHeaderBytes, directoryEnd));
  if (!Number.isSafeInteger(number) || !directory.every(isSound)) return {};
  const end = offset + padded(size);
  const sized = { number, directory, end };
  if (size > frame.length) return sized;
  if (crc32(frame.subarray(8, size), positionCrc(salt, offset)) !== readU32(frame, 4)) return sized;
  const entries: JournalEntry[] = [];
  let at = directoryEnd + previousBytes;
  for (const { length, crc: _, ...named } of directory) {
    entries.push({ ...named, bytes: frame.subarray(at, at + length) });
    at += length;
  }
  if (at !== size) return sized;
  return {
    number,
    entries,
    directory: frame.slice(frameHeaderBytes, directoryEnd),
    previousDirectory: frame.slice(directoryEnd, directoryEnd + previousBytes),
    offset,
    end,
  };
}

/** Whether a decoded place holds a group. */
export function isGroup(place: Group | NoGroup): place is Group {
  return "entries" in place;
}

/** Name of a segment's file; names sort by age. */
export function segmentName(epoch: number, number: number): string {
  return `${String(epoch).padStart(8, "0")}-${String(number).padStart(8, "0")}.wal`;
}

/** Epoch and number of a segment's name, or `undefined` for other files. */
export function parseSegmentName(name: string): { epoch: number; number: number } | undefined {
  const match = /^([0-9]{8,16})-([0-9]{8,16})\.wal$/.exec(name);
  const [epoch, number] = [Number(match?.[1]), Number(match?.[2])];
  const isName = match !== null && segmentName(epoch, number) === name;
  return isName ? { epoch, number } : undefined;
}

/** The highest epoch in the names of segments, 0 without one. */
export function highestEpoch(names: readonly string[]): number {
  return Math.max(0, ...names.map((name) => parseSegmentName(name)?.epoch ?? 0));
}
