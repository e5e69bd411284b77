// A sink that keeps everything, so that a test can compare what came with what went in. Records are
// copied, since their bytes are valid only during the call.

import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import path from "node:path";
import type {
  Format,
  ImportProblem,
  ReaderOptions,
  RecordMeta,
  RecordSink,
  SourceReader,
} from "../../src/importers/importer.ts";

export interface KeptRecord extends RecordMeta {
  readonly form: "json" | "bytes";
  readonly bytes: Buffer;
}

/** Records and gaps in order; a gap that follows a gap is joined to it. */
export class MemorySink implements RecordSink {
  readonly records: KeptRecord[] = [];
  readonly problems: ImportProblem[] = [];
  /** The gap before each record, and one at the end. */
  readonly gaps: Buffer[] = [Buffer.alloc(0)];
  readonly #parts: Buffer[] = [];
  readonly #firstSeq: number;

  constructor(firstSeq = 0) {
    this.#firstSeq = firstSeq;
  }

  record(bytes: Uint8Array, form: "json" | "bytes", meta: RecordMeta): number {
    const copy = Buffer.from(bytes);
    this.#parts.push(copy);
    this.gaps.push(Buffer.alloc(0));
    return this.records.push({ ...meta, form, bytes: copy }) - 1 + this.#firstSeq;
  }

  gap(bytes: Uint8Array): void {
    const copy = Buffer.from(bytes);
    this.#parts.push(copy);
    const last = this.gaps.length - 1;
    this.gaps[last] = Buffer.concat([this.gaps[last] as Buffer, copy]);
  }

  problem(problem: ImportProblem): void {
    this.problems.push(problem);
  }

  /** The source, put together again. */
  get source(): Buffer {
    return Buffer.concat(this.#parts);
  }

  get texts(): string[] {
    return this.records.map(({ bytes }) => bytes.toString());
  }

  get messages(): string[] {
    return this.problems.map(({ message }) => message);
  }

  /** Everything but how the gaps came, for comparing two ways to read one source. */
  get whole(): unknown {
    const { records, gaps, problems } = this;
    return { records, gaps, problems };
  }
}

/** Feeds a source in chunks of the given sizes, in turn; without any, at once. */
export function feed(
  reader: SourceReader,
  source: Uint8Array,
  sink: RecordSink,
  sizes: readonly number[] = [],
): void {
  let at = 0;
  for (let i = 0; at < source.length; i++) {
    const size = sizes.length === 0 ? source.length : (sizes[i % sizes.length] as number);
    // The buffer is used again, as a real reader of a file would.
    const chunk = Buffer.from(source.subarray(at, at + size));
    reader.push(chunk, sink);
    chunk.fill(0x21);
    at += size;
  }
  reader.end(sink);
}

/** Reads a source with a format, from the beginning or where the options say. */
export function read(
  format: Format,
  source: Uint8Array | string,
  options: ReaderOptions = {},
  sizes: readonly number[] = [],
): MemorySink {
  const sink = new MemorySink(options.firstSeq);
  const bytes = typeof source === "string" ? Buffer.from(source) : source;
  feed(format.reader(options), bytes, sink, sizes);
  return sink;
}

const fixtureFolder = path.resolve(import.meta.dirname, "../../fixtures/import");

/** The bytes of one of the samples in fixtures/import. */
export function fixture(name: string): Buffer {
  return readFileSync(path.join(fixtureFolder, name));
}

/** One record in a line: `seq kind type`, `< ref` if there is one, `@ time` in ISO if any. */
export function summary({ records }: MemorySink): string[] {
  return records.map(({ kind, type, ref, time }, seq) => {
    const answers = ref === null ? "" : ` < ${ref}`;
    return `${seq} ${kind} ${type}${answers}${time === null ? "" : ` @ ${isoOf(time)}`}`;
  });
}

function isoOf(time: number): string {
  return new Date(time).toISOString();
}
