/**
 * The batch: the events that one append writes, as one frame of an event log.
 *
 *   offset  0  u32  magic "RBT1"
 *           4  u32  bytes of the body
 *           8  u32  CRC-32 of session id, file offset, header from 12 on, body
 *          12  u16  events            14  u16  flags, 0 in version 1
 *          16  u64  seq of the first event
 *          24  u64  producer id (hash), 0 for none
 *          32  u64  producer epoch    40  u64  producer sequence
 *          48  body: events x (u16 length, 0x00, event bytes)
 *
 * The zero byte in front of each event makes it the preimage of its Merkle leaf in place, so that
 * hashing a stored event copies nothing. Session and offset are part of the CRC: a frame that was
 * written to the wrong place, or copied from another session, is not valid there.
 */
import {
  assert,
  crc32,
  limits,
  ReachError,
  readU16,
  readU32,
  readU64,
  writeU16,
  writeU32,
  writeU64,
} from "../base/index.ts";
import { type EventHeader, eventBytesBound, writeEvent, writeEventFront } from "./event.ts";
import { HeadReader } from "./head.ts";
import { inlineOverhead, type PayloadForm, writeInline } from "./payload.ts";

const magic = 0x31544252;
/** Bytes in front of the body of a batch. */
export const batchHeaderBytes = 48;
/** Bytes that a batch adds to each event: length and the leaf prefix. */
export const eventFramingBytes = 3;

/** Who appended a batch, for exactly-once appends; all 0 where nobody asked for it. */
export interface Producer {
  readonly id: number;
  readonly epoch: number;
  readonly sequence: number;
}

const noProducer: Producer = { id: 0, epoch: 0, sequence: 0 };

/** Seed of the CRC of a frame at `offset` of the file that `identity` names. */
export function positionCrc(identity: Uint8Array, offset: number): number {
  const position = new Uint8Array(8);
  writeU64(position, 0, offset);
  return crc32(position, crc32(identity));
}

function tooLarge(seq: number, dataBytes: number): ReachError {
  return new ReachError("EVENT_TOO_LARGE", `event ${seq} has ${dataBytes} bytes of data`, {
    hint: `an event has at most ${limits.eventBytesMax} bytes: larger data belongs into a blob`,
  });
}

/** Collects events into the bytes of one batch. */
export class BatchBuilder {
  #bytes = new Uint8Array(1024);
  #size = batchHeaderBytes;
  #count = 0;
  #firstSeq = 0;

  get count(): number {
    return this.#count;
  }

  /** Bytes of the batch so far, header included. */
  get size(): number {
    return this.#size;
  }

  /** Whether an event with `dataBytes` of data still fits a batch. */
  fits(dataBytes: number): boolean {
    if (this.#count === 0) return true;
    if (this.#count >= limits.batchEventsMax) return false;
    const bound = this.#size + eventFramingBytes + eventBytesBound(dataBytes);
    return bound <= limits.batchBytesMax;
  }

  /**
   * Adds one event. Throws `EVENT_INVALID` or `EVENT_TOO_LARGE`, after which the batch is
   * unchanged.
   */
  add(header: EventHeader, salt: Uint8Array, data: Uint8Array): void {
    const start = this.#begin(header.seq, data.length);
    this.#end(header.seq, writeEvent(this.#bytes, start, header, salt, data), data.length);
  }

  /** Adds one event with an inline payload, which is encoded where it will lie; as `add`. */
  addInline(header: EventHeader, salt: Uint8Array, form: PayloadForm, payload: Uint8Array): void {
    const dataBytes = inlineOverhead(form, payload.length) + payload.length;
    assert(dataBytes > 0, "the data of an event is encoded");
    const start = this.#begin(header.seq, dataBytes);
    const at = writeEventFront(this.#bytes, start, header, salt);
    this.#end(header.seq, writeInline(this.#bytes, at, form, payload), dataBytes);
  }

  /** Makes room for the next event; returns where its bytes begin. */
  #begin(seq: number, dataBytes: number): number {
    assert(this.fits(dataBytes), "an event is added to a batch with room for it");
    assert(
      this.#count === 0 || seq === this.#firstSeq + this.#count,
      "the events of a batch have consecutive seqs",
    );
    if (dataBytes > limits.eventBytesMax) throw tooLarge(seq, dataBytes);
    this.#reserve(eventFramingBytes + eventBytesBound(dataBytes));
    return this.#size + eventFramingBytes;
  }

  /** The event is there, and ends at `end`. */
  #end(seq: number, end: number, dataBytes: number): void {
    const start = this.#size + eventFramingBytes;
    if (end - start > limits.eventBytesMax) throw tooLarge(seq, dataBytes);
    writeU16(this.#bytes, this.#size, end - start);
    this.#bytes[start - 1] = 0;
    if (this.#count === 0) this.#firstSeq = seq;
    this.#count += 1;
    this.#size = end;
  }

  /** Adds an event that has been encoded before; `seq` is the one that its bytes say. */
  addEncoded(event: Uint8Array, seq: number): void {
    assert(this.fits(event.length), "an event is added to a batch with room for it");
    assert(
      this.#count === 0 || seq === this.#firstSeq + this.#count,
      "the events of a batch have consecutive seqs",
    );
    assert(event.length <= limits.eventBytesMax, "an event is within its limit");
    this.#reserve(eventFramingBytes + event.length);
    const start = this.#size + eventFramingBytes;
    writeU16(this.#bytes, this.#size, event.length);
    this.#bytes[start - 1] = 0;
    this.#bytes.set(event, start);
    if (this.#count === 0) this.#firstSeq = seq;
    this.#count += 1;
    this.#size = start + event.length;
  }

  /** The bytes of the batch, but for the CRC that `sealBatch` adds; the builder is empty again. */
  finish(producer: Producer = noProducer): Uint8Array {
    assert(this.#count > 0, "a batch holds at least one event");
    const bytes = this.#bytes.slice(0, this.#size);
    writeU32(bytes, 0, magic);
    writeU32(bytes, 4, this.#size - batchHeaderBytes);
    writeU16(bytes, 12, this.#count);
    writeU16(bytes, 14, 0);
    writeU64(bytes, 16, this.#firstSeq);
    writeU64(bytes, 24, producer.id);
    writeU64(bytes, 32, producer.epoch);
    writeU64(bytes, 40, producer.sequence);
    this.clear();
    return bytes;
  }

  /** Forgets what has been added. */
  clear(): void {
    this.#size = batchHeaderBytes;
    this.#count = 0;
  }

  #reserve(room: number): void {
    if (this.#size + room <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(2 * this.#bytes.length, this.#size + room));
    grown.set(this.#bytes.subarray(0, this.#size));
    this.#bytes = grown;
  }
}

/** Completes a finished batch for its place: `offset` in the event log of session `identity`. */
export function sealBatch(batch: Uint8Array, identity: Uint8Array, offset: number): void {
  writeU32(batch, 8, crc32(batch.subarray(12), positionCrc(identity, offset)));
}

/** A batch in a buffer: where its events lie. */
export interface Batch {
  /** The buffer that holds it. */
  readonly bytes: Uint8Array;
  /** Offsets in `bytes` of the first event's framing and of the end. */
  readonly bodyStart: number;
  readonly end: number;
  readonly firstSeq: number;
  readonly count: number;
  /** Offset of the batch in its event log. */
  readonly fileOffset: number;
}

/** Why there is no batch at a place: `short`, more bytes may follow; `invalid`, none would help. */
export type BatchProblem = "short" | "invalid";

/**
 * Bytes of the whole batch whose header starts at `at`, or why there is none. Only the header has
 * been looked at, and not its CRC.
 */
export function batchSize(bytes: Uint8Array, at: number): number | BatchProblem {
  if (at + batchHeaderBytes > bytes.length) return "short";
  if (readU32(bytes, at) !== magic) return "invalid";
  const body = readU32(bytes, at + 4);
  const count = readU16(bytes, at + 12);
  if (body > limits.batchBytesMax + limits.eventBytesMax) return "invalid";
  if (count === 0 || count > limits.batchEventsMax || body < count * eventFramingBytes) {
    return "invalid";
  }
  if (readU16(bytes, at + 14) !== 0) return "invalid";
  return batchHeaderBytes + body;
}

/**
 * Whether the events of a body fill it exactly, each as the preimage of a leaf (any other prefix
 * than 0x00 would let a node of the tree pass for an event) and with the seq of its place.
 */
function bodyHolds(
  bytes: Uint8Array,
  start: number,
  end: number,
  firstSeq: number,
  count: number,
): boolean {
  const head = new HeadReader(bytes, 0);
  let next = start;
  for (let i = 0; i < count; i++) {
    const event = next + eventFramingBytes;
    if (event >= end || bytes[event - 1] !== 0) return false;
    head.position = event + 1;
    if (head.argument(0) !== firstSeq + i) return false;
    next = event + readU16(bytes, next);
  }
  return next === end;
}

/**
 * The batch at `at` of `bytes`, which is at `fileOffset` of the event log of session `identity`.
 * Its CRC is checked, that its events fill it exactly, and that each has the seq of its place.
 */
export function readBatch(
  bytes: Uint8Array,
  at: number,
  identity: Uint8Array,
  fileOffset: number,
): Batch | BatchProblem {
  const size = batchSize(bytes, at);
  if (typeof size === "string") return size;
  const end = at + size;
  if (end > bytes.length) return "short";
  const crc = crc32(bytes.subarray(at + 12, end), positionCrc(identity, fileOffset));
  if (crc !== readU32(bytes, at + 8)) return "invalid";
  const count = readU16(bytes, at + 12);
  const firstSeq = readU64(bytes, at + 16);
  const bodyStart = at + batchHeaderBytes;
  if (!bodyHolds(bytes, bodyStart, end, firstSeq, count)) return "invalid";
  return { bytes, bodyStart, end, firstSeq, count, fileOffset };
}

/** The producer that a batch header at `at` names. */
export function batchProducer(bytes: Uint8Array, at: number): Producer {
  return {
    id: readU64(bytes, at + 24),
    epoch: readU64(bytes, at + 32),
    sequence: readU64(bytes, at + 40),
  };
}

/**
 * Walks the events of a batch without allocating an iterator result per event:
 * `for (const walk = new BatchWalk(batch); walk.next(); ) hash(walk.preimage());`
 */
export class BatchWalk {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #start: number;
  #next: number;
  /** Seq of the current event. */
  seq: number;

  constructor(batch: Batch) {
    this.#bytes = batch.bytes;
    this.#end = batch.end;
    this.#start = batch.bodyStart;
    this.#next = batch.bodyStart;
    this.seq = batch.firstSeq - 1;
  }

  /** Moves to the next event; `false` behind the last one. */
  next(): boolean {
    if (this.#next >= this.#end) return false;
    this.#start = this.#next;
    this.#next = this.#start + eventFramingBytes + readU16(this.#bytes, this.#start);
    this.seq += 1;
    return true;
  }

  /** Where the bytes of the current event begin in those of the batch ... */
  get start(): number {
    return this.#start + eventFramingBytes;
  }

  /** ... and where they end. */
  get end(): number {
    return this.#next;
  }

  /** Leaf preimage of the current event: `0x00` and its bytes. */
  preimage(): Uint8Array {
    return this.#bytes.subarray(this.#start + eventFramingBytes - 1, this.#next);
  }

  /** Bytes of the current event. */
  event(): Uint8Array {
    return this.#bytes.subarray(this.#start + eventFramingBytes, this.#next);
  }
}
