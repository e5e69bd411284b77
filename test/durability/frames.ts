/**
 * Frames in wrong places: two of a file that have changed places, one that stands in the place of
 * another, of the same file or of another one, and whole files of one session in another one's
 * folder. Each frame is valid by itself; position and identity are what must give it away.
 */
import { entrySize, packHeaderBytes } from "../../src/blobs/pack-format.ts";
import { batchSize } from "../../src/event/index.ts";
import { eventLogStart } from "../../src/log/index.ts";
import {
  decodeFrame,
  decodeSegmentHeader,
  isGroup,
  segmentStart,
} from "../../src/log/journal-frame.ts";
import type { Patient } from "./corruption.ts";
import type { Damage } from "./damage.ts";

/** A frame of a file, from where to before where. */
export interface Frame {
  readonly start: number;
  readonly end: number;
}

/** Damage to one of the files of a directory. */
export interface FileDamage {
  readonly file: string;
  readonly damage: Damage;
}

function framesBy(bytes: Uint8Array, start: number, sizeAt: (at: number) => number): Frame[] {
  const frames: Frame[] = [];
  for (let at = start; at < bytes.length; ) {
    const size = sizeAt(at);
    if (size <= 0 || at + size > bytes.length) break;
    frames.push({ start: at, end: at + size });
    at += size;
  }
  return frames;
}

/** The frames of a file, as far as they stand one behind the other; none for other files. */
export function framesOf(file: string, bytes: Uint8Array): Frame[] {
  if (file.endsWith("events.log")) {
    return framesBy(bytes, eventLogStart, (at) => {
      const size = batchSize(bytes, at);
      return typeof size === "number" ? size : 0;
    });
  }
  if (file.endsWith(".pack")) {
    return framesBy(bytes, packHeaderBytes, (at) => entrySize(bytes, at));
  }
  if (file.endsWith(".wal")) {
    const salt = decodeSegmentHeader(bytes)?.salt ?? new Uint8Array(16);
    return framesBy(bytes, segmentStart, (at) => {
      const place = decodeFrame(bytes, at, salt);
      return isGroup(place) ? place.end - at : 0;
    });
  }
  if (file.includes("/snapshots/")) return framesBy(bytes, 0, () => 160);
  if (file.startsWith("bulk/")) return framesBy(bytes, 0, () => 512);
  if (file.endsWith("tree.log")) return framesBy(bytes, 0, () => 32);
  return [];
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

function swapped(bytes: Uint8Array, first: Frame, second: Frame): Uint8Array {
  return joined(
    bytes.subarray(0, first.start),
    bytes.subarray(second.start, second.end),
    bytes.subarray(first.end, second.start),
    bytes.subarray(first.start, first.end),
    bytes.subarray(second.end),
  );
}

/** Frames of one file that have changed places, or stand twice. */
function* within(file: string, bytes: Uint8Array): Generator<FileDamage> {
  const frames = framesOf(file, bytes);
  for (const [i, first] of frames.entries()) {
    const name = `frame ${i}`;
    const content = bytes.subarray(first.start, first.end);
    const last = frames.at(-1) as Frame;
    const again = joined(bytes.subarray(0, last.end), content, bytes.subarray(last.end));
    yield { file, damage: { name: `${name} again behind the last`, bytes: again } };
    const without = joined(bytes.subarray(0, first.start), bytes.subarray(first.end));
    yield { file, damage: { name: `${name} left out`, bytes: without } };
    for (const [j, second] of frames.entries()) {
      if (j === i) continue;
      const over = joined(bytes.subarray(0, second.start), content, bytes.subarray(second.end));
      yield { file, damage: { name: `${name} in place of ${j}`, bytes: over } };
      if (j < i) continue;
      yield {
        file,
        damage: { name: `${name} swapped with ${j}`, bytes: swapped(bytes, first, second) },
      };
    }
  }
}

/** Frames of `from` in `file`, and all of it. */
function* between(patient: Patient, from: string, file: string): Generator<FileDamage> {
  const [source, target] = [patient.bytesOf(from), patient.bytesOf(file)];
  yield { file, damage: { name: `is ${from}`, bytes: source } };
  const [frames, places] = [framesOf(from, source), framesOf(file, target)];
  for (const [i, frame] of frames.entries()) {
    const content = source.subarray(frame.start, frame.end);
    const end = places.at(-1)?.end ?? target.length;
    const behind = joined(target.subarray(0, end), content, target.subarray(end));
    yield { file, damage: { name: `frame ${i} of ${from} behind the last`, bytes: behind } };
    for (const [j, place] of places.entries()) {
      const over = joined(target.subarray(0, place.start), content, target.subarray(place.end));
      yield { file, damage: { name: `frame ${i} of ${from} in place of ${j}`, bytes: over } };
    }
  }
}

/** What kind of file it is: frames of others of the kind could be taken for its own. */
function kindOf(file: string): string {
  if (file.startsWith("bulk/")) return "bulk";
  if (file.includes("/snapshots/")) return "snapshots";
  return /[^/]*?([^/.0-9]+(?:\.\w+)?)$/.exec(file)?.[1] ?? file;
}

/** Every frame in every place where it does not belong. */
export function* misplacedFrames(patient: Patient): Generator<FileDamage> {
  const files = patient.files().filter((file) => !file.endsWith("reserve"));
  for (const file of files) {
    yield* within(file, patient.bytesOf(file));
    for (const from of files) {
      if (from !== file && kindOf(from) === kindOf(file)) yield* between(patient, from, file);
    }
  }
}
