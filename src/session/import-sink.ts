/**
 * Where an importer puts its records: each becomes one event, what stands between them the layout.
 * The note that ends an import says where the source ended and how to read on from there.
 */
import { encodeValue, limits } from "../base/index.ts";
import type { EventKind } from "../event/index.ts";
import type { BulkWriter } from "./bulk-writer.ts";
import {
  type ImportNote,
  importNoteType,
  LayoutBuilder,
  layoutNoteType,
  type NotedProblem,
  type ResumeAt,
} from "./layout.ts";

/** Problems that are kept of an import; of the others only the number is. */
export const problemsKept = 100;
const problemsNoted = 20;

/** What an importer knows of a record. */
export interface SinkMeta {
  readonly time: number | null;
  readonly kind: EventKind;
  readonly type: string;
  readonly ref: number | null;
}

/** What an importer knows of a source when it has been read. */
export type ImportedSource = Pick<
  ImportNote,
  "format" | "name" | "path" | "from" | "size" | "sha256" | "interrupted"
>;

/** Takes the records, gaps and problems of one import. */
export class ImportSink {
  readonly #writer: BulkWriter;
  readonly #layout = new LayoutBuilder();
  #time: number;
  records = 0;
  unparsed = 0;
  fragments = 0;
  problemCount = 0;
  /** The first 100 problems. */
  readonly problems: NotedProblem[] = [];

  /** `time` is that of the last event before this import, 0 for a new session. */
  constructor(writer: BulkWriter, time: number) {
    this.#writer = writer;
    this.#time = time;
  }

  /** Keeps a record; returns the seq of its event. */
  record(bytes: Uint8Array, form: "json" | "bytes", meta: SinkMeta): number {
    this.#time = meta.time ?? this.#time;
    this.#layout.record();
    this.records += 1;
    if (meta.type === "reach.unparsed") this.unparsed += 1;
    else if (meta.type === "reach.fragment") this.fragments += 1;
    const { kind, type, ref } = meta;
    const seq = this.#writer.append({ time: this.#time, kind, type, ref }, form, bytes);
    return seq;
  }

  /** Keeps separator bytes. */
  gap(bytes: Uint8Array): void {
    this.#layout.gap(bytes);
  }

  /** Takes note of something a person should hear of. */
  problem(problem: NotedProblem): void {
    this.problemCount += 1;
    if (this.problems.length < problemsKept) this.problems.push(problem);
  }

  /**
   * Writes the layout so far as a note where it has become long; between two pieces of a source.
   */
  spill(): void {
    if (this.#layout.bytes < limits.layoutBytesMax) return;
    this.#note(layoutNoteType, { version: 1, runs: this.#layout.takeRuns() });
  }

  /** Ends the import with its note. */
  finish(source: ImportedSource, resume: ResumeAt | null): void {
    const note: ImportNote = {
      version: 1,
      ...source,
      records: this.records,
      resume,
      problemCount: this.problemCount,
      problems: this.problems.slice(0, problemsNoted),
      runs: this.#layout.takeRuns(),
      tail: this.#layout.takeTail(),
    };
    this.#note(importNoteType, note);
  }

  #note(type: string, data: unknown): void {
    const header = { time: this.#time, kind: "note", type, ref: null } as const;
    this.#writer.append(header, "cbor", encodeValue(data));
  }
}
