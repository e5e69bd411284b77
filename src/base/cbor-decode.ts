/**
 * CBOR back to plain data. Reads what `encodeValue` writes and no more of CBOR than that: whatever
 * the bytes, it returns plain data with memory of its own or throws `CORRUPT`, and it allocates
 * what the bytes hold, not what they claim.
 */
import { fromUtf8, toHex } from "./bytes.ts";
import { cborTags, majorTypes, simpleValues } from "./cbor-tags.ts";
import { ReachError } from "./errors.ts";
import { limits } from "./limits.ts";

const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Shorter ASCII texts are made of codes, which beats the call of the decoder (measured). */
const shortTextMax = 20;
const unitsAtOnce = 4096;

/**
 * Short keys by a hash of their bytes: a few hundred keys occur millions of times, and a string
 * met before is one that the engine knows as the name of a property already.
 */
const keyCache: (string | undefined)[] = new Array(2048).fill(undefined);
const numberView = new DataView(new ArrayBuffer(8));

function cacheSlot(bytes: Uint8Array, start: number, end: number): number {
  let hash = end - start;
  for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + (bytes[i] as number)) | 0;
  return (hash ^ (hash >>> 11)) & (keyCache.length - 1);
}

/**
 * Keeps the text of `size` bytes if there is one unit for each, which is then the byte itself:
 * units above 0x7f would be taken for bytes of another text.
 */
function remember(slot: number, text: string, size: number): void {
  if (text.length === size) keyCache[slot] = text;
}

/** Whether those bytes are the units of `text`, which is one that was remembered. */
function isText(text: string, bytes: Uint8Array, start: number, end: number): boolean {
  if (text.length !== end - start) return false;
  for (let i = start; i < end; i++) if (text.charCodeAt(i - start) !== bytes[i]) return false;
  return true;
}

/**
 * The text of the UTF-8 bytes from `start` to `end`, of which few different ones occur often. What
 * is no UTF-8 becomes U+FFFD.
 */
export function repeatedText(bytes: Uint8Array, start: number, end: number): string {
  const slot = cacheSlot(bytes, start, end);
  const cached = keyCache[slot];
  if (cached !== undefined && isText(cached, bytes, start, end)) return cached;
  const text = fromUtf8(bytes.subarray(start, end));
  remember(slot, text, end - start);
  return text;
}

function setOwn(object: Record<string, unknown>, key: string, value: unknown): void {
  // A plain assignment would meet `__proto__`, and what a frozen Object.prototype does not allow.
  if (key in Object.prototype) {
    const property = { value, configurable: true, enumerable: true, writable: true };
    Object.defineProperty(object, key, property);
  } else object[key] = value;
}

/** Reads one value; made for one use. */
class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  whole(depth: number): unknown {
    const value = this.#item(depth);
    if (this.#at !== this.#bytes.length) throw this.#malformed("bytes after the end");
    return value;
  }

  #item(depth: number): unknown {
    const initial = this.#bytes[this.#at];
    if (initial === undefined) throw this.#malformed("an end in the middle of a value");
    switch (initial >>> 5) {
      case majorTypes.text:
        return this.#text(this.#argument(initial));
      case majorTypes.unsigned:
        return this.#argument(initial);
      case majorTypes.negative:
        return this.#negative(this.#argument(initial));
      case majorTypes.map:
        return this.#map(this.#argument(initial), depth);
      case majorTypes.array:
        return this.#array(this.#argument(initial), depth);
      case majorTypes.bytes:
        return this.#byteString(this.#argument(initial)).slice();
      case majorTypes.tag:
        return this.#tagged(this.#argument(initial), depth);
      default:
        return this.#other(initial);
    }
  }

  /** The argument of the head here, whose first byte is `initial`; moves behind it. */
  #argument(initial: number): number {
    const info = initial & 31;
    if (info < 24) {
      this.#at += 1;
      return info;
    }
    if (info > 27) throw this.#malformed("a length that is not definite");
    const bytes = this.#bytes;
    const start = this.#at + 1;
    const end = start + (1 << (info - 24));
    if (end > bytes.length) throw this.#malformed("an end in the middle of a head");
    let argument = 0;
    for (let i = start; i < end; i++) argument = argument * 256 + (bytes[i] as number);
    if (!Number.isSafeInteger(argument)) throw this.#malformed("a number above 2^53 - 1");
    this.#at = end;
    return argument;
  }

  #negative(argument: number): number {
    if (argument === Number.MAX_SAFE_INTEGER) throw this.#malformed("a number below -(2^53 - 1)");
    return -1 - argument;
  }

  #text(length: number): string {
    const start = this.#at;
    const end = this.#end(length);
    const bytes = this.#bytes;
    this.#at = end;
    if (length < shortTextMax) {
      const codes: number[] = [];
      let at = start;
      for (; at < end; at++) {
        const code = bytes[at] as number;
        if (code >= 0x80) break;
        codes.push(code);
      }
      if (at === end) return String.fromCharCode.apply(String, codes);
    }
    try {
      return strictDecoder.decode(bytes.subarray(start, end));
    } catch {
      this.#at = start;
      throw this.#malformed("text that is no UTF-8");
    }
  }

  /** A view of the bytes that are read, as a `Uint8Array` whatever they came as. */
  #byteString(length: number): Uint8Array {
    const { buffer, byteOffset } = this.#bytes;
    const start = this.#at;
    this.#at = this.#end(length);
    return new Uint8Array(buffer, byteOffset + start, length);
  }

  #end(length: number): number {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw this.#malformed("a string longer than the bytes");
    return end;
  }

  #array(count: number, depth: number): unknown[] {
    this.#enter(count, depth);
    // Grown item by item: a count is a claim until the items have been read.
    const array: unknown[] = [];
    for (let i = 0; i < count; i++) array.push(this.#item(depth + 1));
    return array;
  }

  #map(count: number, depth: number): Record<string, unknown> {
    this.#enter(2 * count, depth);
    const object: Record<string, unknown> = {};
    for (let i = 0; i < count; i++) {
      const key = this.#key();
      setOwn(object, key, this.#item(depth + 1));
    }
    return object;
  }

  #enter(items: number, depth: number): void {
    if (depth >= limits.dataDepthMax) throw this.#malformed("nesting too deep");
    if (items > this.#bytes.length - this.#at) throw this.#malformed("more items than bytes");
  }

  #key(): string {
    const bytes = this.#bytes;
    const initial = bytes[this.#at] ?? 0;
    if (initial >>> 5 !== majorTypes.text) throw this.#malformed("a key that is no text");
    const length = initial & 31;
    const short = length < 24 && this.#at + length < bytes.length;
    if (!short) return this.#text(this.#argument(initial));
    const start = this.#at + 1;
    const end = start + length;
    const slot = cacheSlot(bytes, start, end);
    const cached = keyCache[slot];
    if (cached !== undefined && isText(cached, bytes, start, end)) {
      this.#at = end;
      return cached;
    }
    this.#at = start;
    const key = this.#text(length);
    remember(slot, key, length);
    return key;
  }

  #tagged(tag: number, depth: number): unknown {
    const initial = this.#bytes[this.#at] ?? 0;
    const major = initial >>> 5;
    if (tag === cborTags.pairs && major === majorTypes.array) {
      return this.#pairs(this.#argument(initial), depth);
    }
    if (major === majorTypes.bytes) {
      const content = this.#byteString(this.#argument(initial));
      if (tag === cborTags.illFormedText) return this.#illFormed(content);
      if (tag === cborTags.bignum) return this.#magnitude(content);
      if (tag === cborTags.negativeBignum) return -1n - this.#magnitude(content);
    }
    throw this.#malformed(`the tag ${tag} where it does not belong`);
  }

  #pairs(items: number, depth: number): Record<string, unknown> {
    this.#enter(items, depth);
    const object: Record<string, unknown> = {};
    if (items % 2 !== 0) throw this.#malformed("a key without a value");
    for (let i = 0; i < items; i += 2) {
      const key = this.#item(depth + 1);
      if (typeof key !== "string") throw this.#malformed("a key that is no text");
      setOwn(object, key, this.#item(depth + 1));
    }
    return object;
  }

  #illFormed(bytes: Uint8Array): string {
    if (bytes.length % 2 !== 0) throw this.#malformed("half a UTF-16 unit");
    let text = "";
    for (let start = 0; start < bytes.length; start += 2 * unitsAtOnce) {
      const units: number[] = [];
      const end = Math.min(bytes.length, start + 2 * unitsAtOnce);
      for (let i = start; i < end; i += 2) {
        units.push((bytes[i] as number) | ((bytes[i + 1] as number) << 8));
      }
      text += String.fromCharCode.apply(String, units);
    }
    return text;
  }

  #magnitude(bytes: Uint8Array): bigint {
    try {
      return bytes.length === 0 ? 0n : BigInt(`0x${toHex(bytes)}`);
    } catch {
      throw this.#malformed("an integer larger than this machine can hold");
    }
  }

  #other(initial: number): unknown {
    this.#at += 1;
    if (initial === simpleValues.null) return null;
    if (initial === simpleValues.false) return false;
    if (initial === simpleValues.true) return true;
    if (initial === simpleValues.undefined) return undefined;
    if (initial !== simpleValues.float64) throw this.#malformed("an unknown simple value");
    const start = this.#at;
    const end = start + 8;
    if (end > this.#bytes.length) throw this.#malformed("an end in the middle of a number");
    for (let i = 0; i < 8; i++) numberView.setUint8(i, this.#bytes[start + i] as number);
    this.#at = end;
    return numberView.getFloat64(0);
  }

  #malformed(what: string): ReachError {
    return new ReachError("CORRUPT", `bytes that should be CBOR hold ${what} at ${this.#at}`);
  }
}

/**
 * The value of bytes that `encodeValue` made; shares no memory with them. Throws `CORRUPT` for
 * bytes that are not one value of plain data. Of two encodings of the same value it may read both,
 * of two equal keys it keeps the last: `checkWellFormed` is stricter. `levels` of nesting lie
 * around what may be as deep as data can.
 */
export function decodeValue(bytes: Uint8Array, levels = 0): unknown {
  return new Reader(bytes).whole(-levels);
}
