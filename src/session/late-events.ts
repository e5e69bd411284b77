/**
 * Events of an import that are appended a little later, because another thread cuts and hashes
 * their payloads meanwhile: those from a piece of the source in shared memory, and whatever comes
 * behind them. Where nothing is shared, events are appended at once.
 */
import { assert, limits } from "../base/index.ts";
import type { BlobCut } from "../blobs/index.ts";
import type { EventHeader, PayloadForm } from "../event/index.ts";
import type { BulkWriter } from "./bulk-writer.ts";

interface LateEvent {
  readonly header: Omit<EventHeader, "seq">;
  readonly form: PayloadForm;
  readonly bytes: Uint8Array;
  /** Whether the other thread is to cut them. */
  readonly large: boolean;
}

/** Appends to a session in the order of the calls. */
export class LateEvents {
  readonly #writer: BulkWriter;
  /** Those of pieces that the other thread has, the oldest piece first. */
  readonly #pieces: LateEvent[][] = [];
  /** Those of the piece that is being read. */
  #reading: LateEvent[] = [];
  /** How many they all are. */
  #waiting = 0;

  constructor(writer: BulkWriter) {
    this.#writer = writer;
  }

  /** Seq that the next event gets. */
  get nextSeq(): number {
    return this.#writer.nextSeq + this.#waiting;
  }

  /** Appends an event, now or later; returns its seq. */
  append(header: Omit<EventHeader, "seq">, form: PayloadForm, bytes: Uint8Array): number {
    const shared = bytes.buffer instanceof SharedArrayBuffer;
    if (!shared && this.#waiting === 0) return this.#writer.append(header, form, bytes);
    const seq = this.nextSeq;
    const large = shared && bytes.length > limits.payloadInlineBytesMax;
    const kept = shared ? bytes : new Uint8Array(bytes);
    this.#reading.push({ header, form, bytes: kept, large });
    this.#waiting += 1;
    return seq;
  }

  /** See `ImportSink.endPiece`. */
  endPiece(): number[] | undefined {
    if (this.#reading.length === 0) return undefined;
    const spans: number[] = [];
    for (const { bytes, large } of this.#reading) {
      if (large) spans.push(bytes.byteOffset, bytes.byteOffset + bytes.length);
    }
    this.#pieces.push(this.#reading);
    this.#reading = [];
    return spans;
  }

  /** See `ImportSink.place`. */
  place(cuts: readonly BlobCut[]): void {
    const events = this.#pieces.shift();
    assert(events !== undefined, "a piece waits for its cuts");
    this.#appendAll(events, cuts);
  }

  /** Appends what came behind the last piece; none waits any more. */
  flush(): void {
    assert(this.#pieces.length === 0, "all pieces have been placed");
    const events = this.#reading;
    this.#reading = [];
    this.#appendAll(events, []);
  }

  #appendAll(events: readonly LateEvent[], cuts: readonly BlobCut[]): void {
    let next = 0;
    for (const { header, form, bytes, large } of events) {
      this.#writer.append(header, form, bytes, large ? cuts[next++] : undefined);
    }
    this.#waiting -= events.length;
  }
}
