/**
 * Where an importer puts its records: each becomes one event, what stands between them the layout.
 * The note that ends an import says where the source ended and how to read on from there.
 */
import { encodeValue, limits } from "../base/index.ts";
import type { BlobCut } from "../blobs/index.ts";
import type { EventKind } from "../event/index.ts";
import type { BulkWriter } from "./bulk-writer.ts";
import { LateEvents } from "./late-events.ts";
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
  readonly #events: LateEvents;
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
    this.#events = new LateEvents(writer);
    this.#time = time;
  }

  /**
   * Keeps a record; returns the seq of its event. Bytes in shared memory are looked at once more,
   * when `place` is called for the piece of the source that they lie in; others are copied.
   */
  record(bytes: Uint8Array, form: "json" | "bytes", meta: SinkMeta): number {
    this.#time = meta.time ?? this.#time;
    this.#layout.record();
    this.records += 1;
    if (meta.type === "reach.unparsed") this.unparsed += 1;
    else if (meta.type === "reach.fragment") this.fragments += 1;
    const { kind, type, ref } = meta;
    return this.#events.append({ time: this.#time, kind, type, ref }, form, bytes);
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
   * A piece of the source has been read: where in its memory payloads lie that are to be cut, each
   * its start and its end. `place` is to be called with what they come to, also if they are none;
   * `undefined` if nothing waits for that.
   */
  endPiece(): number[] | undefined {
    return this.#events.endPiece();
  }

  /** Appends the records of the oldest piece that waits. Nobody looks at its memory afterwards. */
  place(cuts: readonly BlobCut[]): void {
    this.#events.place(cuts);
  }

  /**
   * Writes the layout so far as a note where it has become long; between two pieces of a source.
   */
  spill(): void {
    if (this.#layout.bytes < limits.layoutBytesMax) return;
    this.#note(layoutNoteType, { version: 1, runs: this.#layout.takeRuns() });
  }

  /** Seq of the next event. */
  get nextSeq(): number {
    return this.#events.nextSeq;
  }

  /** Ends the import with its note. No piece waits any more. */
  finish(source: ImportedSource, resume: ResumeAt | null): void {
    this.#events.flush();
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
    this.#events.append(header, "cbor", encodeValue(data));
  }
}
