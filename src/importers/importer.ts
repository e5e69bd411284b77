/**
 * What an importer is: a format that recognises itself by content, and a reader that is fed the
 * bytes of a source and hands records and gaps to a sink. The bytes of all records and gaps, in the
 * order of the calls, are the source again: that is what makes an import lossless.
 */
import type { EventKind } from "../event/index.ts";

/** What is known of a record besides its bytes. */
export interface RecordMeta {
  /** Milliseconds since the Unix epoch; `null` when the record has no time of its own. */
  readonly time: number | null;
  readonly kind: EventKind;
  /** At most 256 bytes of UTF-8, well-formed. */
  readonly type: string;
  /** The seq of the call that this record answers, if that is known. */
  readonly ref: number | null;
}

/** Something about a source that a person should hear of; the bytes concerned are kept. */
export interface ImportProblem {
  /** Counted from 1; `null` in JSON documents, where lines mean nothing. */
  readonly line: number | null;
  /** Bytes from the start of the source. */
  readonly offset: number;
  readonly message: string;
}

/** Where records go. Calls come in the order of the source. */
export interface RecordSink {
  /**
   * Keeps a record and returns its seq. The bytes are valid only during the call, except that
   * those of a piece which lies in shared memory stay there until whoever feeds it is done with it.
   */
  record(bytes: Uint8Array, form: "json" | "bytes", meta: RecordMeta): number;
  /** Keeps separator bytes, valid only during the call; gaps that follow each other are one. */
  gap(bytes: Uint8Array): void;
  problem(problem: ImportProblem): void;
}

/** Where a reader of a longer version of the same source can start. */
export interface ResumePoint {
  /** Bytes from the start of the source. */
  readonly offset: number;
  /** The number of the line there, counted from 1. */
  readonly line: number;
  /** The seq that the first record from there on had, or will have. */
  readonly seq: number;
}

/** Reads one source, fed in order, in pieces of any size. Memory is bounded whatever comes. */
export interface SourceReader {
  push(chunk: Uint8Array, sink: RecordSink): void;
  /**
   * The source is complete. Throws `USAGE` when `--path` led to no array; what was handed to the
   * sink is then to be thrown away.
   */
  end(sink: RecordSink): void;
  /**
   * Where a longer version of the source is read on: at the end of what was read, unless a line
   * was begun there that may go on; then at the start of that line, whose records come again. A
   * line that no newline ends, but that holds one whole object or array, does not come again.
   * `undefined`, or no such method: the layout is that of a document, which nothing continues.
   * Can be asked before `end` and after it.
   */
  resumable?(): ResumePoint | undefined;
  /**
   * Line formats only: tells a reader that starts in the middle of a source what earlier records
   * said: all those of the kinds that its format recalls, in order. `value` is the parsed record.
   */
  recall?(value: unknown, seq: number): void;
}

/** Reads a folder that holds one record per file; files are fed in order. */
export interface FileReader {
  /** One whole file: one record, with nothing between it and the next. */
  file(bytes: Uint8Array, sink: RecordSink): void;
}

/** How to read; everything but `path` is for going on in the middle of an append-only source. */
export interface ReaderOptions {
  /** `--path` of a JSON document: the array whose elements are the records. */
  readonly path?: string;
  /** The seq that the sink gives to the next record. Default 0. */
  readonly firstSeq?: number;
  /** The number of the first line. Default 1. */
  readonly firstLine?: number;
  /** The place of the first byte in the source. Default 0. */
  readonly firstOffset?: number;
}

/** One format of transcripts. */
export interface Format {
  /** What `--format` takes. */
  readonly name: string;
  /** A longer version of a source continues its session. */
  readonly appendOnly: boolean;
  /**
   * Kinds of records on which it depends how later ones are read: they open calls, or move a
   * clock. A reader that goes on is told of them again.
   */
  readonly recalls: readonly EventKind[];
  /** How much the first bytes of a source look like this format: 0 (not) to 1 (certainly). */
  sniff(head: Uint8Array, fileName: string): number;
  /** A reader for one source; throws `USAGE` for a `path` that is malformed or has no use here. */
  reader(options: ReaderOptions): SourceReader;
  /** For formats that keep one record per file in a folder. */
  fileReader?(options: ReaderOptions): FileReader;
}
