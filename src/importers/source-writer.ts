/**
 * The way from a scanner to the sink: counts bytes, so that every problem has its place, and keeps
 * the limits. A gap or a record that is too long goes on as fragments, the same ones however the
 * source was cut into chunks.
 */
import type { Buffer } from "node:buffer";
import { assert, limits } from "../base/index.ts";
import { Assembly } from "./assembly.ts";
import type { ReaderOptions, RecordMeta, RecordSink } from "./importer.ts";

/** The limits that a scanner keeps, in bytes; tests use small ones. */
export interface ScanSizes {
  /** A longer record is not parsed and kept in fragments. */
  readonly recordBytesMax: number;
  readonly fragmentBytes: number;
  /** What a gap has beyond this is kept in fragments. */
  readonly gapBytesMax: number;
}

/** Types of events that hold bytes which no format has read. */
export const rawTypes = {
  /** A piece of a record, or of a gap, that is too large. */
  fragment: "reach.fragment",
  /** What is no JSON, or no UTF-8, or stands behind an error in a document. */
  unparsed: "reach.unparsed",
} as const;

/** A type of event for bytes that were not read. */
export type RawType = (typeof rawTypes)[keyof typeof rawTypes];

/** Hands the parts of one source to its sink, in order. */
export class SourceWriter {
  readonly sizes: ScanSizes;
  /** Bytes handed on so far: the place of the next one in the source. */
  offset: number;
  /** The seq of the next record. */
  seq: number;
  #sink: RecordSink | undefined;
  #gapBytes = 0;
  readonly #piece = new Assembly();
  #pieceType: RawType | undefined;

  constructor(options: ReaderOptions, sizes: ScanSizes = limits) {
    this.sizes = sizes;
    this.offset = options.firstOffset ?? 0;
    this.seq = options.firstSeq ?? 0;
  }

  /** The sink of the calls that follow. */
  attach(sink: RecordSink): void {
    this.#sink = sink;
  }

  /** A whole record. */
  record(bytes: Uint8Array, form: "json" | "bytes", meta: RecordMeta): number {
    if (this.#pieceType !== undefined) this.endPieces();
    this.#gapBytes = 0;
    const seq = this.#target.record(bytes, form, meta);
    this.offset += bytes.length;
    this.seq = seq + 1;
    return seq;
  }

  /** Bytes that no format has read, as one record. */
  raw(bytes: Uint8Array, type: RawType): number {
    return this.record(bytes, "bytes", { time: null, kind: "emit", type, ref: null });
  }

  /** Bytes between records. */
  gap(bytes: Buffer): void {
    if (bytes.length === 0) return;
    const room = this.sizes.gapBytesMax - this.#gapBytes;
    this.#gapBytes += bytes.length;
    if (bytes.length <= room) {
      this.#target.gap(bytes);
      this.offset += bytes.length;
      return;
    }
    if (this.#pieceType === undefined) {
      if (room > 0) this.#target.gap(bytes.subarray(0, room));
      this.offset += Math.max(room, 0);
      const message = `more than ${this.sizes.gapBytesMax} bytes between two records: `;
      this.problem(null, this.offset, `${message}the rest of them is kept in fragments`);
      this.beginPieces(rawTypes.fragment);
    }
    this.piece(room > 0 ? bytes.subarray(room) : bytes);
  }

  /** Begins a run of records of equal size, the last one smaller, that hold what `piece` gets. */
  beginPieces(type: RawType): void {
    if (this.#pieceType !== undefined) this.endPieces();
    this.#pieceType = type;
  }

  /** More bytes of the run. */
  piece(bytes: Buffer): void {
    const { fragmentBytes } = this.sizes;
    this.offset += bytes.length;
    let start = 0;
    while (start < bytes.length) {
      const end = Math.min(bytes.length, start + fragmentBytes - this.#piece.length);
      if (end - start === fragmentBytes) this.#emit(bytes.subarray(start, end));
      else {
        this.#piece.append(bytes, start, end);
        if (this.#piece.length === fragmentBytes) this.#emitHeld();
      }
      start = end;
    }
  }

  /** Ends the run that `beginPieces` began. */
  endPieces(): void {
    if (this.#piece.length > 0) this.#emitHeld();
    this.#pieceType = undefined;
    this.#gapBytes = 0;
  }

  /** Ends what is open: the source is complete. */
  end(): void {
    if (this.#pieceType !== undefined) this.endPieces();
  }

  problem(line: number | null, offset: number, message: string): void {
    this.#target.problem({ line, offset, message });
  }

  #emitHeld(): void {
    this.#emit(this.#piece.bytes);
    this.#piece.clear();
  }

  #emit(bytes: Buffer): void {
    const type = this.#pieceType;
    assert(type !== undefined, "pieces are written between begin and end");
    const meta: RecordMeta = { time: null, kind: "emit", type, ref: null };
    this.seq = this.#target.record(bytes, "bytes", meta) + 1;
  }

  get #target(): RecordSink {
    assert(this.#sink !== undefined, "a sink is attached before anything is written");
    return this.#sink;
  }
}
