/**
 * What there is to copy of a pack that another process may be writing, for a backup: whole entries
 * only, with what the journal alone has. Bytes below the first hole never change any more; a hole
 * may be filled by a payload whose turn in the journal has not come.
 */
import { codeOf } from "../base/index.ts";
import type { DiskFile } from "../disk/index.ts";
import { entrySize, packHeader, packHeaderBytes, readPackHeader } from "./pack-format.ts";
import { scanEntries } from "./pack-scan.ts";

/** Bytes of a pack that the journal holds. */
export interface HeldPackBytes {
  readonly offset: number;
  readonly length: number;
  read(): Uint8Array;
}

/** Bytes of a pack from `offset` to before `end`. */
export interface PackRange {
  readonly offset: number;
  readonly end: number;
}

/** What a look at a pack has found. */
export interface PackSurvey {
  /** Offset behind the last whole entry: what stands behind it is being written, or worthless. */
  readonly end: number;
  /** What is no entry before `end`. */
  readonly gaps: readonly PackRange[];
  /** Offset of the first gap that is no hole. */
  readonly damagedAt: number | undefined;
  /** Whether it begins as a pack of that number does. */
  readonly hasHeader: boolean;
}

/** A pack of which there is no file yet. */
export const noPack: PackSurvey = { end: 0, gaps: [], damagedAt: undefined, hasHeader: false };

/** Looks at a pack from `from`, where an entry begins; 0 for all of it. */
export function surveyPack(file: DiskFile, number: number, from: number): PackSurvey {
  const size = file.size();
  const hasHeader = from > 0 || isPack(file, number);
  const gaps: PackRange[] = [];
  let damagedAt: number | undefined;
  const read = (into: Uint8Array, offset: number): number => file.read(into, offset);
  const end = scanEntries(read, number, Math.max(from, packHeaderBytes), size, {
    entry: () => undefined,
    damaged: (offset, until) => {
      gaps.push({ offset, end: until });
      if (!isHole(file, offset, until)) damagedAt ??= offset;
    },
  });
  return { end: Math.min(end, size), gaps, damagedAt, hasHeader };
}

function isPack(file: DiskFile, number: number): boolean {
  const header = new Uint8Array(packHeaderBytes);
  const read = file.read(header, 0);
  try {
    return readPackHeader(header.subarray(0, read), number) !== undefined;
  } catch (error) {
    // A later version has written it: it is copied as it is.
    if (codeOf(error) === "FORMAT_UNSUPPORTED") return true;
    throw error;
  }
}

function isHole(file: DiskFile, from: number, to: number): boolean {
  const window = new Uint8Array(Math.min(to - from, 64 * 1024));
  for (let at = from; at < to; at += window.length) {
    const part = window.subarray(0, Math.min(window.length, to - at));
    const read = file.read(part, at);
    if (part.subarray(0, read).some((byte) => byte !== 0)) return false;
  }
  return true;
}

/**
 * What the journal has of a pack from `from` on and the file has not: entries for their offsets.
 * Where a whole entry stands already that one counts: a frame of the journal that was given up may
 * have been read before its place was used for another one.
 */
export function* missingInPack(
  survey: PackSurvey,
  number: number,
  held: readonly HeldPackBytes[],
  from: number,
): Generator<{ readonly offset: number; readonly bytes: Uint8Array }, void> {
  if (!survey.hasHeader && held.length > 0) {
    yield { offset: 0, bytes: packHeader(number, "journaled") };
  }
  for (const { offset, read } of held) {
    const bytes = read();
    for (let at = 0; at < bytes.length; ) {
      const size = entrySize(bytes, at);
      if (size === 0) break;
      const place = { offset: offset + at, end: offset + at + size };
      const isMissing = place.offset >= survey.end || isWithin(survey.gaps, place);
      if (place.offset >= from && isMissing) {
        yield { offset: place.offset, bytes: bytes.subarray(at, at + size) };
      }
      at += size;
    }
  }
}

function isWithin(gaps: readonly PackRange[], { offset, end }: PackRange): boolean {
  return gaps.some((gap) => gap.offset <= offset && end <= gap.end);
}
