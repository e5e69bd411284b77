/**
 * Stored events as JSON, from bytes to bytes: the text of a CBOR payload is written from its
 * encoding, without making the value in between, and text without escapes is copied. The JSON is
 * that of `reach events --ndjson`: what JSON has no form for is an object with one `$` member.
 */
import { decodeValue, limits, ReachError } from "../../base/index.ts";
import { decodePayload, type EventView, type PayloadForm } from "../../event/index.ts";
import { writeFloat, writeInteger, writeText } from "./json-numbers.ts";

/** How much of payloads is sent: all of them, those in the store by reference, or none. */
export const payloadChoices = ["inline", "ref", "none"] as const;

/** One of `payloadChoices`. */
export type PayloadChoice = (typeof payloadChoices)[number];

const firstBytes = 64 * 1024;
/** Memory for text that is kept for the next who writes; what is larger is given back. */
const keptBytesMax = 2 * 1024 * 1024;
/** Longer text is written in pieces, so that the room for its escapes is bounded. */
const textAtOnce = 8 * 1024;
const tags = {
  bignum: 2,
  negativeBignum: 3,
  illFormedText: 0x52454101,
  pairs: 0x52454102,
} as const;
const marks: ReadonlySet<string> = new Set([
  "$bytes",
  "$bigint",
  "$undefined",
  "$number",
  "$object",
]);
/** Longer text is worth a call out of the engine. */
const separatorMax = 32;
const quote = 0x22;
const comma = 0x2c;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;

const backslash = 0x5c;
const hexDigits = Buffer.from("0123456789abcdef");

/** By byte: what is behind the backslash where `JSON.stringify` writes two characters, else 0. */
const shortEscapes = Uint8Array.from({ length: 256 }, (_, code) => {
  const text = code < 0x80 ? JSON.stringify(String.fromCharCode(code)) : "";
  return text.length === 4 ? text.charCodeAt(2) : 0;
});

/** Memory that text is written into, as bytes and as words of four. */
interface Room {
  readonly bytes: Buffer;
  readonly words: DataView;
}

function newRoom(size: number): Room {
  const bytes = Buffer.allocUnsafeSlow(size);
  return { bytes, words: new DataView(bytes.buffer) };
}

const noBuffer = new ArrayBuffer(0);
const noRoom = newRoom(0);
/** The room of a writer that has been emptied, for the next one that writes. */
let spareRoom: Room | undefined;

/**
 * Whether one of the four bytes of `word` is below 0x20, `"` or `\`: with the tests for a zero byte
 * and for a small one of Anderson, "Bit Twiddling Hacks".
 */
function isEscaped(word: number): boolean {
  const quotes = word ^ 0x22222222;
  const slashes = word ^ 0x5c5c5c5c;
  const small = (word - 0x20202020) & ~word;
  const found = ((quotes - 0x01010101) & ~quotes) | ((slashes - 0x01010101) & ~slashes) | small;
  return (found & 0x80808080) !== 0;
}

/** The part of an event that says its kind and type, by kind, then by type. */
const headCache = new Map<string, Map<string, Buffer>>();
const headsOfKindMax = 256;

function headOf(kind: string, type: string): Buffer {
  let heads = headCache.get(kind);
  if (!heads) {
    heads = new Map();
    headCache.set(kind, heads);
  }
  let head = heads.get(type);
  if (head) return head;
  head = Buffer.from(`,"kind":"${kind}","type":${JSON.stringify(type)},"ref":`);
  if (heads.size >= headsOfKindMax) heads.clear();
  heads.set(type, head);
  return head;
}

/** Collects JSON text as UTF-8. Holds memory only between the first word and `take`. */
export class JsonWriter {
  #room = noRoom;
  #out: Buffer = noRoom.bytes;
  #at = 0;
  /** The memory that the CBOR lies in which is being read, and where in it. */
  #in: Uint8Array = new Uint8Array(noBuffer);
  #words: DataView = new DataView(noBuffer);
  #from = 0;
  #end = 0;

  /** Bytes written and not taken. */
  get size(): number {
    return this.#at;
  }

  /** What has been written; the caller's to keep. */
  take(): Buffer {
    const taken = Buffer.allocUnsafeSlow(this.#at);
    taken.set(this.#out.subarray(0, this.#at));
    this.#at = 0;
    if (this.#out.length <= keptBytesMax && this.#room !== noRoom) spareRoom = this.#room;
    this.#use(noRoom);
    this.#read(noBuffer, 0, 0);
    return taken;
  }

  /** Writes text that is JSON already. */
  raw(text: string): void {
    this.#reserve(3 * text.length);
    if (text.length <= separatorMax && isAscii(text)) this.#ascii(text);
    else this.#at += this.#out.write(text, this.#at);
  }

  /**
   * Writes one event as an object on one line. A payload in the store
   * is written whole with `inline`, if `fetch` gives it, else by reference.
   */
  event(
    event: EventView,
    choice: PayloadChoice,
    fetch?: (sha256: Uint8Array, size: number) => Uint8Array | undefined,
  ): void {
    this.#reserve(64);
    this.#ascii('{"seq":');
    this.#integer(event.seq);
    this.#ascii(',"time":');
    this.#integer(event.time);
    this.#copy(headOf(event.kind, event.type));
    this.#reserve(64);
    if (event.ref === null) this.#ascii("null");
    else this.#integer(event.ref);
    if (choice !== "none") this.#payload(event, choice, fetch);
    this.#reserve(1);
    this.#out[this.#at++] = 0x7d;
  }

  #payload(
    { payload }: EventView,
    choice: PayloadChoice,
    fetch: ((sha256: Uint8Array, size: number) => Uint8Array | undefined) | undefined,
  ): void {
    if (payload.form !== "blob") {
      this.#data(payload.form, payload.bytes);
      return;
    }
    const { sha256, size, form } = payload.ref;
    const bytes = choice === "inline" ? fetch?.(sha256, size) : undefined;
    if (bytes) {
      this.#data(form, bytes);
      return;
    }
    const hex = Buffer.from(sha256.buffer, sha256.byteOffset, 32).toString("hex");
    this.raw(`,"form":"${form}","blob":{"sha256":"${hex}","size":${size}}`);
  }

  #data(form: PayloadForm, bytes: Uint8Array): void {
    this.#reserve(32);
    this.#ascii(`,"form":"${form}","data":`);
    if (form === "json") this.#embedded(bytes);
    else if (form === "cbor") this.value(bytes);
    else this.#bytes(decodePayload(form, bytes) as Uint8Array);
  }

  /** JSON as it was imported, on one line: newlines in it stand between tokens. */
  #embedded(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    const start = this.#at;
    this.#copy(bytes);
    if (!bytes.includes(lineFeed) && !bytes.includes(carriageReturn)) return;
    for (let at = start; at < this.#at; at++) {
      const byte = this.#out[at];
      if (byte === lineFeed || byte === carriageReturn) this.#out[at] = space;
    }
  }

  /** Writes an encoded value. Throws `CORRUPT` for bytes that are none. */
  value(cbor: Uint8Array): void {
    this.#read(cbor.buffer, cbor.byteOffset, cbor.byteOffset + cbor.length);
    this.#item(0);
    if (this.#from !== this.#end) throw this.#malformed();
  }

  /** Payloads of a page mostly lie in the same memory. */
  #read(buffer: ArrayBufferLike, from: number, end: number): void {
    if (this.#in.buffer !== buffer) {
      this.#in = new Uint8Array(buffer);
      this.#words = new DataView(buffer);
    }
    this.#from = from;
    this.#end = end;
  }

  #item(depth: number): void {
    if (this.#from >= this.#end || depth > limits.dataDepthMax) throw this.#malformed();
    const initial = this.#in[this.#from] as number;
    const major = initial >>> 5;
    if (major === 3 && initial < 0x78) {
      this.#from += 1;
      this.#shortText(initial & 31);
      return;
    }
    this.#reserve(32);
    if (major === 7) {
      this.#other(initial);
      return;
    }
    const argument = this.#argument(initial);
    if (major === 3) this.#text(argument);
    else if (major === 0) this.#integer(argument);
    else if (major === 1) this.#ascii(String(-1 - argument));
    else if (major === 5) this.#map(argument, depth);
    else if (major === 4) this.#array(argument, depth);
    else if (major === 2) this.#bytes(this.#slice(argument));
    else this.#tagged(argument, depth);
  }

  #argument(initial: number): number {
    const info = initial & 31;
    if (info < 24) {
      this.#from += 1;
      return info;
    }
    if (info > 27) throw this.#malformed();
    const end = this.#from + 1 + 2 ** (info - 24);
    if (end > this.#end) throw this.#malformed();
    let argument = 0;
    for (let i = this.#from + 1; i < end; i++) argument = argument * 256 + (this.#in[i] as number);
    this.#from = end;
    return argument;
  }

  #slice(length: number): Uint8Array {
    const start = this.#from;
    this.#from += length;
    if (this.#from > this.#end) throw this.#malformed();
    return this.#in.subarray(start, this.#from);
  }

  #text(length: number): void {
    const end = this.#from + length;
    if (end > this.#end) throw this.#malformed();
    this.#reserve(2 + 6 * Math.min(length, textAtOnce));
    this.#out[this.#at++] = quote;
    while (end - this.#from > textAtOnce) {
      this.#escape(this.#from + textAtOnce);
      this.#reserve(2 + 6 * textAtOnce);
    }
    this.#escape(end);
    this.#out[this.#at++] = quote;
  }

  /** Text of less than 24 bytes: keys and words, most of all items. */
  #shortText(length: number): void {
    const end = this.#from + length;
    if (end > this.#end) throw this.#malformed();
    this.#reserve(2 + 6 * 24);
    const bytes = this.#in;
    const out = this.#out;
    let at = this.#at;
    out[at++] = quote;
    for (let from = this.#from; from < end; from++) {
      at = writeEscaped(out, at, bytes[from] as number);
    }
    out[at++] = quote;
    this.#from = end;
    this.#at = at;
  }

  /**
   * Writes the text up to `end`, for which there is room, with its escapes. Four bytes at a time
   * take less than half of what `JSON.stringify` takes, with the calls to get there (measured).
   */
  #escape(end: number): void {
    const bytes = this.#in;
    const out = this.#out;
    let from = this.#from;
    let at = this.#at;
    const words = this.#words;
    const outWords = this.#room.words;
    while (from + 4 <= end) {
      const word = words.getInt32(from, true);
      if (!isEscaped(word)) {
        outWords.setInt32(at, word, true);
        at += 4;
        from += 4;
        continue;
      }
      for (const next = from + 4; from < next; from++) {
        at = writeEscaped(out, at, bytes[from] as number);
      }
    }
    for (; from < end; from++) at = writeEscaped(out, at, bytes[from] as number);
    this.#from = end;
    this.#at = at;
  }

  #array(count: number, depth: number): void {
    this.#out[this.#at++] = 0x5b;
    for (let i = 0; i < count; i++) {
      if (i > 0) this.#out[this.#at++] = comma;
      this.#item(depth + 1);
      this.#reserve(2);
    }
    this.#out[this.#at++] = 0x5d;
  }

  #map(count: number, depth: number): void {
    if (count === 1 && this.#marked()) {
      this.#marks(depth);
      return;
    }
    this.#out[this.#at++] = 0x7b;
    for (let i = 0; i < count; i++) {
      if (i > 0) this.#out[this.#at++] = comma;
      this.#item(depth + 1);
      this.#reserve(2);
      this.#out[this.#at++] = 0x3a;
      this.#item(depth + 1);
      this.#reserve(2);
    }
    this.#out[this.#at++] = 0x7d;
  }

  /** Whether the next key makes an object look like a value that JSON has no form for. */
  #marked(): boolean {
    const length = (this.#in[this.#from] ?? 0) & 31;
    if (this.#in[this.#from + 1] !== 0x24 || length > 10) return false;
    const start = this.#from + 1;
    return marks.has(Buffer.from(this.#in.subarray(start, start + length)).toString());
  }

  #marks(depth: number): void {
    this.#ascii('{"$object":[[');
    this.#item(depth + 1);
    this.#reserve(1);
    this.#out[this.#at++] = comma;
    this.#item(depth + 1);
    this.#reserve(3);
    this.#ascii("]]}");
  }

  #tagged(tag: number, depth: number): void {
    const initial = this.#in[this.#from] ?? 0;
    const start = this.#from;
    const count = this.#argument(initial);
    if (tag === tags.pairs && initial >>> 5 === 4 && count % 2 === 0) {
      // The same as a map of half as many members.
      this.#map(count / 2, depth);
      return;
    }
    const bytes = this.#slice(count);
    const value = valueOfTag(tag, this.#in.subarray(start, this.#from), bytes);
    if (value === undefined) throw this.#malformed();
    this.raw(value);
  }

  #other(initial: number): void {
    this.#from += 1;
    if (initial === 0xf6) this.#ascii("null");
    else if (initial === 0xf5) this.#ascii("true");
    else if (initial === 0xf4) this.#ascii("false");
    else if (initial === 0xf7) this.#ascii('{"$undefined":true}');
    else if (initial === 0xfb) this.#float();
    else throw this.#malformed();
  }

  #float(): void {
    const start = this.#from;
    this.#from += 8;
    if (this.#from > this.#end) throw this.#malformed();
    const value = this.#words.getFloat64(start);
    if (Number.isFinite(value) && !Object.is(value, -0)) {
      this.#at = writeFloat(this.#out, this.#at, value);
    } else this.#ascii(`{"$number":"${Object.is(value, -0) ? "-0" : value}"}`);
  }

  #bytes(bytes: Uint8Array): void {
    this.#reserve(16 + 2 * bytes.length);
    this.#ascii('{"$bytes":"');
    const { buffer, byteOffset, length } = bytes;
    const text = Buffer.from(buffer, byteOffset, length).toString("base64");
    this.#at += this.#out.write(text, this.#at, "latin1");
    this.#ascii('"}');
  }

  #integer(value: number): void {
    this.#at = writeInteger(this.#out, this.#at, value);
  }

  #ascii(text: string): void {
    this.#at = writeText(this.#out, this.#at, text);
  }

  #copy(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#out.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #reserve(room: number): void {
    if (this.#at + room > this.#out.length) this.#grow(this.#at + room);
  }

  #grow(size: number): void {
    const spare = spareRoom;
    spareRoom = undefined;
    const fits = spare !== undefined && spare.bytes.length >= size;
    const room = fits ? spare : newRoom(Math.max(firstBytes, 2 * this.#out.length, size));
    room.bytes.set(this.#out.subarray(0, this.#at));
    this.#use(room);
  }

  #use(room: Room): void {
    this.#room = room;
    this.#out = room.bytes;
  }

  #malformed(): ReachError {
    return new ReachError("CORRUPT", "an event's data is no value that Reach has written");
  }
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 0x80) return false;
  return true;
}

/** Writes a byte of text as `JSON.stringify` does; returns the offset behind it. */
function writeEscaped(out: Uint8Array, offset: number, byte: number): number {
  let at = offset;
  if (byte >= space && byte !== quote && byte !== backslash) {
    out[at++] = byte;
    return at;
  }
  out[at++] = backslash;
  const short = shortEscapes[byte] as number;
  if (short !== 0) {
    out[at++] = short;
    return at;
  }
  out[at++] = 0x75;
  out[at++] = 0x30;
  out[at++] = 0x30;
  out[at++] = hexDigits[byte >>> 4] as number;
  out[at++] = hexDigits[byte & 15] as number;
  return at;
}

/** The JSON of what is rare: big integers, and text with lone surrogates. */
function valueOfTag(tag: number, item: Uint8Array, bytes: Uint8Array): string | undefined {
  const head = { 2: 0xc2, 3: 0xc3 }[tag];
  if (tag === tags.bignum || tag === tags.negativeBignum) {
    const value = decodeValue(Uint8Array.from([head as number, ...item])) as bigint;
    return `{"$bigint":"${value}"}`;
  }
  if (tag !== tags.illFormedText) return undefined;
  return JSON.stringify(Buffer.from(bytes).toString("utf16le"));
}
