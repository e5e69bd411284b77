/**
 * The event: one immutable record of a session, as exact bytes.
 *
 *   event bytes = CBOR array [seq, time, kind, type, ref, salt, data]
 *
 * Encoded once; from then on these bytes are what is hashed, stored, sent and verified. The header
 * is written and read by hand, `data` is decoded only when somebody looks at it.
 */
import {
  assert,
  concat,
  equalBytes,
  limits,
  messageOf,
  ReachError,
  repeatedText,
  sha256,
  utf8,
  writeU64,
} from "../base/index.ts";
import { HeadReader, writeHead } from "./head.ts";
import {
  fetchBlob,
  inlineFault,
  type Payload,
  type PayloadSource,
  payloadOf,
  valueOf,
} from "./payload.ts";

/** What an event is to a session; the position is the number on disk and never changes. */
export const eventKinds = [
  "trigger",
  "input",
  "call",
  "result",
  "timer",
  "cancel",
  "emit",
  "step",
  "note",
  "fork",
  "end",
] as const;

/** One of `eventKinds`. */
export type EventKind = (typeof eventKinds)[number];

/** Everything of an event but its salt and data. */
export interface EventHeader {
  /** 0, 1, 2, ... without gaps. */
  readonly seq: number;
  /** Milliseconds since the Unix epoch, as recorded: may go back, never used for ordering. */
  readonly time: number;
  readonly kind: EventKind;
  /** The user's word for it, at most 256 bytes of UTF-8. */
  readonly type: string;
  /** The seq this one answers or follows from. */
  readonly ref: number | null;
}

const kindNumbers: ReadonlyMap<EventKind, number> = new Map(
  eventKinds.map((kind, number) => [kind, number]),
);
const headerBytesMax = 1 + 9 + 9 + 1 + 3 + limits.eventTypeBytesMax + 9 + 17;

/** The first byte of every event: a CBOR array of seven items. */
const eventInitial = 0x87;

/** Most bytes that an event with `dataBytes` bytes of encoded data can take. */
export function eventBytesBound(dataBytes: number): number {
  return headerBytesMax + dataBytes;
}

const typeBytesCache = new Map<string, Uint8Array>();

function noType(what: string): ReachError {
  return new ReachError("EVENT_INVALID", `the type of an event is ${what}`, {
    hint: `a type is text of at most ${limits.eventTypeBytesMax} bytes without lone surrogates`,
  });
}

/** UTF-8 of a type, checked; types repeat, so the last few hundred are kept. */
function typeBytesOf(type: string): Uint8Array {
  const cached = typeBytesCache.get(type);
  if (cached) return cached;
  if (typeof type !== "string") throw noType(`no text: ${typeof type}`);
  if (!type.isWellFormed()) throw noType("text with a lone surrogate");
  const bytes = utf8(type);
  if (bytes.length > limits.eventTypeBytesMax) throw noType(`text of ${bytes.length} bytes`);
  if (typeBytesCache.size >= 512) typeBytesCache.clear();
  typeBytesCache.set(type, bytes);
  return bytes;
}

/** Throws `EVENT_INVALID` for what cannot be the type of an event: bytes count, not characters. */
export function checkEventType(type: string): void {
  typeBytesOf(type);
}

/** Throws `USAGE` for what is no range of events; `to` is behind the last one. */
export function checkEventRange(from: number, to: number = Number.POSITIVE_INFINITY): void {
  for (const seq of to === Number.POSITIVE_INFINITY ? [from] : [from, to]) {
    if (Number.isSafeInteger(seq) && seq >= 0) continue;
    throw new ReachError("USAGE", `${seq} is no seq`, { hint: "events are counted from 0" });
  }
}

/**
 * Writes one event into `target` at `offset`; returns the offset behind it. `data` is the encoded
 * form (`encodedPayload`). The caller has made room (`eventBytesBound`).
 */
export function writeEvent(
  target: Uint8Array,
  offset: number,
  header: EventHeader,
  salt: Uint8Array,
  data: Uint8Array,
): number {
  assert(data.length > 0, "the data of an event is encoded");
  const at = writeEventFront(target, offset, header, salt);
  target.set(data, at);
  return at + data.length;
}

/** Writes what stands in front of the data of an event; returns the offset where that begins. */
export function writeEventFront(
  target: Uint8Array,
  offset: number,
  header: EventHeader,
  salt: Uint8Array,
): number {
  const type = typeBytesOf(header.type);
  checkPlace(header);
  const kind = kindNumbers.get(header.kind) as number;
  assert(salt.length === limits.eventSaltBytes, "a salt has 16 bytes");
  let at = offset;
  target[at++] = eventInitial;
  at = writeHead(target, at, 0, header.seq);
  at = writeHead(target, at, 0, header.time);
  at = writeHead(target, at, 0, kind);
  at = writeHead(target, at, 3, type.length);
  target.set(type, at);
  at += type.length;
  if (header.ref === null) target[at++] = 0xf6;
  else at = writeHead(target, at, 0, header.ref);
  at = writeHead(target, at, 2, limits.eventSaltBytes);
  target.set(salt, at);
  return at + limits.eventSaltBytes;
}

/** Throws `EVENT_INVALID` for a header that no event can have. */
export function checkEventHeader(header: EventHeader): void {
  typeBytesOf(header.type);
  checkPlace(header);
}

/** All of it but the type. */
function checkPlace(header: EventHeader): void {
  if (!kindNumbers.has(header.kind)) {
    throw new ReachError("EVENT_INVALID", `event ${header.seq} is of no kind: "${header.kind}"`, {
      hint: `a kind is ${eventKinds.slice(0, -1).join(", ")} or ${eventKinds.at(-1)}`,
    });
  }
  const { seq, time, ref } = header;
  assert(Number.isSafeInteger(seq) && seq >= 0, "a seq is a safe integer");
  if (!Number.isSafeInteger(time) || time < 0) {
    throw new ReachError("EVENT_INVALID", `event time ${time} is no count of milliseconds`);
  }
  if (ref !== null && !(Number.isSafeInteger(ref) && ref >= 0 && ref < seq)) {
    throw new ReachError("EVENT_INVALID", `event ${seq} refers to ${ref}, which is not before it`);
  }
}

/** The bytes of one event as an array of its own. */
export function encodeEvent(header: EventHeader, salt: Uint8Array, data: Uint8Array): Uint8Array {
  const target = new Uint8Array(eventBytesBound(data.length));
  return target.subarray(0, writeEvent(target, 0, header, salt, data));
}

const saltDomain = utf8("reach/salt/v1\0");

/** Salts of a session: derived from its secret, two per hash, so that they need no storage. */
export class SaltSource {
  readonly #preimage: Uint8Array;
  #pair = -1;
  #salts: Uint8Array = new Uint8Array(32);
  /** Pairs that were derived before they are needed, from pair `#preparedFrom` on. */
  #prepared: Uint8Array[] = [];
  #preparedFrom = 0;

  /** `secret` is the 32-byte salt secret of the session. */
  constructor(secret: Uint8Array) {
    assert(secret.length === 32, "a salt secret has 32 bytes");
    this.#preimage = concat(saltDomain, secret, new Uint8Array(8));
  }

  /** The 16-byte salt of event `seq`; valid until the next call. */
  at(seq: number): Uint8Array {
    const pair = Math.floor(seq / 2);
    if (pair !== this.#pair) {
      this.#salts = this.#pairAt(pair);
      this.#pair = pair;
    }
    return seq % 2 === 0 ? this.#salts.subarray(0, 16) : this.#salts.subarray(16, 32);
  }

  /** Derives the salts of `count` events from `seq` on, in a moment in which there is time. */
  prepare(seq: number, count: number): void {
    const first = Math.floor(seq / 2);
    const pairs: Uint8Array[] = [];
    for (let pair = first; 2 * pair < seq + count; pair++) pairs.push(this.#pairAt(pair));
    this.#prepared = pairs;
    this.#preparedFrom = first;
  }

  #pairAt(pair: number): Uint8Array {
    const prepared = this.#prepared[pair - this.#preparedFrom];
    if (prepared) return prepared;
    writeU64(this.#preimage, this.#preimage.length - 8, pair);
    return sha256(this.#preimage);
  }
}

/**
 * A stored event, read in place: nothing is copied, `type` and `data` are decoded when asked for.
 * Valid as long as the bytes it was made from.
 */
export class EventView implements EventHeader {
  readonly seq: number;
  readonly time: number;
  readonly kind: EventKind;
  readonly ref: number | null;
  readonly #bytes: Uint8Array;
  readonly #typeStart: number;
  readonly #typeEnd: number;
  readonly #dataStart: number;
  readonly #source: PayloadSource | undefined;
  #type: string | undefined;
  #data: unknown;
  #decoded = false;

  /** `bytes` are the event's own; throws `CORRUPT` when they are no event. */
  constructor(bytes: Uint8Array, source?: PayloadSource) {
    const reader = new HeadReader(bytes, 1);
    const seq = reader.argument(0);
    const time = reader.argument(0);
    const kind = eventKinds[reader.argument(0)];
    const typeLength = reader.argument(3);
    this.#typeStart = reader.position;
    this.#typeEnd = reader.position + Math.max(typeLength, 0);
    reader.position = this.#typeEnd;
    let ref: number | null = null;
    if (bytes[reader.position] === 0xf6) reader.position += 1;
    else ref = reader.argument(0);
    const saltLength = reader.argument(2);
    this.#dataStart = reader.position + limits.eventSaltBytes;
    const whole = bytes[0] === eventInitial && seq >= 0 && time >= 0 && kind && typeLength >= 0;
    if (!whole || ref === -1 || saltLength !== 16 || this.#dataStart >= bytes.length) {
      throw new ReachError("CORRUPT", "bytes that should be an event are none");
    }
    this.seq = seq;
    this.time = time;
    this.kind = kind;
    this.ref = ref;
    this.#bytes = bytes;
    this.#source = source;
  }

  get type(): string {
    this.#type ??= repeatedText(this.#bytes, this.#typeStart, this.#typeEnd);
    return this.#type;
  }

  /** The event's exact bytes. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  get salt(): Uint8Array {
    return this.#bytes.subarray(this.#dataStart - limits.eventSaltBytes, this.#dataStart);
  }

  /** The encoded `data`, as stored. */
  get dataBytes(): Uint8Array {
    return this.#bytes.subarray(this.#dataStart);
  }

  /** What kind of payload this is and where its bytes are, without decoding or fetching it. */
  get payload(): Payload {
    return payloadOf(this.dataBytes);
  }

  /** The payload's own bytes, wherever they lie: the JSON text, the CBOR, the plain bytes. */
  get payloadBytes(): Uint8Array {
    const { payload } = this;
    return payload.form === "blob" ? fetchBlob(payload.ref, this.#source) : payload.bytes;
  }

  /** The decoded data; fetches a blob through the source, throws `BLOB_MISSING` without one. */
  get data(): unknown {
    if (!this.#decoded) {
      this.#data = valueOf(this.payload, this.#source);
      this.#decoded = true;
    }
    return this.#data;
  }
}

/**
 * Checks bytes from a stranger: exactly one event as this version writes it, to the byte. Returns
 * the problem, or `undefined` when there is none.
 */
export function checkEventBytes(bytes: Uint8Array): string | undefined {
  if (bytes.length > limits.eventBytesMax) return "larger than an event may be";
  try {
    const view = new EventView(bytes);
    const { dataBytes, payload } = view;
    if (!equalBytes(encodeEvent(view, view.salt, dataBytes), bytes)) {
      return "its header is in another form than Reach writes";
    }
    const fault = inlineFault(payload, dataBytes);
    return fault === undefined ? undefined : `its data: ${fault}`;
  } catch (error) {
    return messageOf(error);
  }
}
