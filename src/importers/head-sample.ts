/**
 * What the first bytes of a source look like, read both ways: as lines and as one document, by the
 * scanners that will read the whole. All formats look at the same sample. The end of the head may
 * lie in the middle of a record, and is not held against it.
 */
import { Buffer } from "node:buffer";
import { bufferOf } from "./assembly.ts";
import type { RecordSink } from "./importer.ts";
import { topLayout } from "./json-layout.ts";
import { JsonScanner } from "./json-scanner.ts";
import { LineScanner } from "./line-scanner.ts";
import { plain, plainType, type RecordMapper } from "./reading.ts";

/** Bytes of a source that are looked at to find its format. */
export const sniffBytesMax = 256 * 1024;

/** The head of a source, read as lines. */
export interface LineSample {
  /** The parsed values, in order. */
  readonly records: readonly unknown[];
  /** Lines that hold something which is no JSON. */
  readonly badLines: number;
}

/** The head of a source, read as one document. */
export interface DocumentSample {
  readonly top: "array" | "object" | "scalar" | "none";
  /** Of an array at the top: its first elements. */
  readonly elements: readonly unknown[];
  /** Of an object at the top: its first members; of an array of objects the first elements. */
  readonly members: ReadonlyMap<string, readonly unknown[]>;
  /** One of the members is an array of objects. */
  readonly hasRecords: boolean;
  /** There is an error in the structure. */
  readonly broken: boolean;
  /** The document ends in the head, with nothing behind it. */
  readonly complete: boolean;
}

/** What the head of a source looks like. */
export interface HeadSample {
  readonly lines: LineSample;
  readonly document: DocumentSample;
}

const noGap = (): void => {};

function sampleLines(head: Buffer): LineSample {
  const records: unknown[] = [];
  const mapper: RecordMapper = {
    read(value) {
      records.push(value);
      return plain(plainType);
    },
  };
  let badLines = 0;
  const sink: RecordSink = {
    record: (_, form) => {
      if (form === "bytes") badLines += 1;
      return 0;
    },
    gap: noGap,
    problem: noGap,
  };
  const scanner = new LineScanner(mapper, {});
  scanner.push(head, sink);
  const whole = badLines;
  scanner.end(sink);
  // The last line may be cut off by the end of the head: only counted when it parses.
  return { records, badLines: whole };
}

function topOf(head: Buffer): DocumentSample["top"] {
  const text = head.toString("latin1").replace(/^\u00ef\u00bb\u00bf/, "");
  const first = /[^ \t\r\n]/.exec(text)?.[0];
  if (first === "[") return "array";
  if (first === "{") return "object";
  return first !== undefined && /["\-\da-z]/.test(first) ? "scalar" : "none";
}

function sampleDocument(head: Buffer): DocumentSample {
  const elements: unknown[] = [];
  const members = new Map<string, unknown[]>();
  let hasRecords = false;
  const mapper: RecordMapper = {
    read(value, { member, element }) {
      if (member === null) elements.push(value);
      else {
        const values = members.get(member);
        if (values) values.push(value);
        else members.set(member, [value]);
        hasRecords ||= element;
      }
      return plain(plainType);
    },
  };
  const sink: RecordSink = { record: () => 0, gap: noGap, problem: noGap };
  const scanner = new JsonScanner(mapper, topLayout);
  scanner.push(head, sink);
  const { broken } = scanner;
  scanner.end(sink);
  return { top: topOf(head), elements, members, hasRecords, broken, complete: !scanner.broken };
}

interface SampleOfBytes {
  /** The array may have been filled anew since. */
  readonly copy: Buffer;
  readonly sample: HeadSample;
}
const samples = new WeakMap<Uint8Array, SampleOfBytes>();

/** The sample of `head`: all formats ask for it in turn, and it is made once. */
export function headSample(head: Uint8Array): HeadSample {
  const bytes = bufferOf(head).subarray(0, sniffBytesMax);
  const known = samples.get(head);
  if (known?.copy.equals(bytes)) return known.sample;
  const sample = { lines: sampleLines(bytes), document: sampleDocument(bytes) };
  samples.set(head, { copy: Buffer.from(bytes), sample });
  return sample;
}
