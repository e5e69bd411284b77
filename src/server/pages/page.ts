/**
 * A page: events of a session in a row, bounded in number and in bytes. It is planned from the log
 * before anything is sent, so that headers can say where to go on; its body is made while it is
 * sent, in pieces, as fast as they are taken.
 */
import { limits } from "../../base/index.ts";
import { BatchWalk, type EventKind, EventView } from "../../event/index.ts";
import type { SessionReader } from "../../session/index.ts";
import { JsonWriter, type PayloadChoice } from "./json-writer.ts";

/** Which events a page holds. */
export interface PageRequest {
  /** Seq of the first event. */
  readonly from: number;
  /** Seq behind the last one that may be in it. */
  readonly to: number;
  readonly limit: number;
  readonly payload: PayloadChoice;
  /** Only events of these kinds. */
  readonly kinds?: ReadonlySet<EventKind> | undefined;
  /** Only events whose type this accepts. */
  readonly type?: ((type: string) => boolean) | undefined;
}

/** A page before it is sent. */
export interface Page {
  /** The events' own bytes, views of what was read. */
  readonly events: readonly Uint8Array[];
  /** Bytes of the events. */
  readonly bytes: number;
  /** Seq at which the next page begins. */
  readonly next: number;
}

/** Bytes of log that one page looks through for events that a filter lets pass. */
const scanBytesMax = 16 * 1024 * 1024;
/** A long body of CBOR is sent in pieces of about this size. */
const pieceBytes = 128 * 1024;
/** A body up to this size is one piece: what was read of the log is free at once. */
const wholeBytesMax = 1024 * 1024;

/** Finds the events of a page. It may end early: `next` says where to go on. */
export function planPage(reader: SessionReader, request: PageRequest): Page {
  const { from, to, limit, kinds, type } = request;
  const filtered = kinds !== undefined || type !== undefined;
  const events: Uint8Array[] = [];
  const inline = request.payload === "inline";
  let bytes = 0;
  let weight = 0;
  let scanned = 0;
  let next = Math.min(from, to);
  if (from >= to || limit === 0) return { events, bytes, next };
  for (const batch of reader.batches(from, to)) {
    for (const walk = new BatchWalk(batch); walk.next(); ) {
      if (walk.seq < from) continue;
      if (walk.seq >= to) return { events, bytes, next };
      const event = walk.event();
      const more = inline ? weightOf(event) : event.length;
      if (!filtered || passes(event, kinds, type)) {
        if (events.length > 0 && weight + more > limits.pageBytesMax)
          return { events, bytes, next };
        // What a filter lets pass is copied: a few events must not hold windows of the log.
        events.push(filtered ? event.slice() : event);
        bytes += event.length;
        weight += more;
      }
      next = walk.seq + 1;
      if (events.length >= limit) return { events, bytes, next };
    }
    scanned += batch.end - batch.bodyStart;
    if (scanned > scanBytesMax && filtered) break;
  }
  return { events, bytes, next };
}

/** Bytes of an event with its payload. */
function weightOf(bytes: Uint8Array): number {
  const { payload } = new EventView(bytes);
  return bytes.length + (payload.form === "blob" ? payload.ref.size : 0);
}

function passes(
  bytes: Uint8Array,
  kinds: ReadonlySet<EventKind> | undefined,
  type: ((type: string) => boolean) | undefined,
): boolean {
  const event = new EventView(bytes);
  return (!kinds || kinds.has(event.kind)) && (!type || type(event.type));
}

/**
 * What fetches payloads for a page: nothing once the page has as many bytes of them as it may, so
 * that the rest comes by reference. The same page gives the same bytes each time.
 */
export function payloadBudget(
  reader: SessionReader,
): (sha256: Uint8Array, size: number) => Uint8Array | undefined {
  let left: number = limits.pageBytesMax;
  return (sha256, size) => {
    if (size > left) return undefined;
    left -= size;
    return reader.blobs.get(sha256);
  };
}

/** The body of a page as JSON text: `before`, the events with `between`, `after`. */
export function* jsonPieces(
  reader: SessionReader,
  { events }: Page,
  payload: PayloadChoice,
  text: { readonly before: string; readonly between: string; readonly after: string },
): Generator<Buffer> {
  const writer = new JsonWriter();
  const fetch = payloadBudget(reader);
  writer.raw(text.before);
  let first = true;
  for (const bytes of events) {
    if (!first) writer.raw(text.between);
    first = false;
    writer.event(new EventView(bytes, reader.blobs), payload, fetch);
    if (writer.size >= wholeBytesMax) yield writer.take();
  }
  writer.raw(text.after);
  yield writer.take();
}

/** The head of a CBOR array (RFC 8949, 3). */
function arrayHead(count: number): Buffer {
  if (count < 24) return Buffer.from([0x80 + count]);
  if (count < 0x100) return Buffer.from([0x98, count]);
  return Buffer.from([0x99, count >>> 8, count & 0xff]);
}

/** Bytes of the body of a page as CBOR. */
export function cborBytes({ events, bytes }: Page, framing: "array" | "sequence"): number {
  return bytes + (framing === "array" ? arrayHead(events.length).length : 0);
}

/**
 * The body of a page as CBOR: the events' stored bytes, one behind the other, as an array or as a
 * sequence (RFC 8742).
 */
export function* cborPieces(page: Page, framing: "array" | "sequence"): Generator<Buffer> {
  let left = cborBytes(page, framing);
  const full = left <= wholeBytesMax ? left : pieceBytes;
  let piece = Buffer.allocUnsafeSlow(Math.min(left, full + limits.eventBytesMax));
  let at = 0;
  if (framing === "array") {
    const head = arrayHead(page.events.length);
    piece.set(head);
    at = head.length;
  }
  for (const event of page.events) {
    piece.set(event, at);
    at += event.length;
    if (at < full) continue;
    yield piece.subarray(0, at);
    left -= at;
    piece = Buffer.allocUnsafeSlow(Math.min(left, pieceBytes + limits.eventBytesMax));
    at = 0;
  }
  if (at > 0) yield piece.subarray(0, at);
}
