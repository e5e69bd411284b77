/**
 * Walks an event log from its beginning and does not stop at damage: what cannot be read is
 * reported as a range, and the walk goes on at the next batch that is valid at its place (position
 * and session are part of a batch's CRC). For verifying and for garbage collection; readers stop.
 */
import { limits, noBytes } from "../base/index.ts";
import type { DiskFile } from "../disk/index.ts";
import { type Batch, batchHeaderBytes, batchSize, readBatch } from "../event/index.ts";
import { eventLogStart } from "../log/index.ts";

const overlapBytes = batchHeaderBytes - 1;

/** Bytes of a log that are no valid batch. */
export interface LogDamage {
  readonly offset: number;
  readonly end: number;
  /** Seq of the first event that is missing for it. */
  readonly seq: number;
  /** Seq of the next event that can be read; `undefined` when nothing valid follows. */
  readonly nextSeq: number | undefined;
  readonly how: "is cut off" | "is not valid" | "is out of order";
}

/** A batch, or damage where there should be one. */
export type LogPiece = { readonly batch: Batch } | { readonly damage: LogDamage };

/** One walk through a log, from its header to `end`. */
export class LogScan {
  readonly #file: DiskFile;
  readonly #identity: Uint8Array;
  readonly #end: number;
  readonly #memory: () => Uint8Array;
  #window: Uint8Array = noBytes;
  #windowStart = 0;
  #offset = eventLogStart;
  #seq = 0;

  /**
   * `identity` is the 16 bytes of the session id; bytes from `end` on are not looked at. `memory`
   * is asked where to read each window to, with room for any batch; by default always to the same.
   */
  constructor(file: DiskFile, identity: Uint8Array, end: number, memory?: () => Uint8Array) {
    this.#file = file;
    this.#identity = identity;
    this.#end = end;
    this.#memory = memory ?? ownMemory(end);
  }

  /** The next piece, or `undefined` at the end. A batch is valid until the next call. */
  next(): LogPiece | undefined {
    if (this.#offset >= this.#end) return undefined;
    const batch = this.#batchAt(this.#offset);
    if (typeof batch === "string") {
      return this.#damaged(batch === "short" ? "is cut off" : "is not valid", this.#offset + 1);
    }
    if (batch.firstSeq < this.#seq) {
      return this.#damaged("is out of order", this.#offset + this.#sizeOf(batch));
    }
    if (batch.firstSeq > this.#seq) return this.#gap(batch);
    this.#offset += this.#sizeOf(batch);
    this.#seq += batch.count;
    return { batch };
  }

  /** Bytes of the file from `offset` to `end`, at most `readWindowBytes`. */
  read(offset: number, end: number): Uint8Array {
    const bytes = new Uint8Array(Math.min(limits.readWindowBytes, end - offset));
    return bytes.subarray(0, this.#file.read(bytes, offset));
  }

  /** Events are missing before a batch that is valid. */
  #gap(batch: Batch): LogPiece {
    const offset = this.#offset;
    const seq = this.#seq;
    this.#seq = batch.firstSeq;
    return {
      damage: { offset, end: offset, seq, nextSeq: batch.firstSeq, how: "is out of order" },
    };
  }

  #damaged(how: LogDamage["how"], searchFrom: number): LogPiece {
    const offset = this.#offset;
    const seq = this.#seq;
    const batch = this.#validFrom(searchFrom);
    this.#offset = batch?.fileOffset ?? this.#end;
    this.#seq = batch?.firstSeq ?? seq;
    return { damage: { offset, end: this.#offset, seq, nextSeq: batch?.firstSeq, how } };
  }

  /** The first batch at or behind `start` that is valid there and does not repeat events. */
  #validFrom(start: number): Batch | undefined {
    for (let from = start; from + batchHeaderBytes <= this.#end; ) {
      const bytes = this.read(from, this.#end);
      for (let at = 0; at + batchHeaderBytes <= bytes.length; at++) {
        if (bytes[at] !== 0x52 || typeof batchSize(bytes, at) === "string") continue;
        const batch = this.#batchAt(from + at);
        if (typeof batch !== "string" && batch.firstSeq >= this.#seq) return batch;
      }
      if (bytes.length <= overlapBytes) return undefined;
      from += bytes.length - overlapBytes;
    }
    return undefined;
  }

  #batchAt(offset: number): Batch | "short" | "invalid" {
    const at = offset - this.#windowStart;
    const inside = at >= 0 && at < this.#window.length;
    const batch = inside ? readBatch(this.#window, at, this.#identity, offset) : "short";
    if (batch !== "short") return batch;
    const memory = this.#memory();
    const window = memory.subarray(0, Math.min(memory.length, this.#end - offset));
    this.#window = window.subarray(0, this.#file.read(window, offset));
    this.#windowStart = offset;
    return readBatch(this.#window, 0, this.#identity, offset);
  }

  #sizeOf(batch: Batch): number {
    return batchHeaderBytes + batch.end - batch.bodyStart;
  }
}

/** The same memory each time; less for a log that ends before a window is full. */
function ownMemory(end: number): () => Uint8Array {
  const memory = new Uint8Array(Math.min(limits.readWindowBytes, Math.max(end, 1)));
  return () => memory;
}
