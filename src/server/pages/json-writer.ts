/**
 * Stored events as JSON, from bytes to bytes: the text of a CBOR payload is written from its
 * encoding, without making the value in between, and text without escapes is copied. The JSON is
 * that of `reach events --ndjson`: what JSON has no form for is an object with one `$` member.
 */
import { decodeValue, limits, ReachError } from "../../base/index.ts";
import { decodePayload, type EventView, type PayloadForm } from "../../event/index.ts";

/** How much of payloads is sent: all of them, those in the store by reference, or none. */
export const payloadChoices = ["inline", "ref", "none"] as const;

/** One of `payloadChoices`. */
export type PayloadChoice = (typeof payloadChoices)[number];

const firstBytes = 64 * 1024;
/** Text up to this length is written byte by byte: a call costs more. */
const shortText = 32;
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
const quote = 0x22;
const comma = 0x2c;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;

/** Escapes of the bytes below 0x20, of `"` and of `\`, as `JSON.stringify` writes them. */
const escapes: readonly (Buffer | undefined)[] = Array.from({ length: 128 }, (_, code) => {
  const text = JSON.stringify(String.fromCharCode(code)).slice(1, -1);
  return text.length > 1 ? Buffer.from(text, "latin1") : undefined;
});
const escaped = Uint8Array.from({ length: 256 }, (_, code) => (escapes[code] ? 1 : 0));

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

/** Collects JSON text as UTF-8. */
export class JsonWriter {
  #out = Buffer.allocUnsafeSlow(firstBytes);
  #at = 0;
  /** The CBOR that is being read. */
  #in: Uint8Array = new Uint8Array(0);
  /** The same as a buffer, made when it is needed. */
  #view: Buffer | undefined;
  #from = 0;

  /** Bytes written and not taken. */
  get size(): number {
    return this.#at;
  }

  /** What has been written; the caller's to keep. */
  take(): Buffer {
    if (4 * this.#at < this.#out.length) {
      const copy = Buffer.allocUnsafeSlow(this.#at);
      copy.set(this.#out.subarray(0, this.#at));
      this.#at = 0;
      return copy;
    }
    const taken = this.#out.subarray(0, this.#at);
    this.#out = Buffer.allocUnsafeSlow(Math.max(firstBytes, this.#at));
    this.#at = 0;
    return taken;
  }

  /** Writes text that is JSON already. */
  raw(text: string): void {
    this.#reserve(3 * text.length);
    this.#at += this.#out.write(text, this.#at);
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
    this.#in = cbor;
    this.#view = undefined;
    this.#from = 0;
    this.#item(0);
    if (this.#from !== cbor.length) throw this.#malformed();
  }

  #item(depth: number): void {
    const initial = this.#in[this.#from];
    if (initial === undefined || depth > limits.dataDepthMax) throw this.#malformed();
    this.#reserve(32);
    const major = initial >>> 5;
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
    if (end > this.#in.length) throw this.#malformed();
    let argument = 0;
    for (let i = this.#from + 1; i < end; i++) argument = argument * 256 + (this.#in[i] as number);
    this.#from = end;
    return argument;
  }

  #slice(length: number): Uint8Array {
    const start = this.#from;
    this.#from += length;
    if (this.#from > this.#in.length) throw this.#malformed();
    return this.#in.subarray(start, this.#from);
  }

  #text(length: number): void {
    const bytes = this.#in;
    const start = this.#from;
    const end = start + length;
    if (end > bytes.length) throw this.#malformed();
    this.#from = end;
    if (length > shortText) {
      this.#longText(start, end);
      return;
    }
    this.#reserve(2 + 6 * length);
    const out = this.#out;
    let at = this.#at;
    out[at++] = quote;
    for (let i = start; i < end; i++) {
      const byte = bytes[i] as number;
      if (escaped[byte] === 0) {
        out[at++] = byte;
        continue;
      }
      const escape = escapes[byte] as Buffer;
      for (let j = 0; j < escape.length; j++) out[at++] = escape[j] as number;
    }
    out[at++] = quote;
    this.#at = at;
  }

  /**
   * With one character for each byte of UTF-8 the engine writes the text and its escapes: what it
   * escapes is below 0x80, and everything else stays as it is. A fifth of the time (measured).
   */
  #longText(start: number, end: number): void {
    const { buffer, byteOffset } = this.#in;
    this.#view ??= Buffer.from(buffer, byteOffset, this.#in.length);
    const text = JSON.stringify(this.#view.toString("latin1", start, end));
    this.#reserve(text.length);
    this.#at += this.#out.write(text, this.#at, "latin1");
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
    else if (initial === 0xfb) this.#float(this.#slice(8));
    else throw this.#malformed();
  }

  #float({ buffer, byteOffset }: Uint8Array): void {
    const value = new DataView(buffer, byteOffset, 8).getFloat64(0);
    if (Number.isFinite(value) && !Object.is(value, -0)) this.#ascii(String(value));
    else this.#ascii(`{"$number":"${Object.is(value, -0) ? "-0" : value}"}`);
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
    if (value < 10) {
      this.#out[this.#at++] = 0x30 + value;
      return;
    }
    if (value < 1e7 || value > Number.MAX_SAFE_INTEGER) {
      this.#ascii(String(value));
      return;
    }
    // Numbers beyond 31 bits are slow to print; times are of that kind, their halves are not.
    const high = Math.floor(value / 1e7);
    let low = value - high * 1e7;
    this.#integer(high);
    const end = this.#at + 7;
    for (let at = end - 1; at >= this.#at; at--) {
      const rest = Math.floor(low / 10);
      this.#out[at] = 0x30 + low - 10 * rest;
      low = rest;
    }
    this.#at = end;
  }

  #ascii(text: string): void {
    const out = this.#out;
    for (let i = 0; i < text.length; i++) out[this.#at + i] = text.charCodeAt(i);
    this.#at += text.length;
  }

  #copy(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#out.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #reserve(room: number): void {
    if (this.#at + room <= this.#out.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(2 * this.#out.length, this.#at + room));
    grown.set(this.#out.subarray(0, this.#at));
    this.#out = grown;
  }

  #malformed(): ReachError {
    return new ReachError("CORRUPT", "an event's data is no value that Reach has written");
  }
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
