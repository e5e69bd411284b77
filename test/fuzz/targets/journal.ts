/** The journal: a frame that is accepted is exactly what was written for its place. */
import { concat, crc32, equalBytes, readU32, utf8, writeU32 } from "../../../src/base/index.ts";
import { positionCrc } from "../../../src/event/index.ts";
import {
  decodeFrame,
  decodeSegmentHeader,
  type EntryKind,
  encodeDirectory,
  encodeFrame,
  encodeSegmentHeader,
  entryKinds,
  isGroup,
  type JournalEntry,
  parseSegmentName,
  segmentName,
  segmentStart,
} from "../../../src/log/journal-frame.ts";
import type { Random } from "../../sim/random.ts";
import { type FuzzTarget, promise } from "../fuzz-target.ts";
import { hashOf } from "./values.ts";

const salt = hashOf("salt").subarray(0, 16);
const otherSalt = hashOf("other salt").subarray(0, 16);

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function entryOf(random: Random): JournalEntry {
  const kind = random.pick(Object.values(entryKinds)) as EntryKind;
  return {
    kind,
    id: random.bytes(16),
    firstSeq: random.int(1000),
    count: random.int(50),
    offset: random.pick([64, 4096, 2 ** 33]),
    bytes: random.bytes(random.int(200)),
  };
}

/** Frames one behind the other, as behind the header of a segment. */
function framesOf(random: Random, count: number): Uint8Array {
  const parts: Uint8Array[] = [];
  let previous: readonly JournalEntry[] = [];
  let at = segmentStart;
  for (let group = 1; group <= count; group++) {
    const entries = Array.from({ length: random.int(4) }, () => entryOf(random));
    const frame = encodeFrame(group, entries, encodeDirectory(previous), salt, at);
    parts.push(frame);
    at += frame.length;
    previous = entries;
  }
  return concat(...parts, new Uint8Array(16));
}

/** Makes the CRCs of the frame at `at` right, as far as its lengths allow. */
function sealFrame(input: Uint8Array, at: number): number {
  const frame = input.subarray(at);
  if (frame.length < 32) return -1;
  const size = readU32(frame, 8);
  const end = 32 + readU32(frame, 12);
  if (size > frame.length || end > size) return -1;
  const seed = positionCrc(salt, segmentStart + at);
  writeU32(frame, 24, crc32(frame.subarray(28, end), crc32(frame.subarray(8, 24), seed)));
  writeU32(frame, 4, crc32(frame.subarray(8, size), seed));
  return at + Math.ceil(size / 8) * 8;
}

/** Group frames. */
export const frames: FuzzTarget = {
  name: "journal-frames",
  weight: 12,
  words: ["RGRP", new Uint8Array(48), new Uint8Array(8)],
  seeds(random) {
    return Array.from({ length: 30 }, () => framesOf(random, 1 + random.int(3)));
  },
  repair(input) {
    for (let at = 0; at >= 0 && at < input.length; ) at = sealFrame(input, at);
  },
  check(input) {
    const segment = concat(new Uint8Array(segmentStart), input);
    for (let at = segmentStart; ; ) {
      const place = decodeFrame(segment, at, salt);
      if (!isGroup(place)) {
        if (place.directory) promise(isCount(place.number ?? 0), "a directory has a number");
        promise(place.end === undefined || place.end > at, "what follows a frame is behind it");
        return;
      }
      const { number, entries, directory, previousDirectory, end } = place;
      promise(isCount(number), "the number of a group is a count");
      promise(place.offset === at && end > at, "a frame has an extent");
      promise(end <= segment.length + 7, "a frame ends where its segment does, or before");
      for (const { kind, id, firstSeq, count, offset } of entries) {
        promise(Object.values(entryKinds).includes(kind), "an entry is of a kind that there is");
        promise([firstSeq, count, offset].every(isCount), "an entry has a place");
        promise(id.length === 16, "an entry is somebody's");
      }
      promise(directory.length === 48 * entries.length, "a directory names the entries");
      const again = encodeFrame(number, entries, previousDirectory, salt, at);
      const stored = segment.subarray(at, end);
      const same = again.length === end - at && sameButCrcs(again, stored, entries.length);
      promise(same, "a frame has one form");
      promise(!isGroup(decodeFrame(segment, at, otherSalt)), "a frame counts in its segment only");
      const moved = concat(new Uint8Array(8), segment);
      promise(!isGroup(decodeFrame(moved, at + 8, salt)), "a frame counts at its place only");
      at = end;
    }
  },
};

/** The CRCs in a directory are for what is left of a damaged frame: a whole one ignores them. */
function sameButCrcs(again: Uint8Array, stored: Uint8Array, entries: number): boolean {
  const size = readU32(again, 8);
  const copy = new Uint8Array(again.length);
  copy.set(stored.subarray(0, size));
  for (let i = 0; i < entries; i++) {
    const at = 32 + 48 * i + 44;
    copy.set(again.subarray(at, at + 4), at);
  }
  copy.set(again.subarray(4, 8), 4);
  copy.set(again.subarray(24, 28), 24);
  return equalBytes(copy, again);
}

/** Headers of segments, and their names. */
export const segmentHeaders: FuzzTarget = {
  name: "segment-headers",
  weight: 5,
  words: ["REACHWAL", ".wal", "-", "00000000"],
  seeds(random) {
    const header = { epoch: 3, number: 7, salt, lastGroup: 12, predecessor: undefined };
    const predecessor = { epoch: 2, number: 6, end: 4096 };
    const large = { epoch: 2 ** 53 - 1, number: 2 ** 53 - 1, salt, lastGroup: 0, predecessor };
    const headers = [header, { ...header, predecessor }, large].map(encodeSegmentHeader);
    const names = [segmentName(1, 2), segmentName(123_456_789, random.next())].map(utf8);
    // Most of a header is zeros: also without its second half, so that mutations hit something.
    return [...headers, ...headers.map((bytes) => bytes.subarray(0, 96)), ...names];
  },
  repair(input) {
    for (const start of [0, 512]) {
      if (input.length < start + 96) continue;
      writeU32(input, start + 12, crc32(input.subarray(start + 16, start + 96)));
    }
  },
  check(input) {
    const name = Buffer.from(input).toString("latin1");
    const parsed = parseSegmentName(name);
    if (parsed) {
      promise(isCount(parsed.epoch) && isCount(parsed.number), "a name has counts");
      promise(segmentName(parsed.epoch, parsed.number) === name, "a segment has one name");
    }
    const header = decodeSegmentHeader(input);
    if (!header) return;
    const { epoch, number, lastGroup, predecessor } = header;
    promise([epoch, number, lastGroup].every(isCount), "a header has counts");
    if (predecessor) {
      promise(Object.values(predecessor).every(isCount), "a predecessor has counts");
    }
    promise(header.salt.length === 16, "a salt has 16 bytes");
    const again = encodeSegmentHeader(header).subarray(16, 96);
    const copies = [input.subarray(16, 96), input.subarray(528, 608)];
    const meant = copies.some((copy) => sameHeader(copy, again, predecessor === undefined));
    promise(meant, "a header says what one of its copies does");
  },
};

/** Without a predecessor its other fields mean nothing. */
function sameHeader(copy: Uint8Array, again: Uint8Array, first: boolean): boolean {
  if (copy.length < again.length) return false;
  const bytes = copy.slice(0, again.length);
  if (first) bytes.fill(0, 32, 56);
  // Padding up to the end of what the CRC covers.
  bytes.fill(0, 64);
  return equalBytes(bytes, again);
}
