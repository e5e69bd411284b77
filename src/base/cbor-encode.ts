/**
 * Plain data to CBOR (RFC 8949: shortest heads, definite lengths). Written here and not taken from
 * a library because these bytes are hashed for ever: each property is read once, the same value
 * gives the same bytes, and what would not come out as it went in is refused with its path.
 */
import { fromHex, utf8 } from "./bytes.ts";
import { cborTags, majorTypes, needsPairs, simpleValues } from "./cbor-tags.ts";
import { ReachError } from "./errors.ts";
import { limits } from "./limits.ts";
import {
  arrayFault,
  className,
  type Fault,
  isBytes,
  isExactlyBytes,
  isPlainObject,
  objectFault,
} from "./plain-data.ts";
import { pathText } from "./value-path.ts";

/** Read-only views in a value: each is written as the object that it shows. */
export interface Views {
  /** The object that `value` is a view of; `undefined` when it is none. */
  get(value: object): object | undefined;
}

/** How strictly a value is read: a state may not hold the same object twice, data may. */
export type Aliases = "copy" | "refuse";

const textEncoder = new TextEncoder();
/** Shorter texts are written by a loop, which beats the call of the text encoder (measured). */
const shortTextMax = 24;
/** Longer texts are encoded apart: room for three bytes per character would be much. */
const longTextMin = 64 * 1024;
/** Kept between values; every context of a program has a writer of its own. */
const firstBytes = 4 * 1024;
const keptBytesMax = 64 * 1024;
/** Small results share blocks of this size: an allocation each would cost as much as encoding. */
const blockBytes = 16 * 1024;
const blockResultMax = 2 * 1024;

/** Bytes of a head (RFC 8949, 3) with this argument. */
function headSize(argument: number): number {
  if (argument < 24) return 1;
  return argument < 0x100 ? 2 : argument < 0x10000 ? 3 : argument < 2 ** 32 ? 5 : 9;
}

/** UTF-16LE of a text, which keeps surrogates that stand alone. */
function unitsOf(text: string): Uint8Array {
  const bytes = new Uint8Array(2 * text.length);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    bytes[2 * i] = unit & 0xff;
    bytes[2 * i + 1] = unit >>> 8;
  }
  return bytes;
}

let block = new Uint8Array(blockBytes);
let blockAt = 0;

/** A copy that nobody writes to again. */
function copyOut(bytes: Uint8Array): Uint8Array {
  const size = bytes.length;
  if (size > blockResultMax) return bytes.slice();
  if (blockAt + size > blockBytes) {
    block = new Uint8Array(blockBytes);
    blockAt = 0;
  }
  const copy = block.subarray(blockAt, blockAt + size);
  copy.set(bytes);
  blockAt += size;
  return copy;
}

/** Writes one value at a time into a buffer that it keeps. */
class Writer {
  #bytes = new Uint8Array(firstBytes);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;
  #root: unknown;
  #seen: Set<object> | undefined;
  #views: Views | undefined;
  /** Steps to the value being written: the first `depth` of them count. */
  readonly #path: (string | number)[] = [];

  encode(value: unknown, aliases: Aliases, views: Views | undefined): Uint8Array {
    this.#at = 0;
    this.#root = value;
    this.#views = views;
    this.#seen = aliases === "refuse" ? new Set() : undefined;
    try {
      this.#value(value, 0);
      return copyOut(this.#bytes.subarray(0, this.#at));
    } finally {
      this.#root = undefined;
      this.#seen = undefined;
      this.#views = undefined;
      if (this.#bytes.length > keptBytesMax) this.#use(new Uint8Array(firstBytes));
    }
  }

  #value(value: unknown, depth: number): void {
    switch (typeof value) {
      case "string":
        this.#text(value);
        break;
      case "number":
        this.#number(value);
        break;
      case "boolean":
        this.#simple(value ? simpleValues.true : simpleValues.false);
        break;
      case "undefined":
        this.#simple(simpleValues.undefined);
        break;
      case "bigint":
        this.#bigint(value);
        break;
      case "object":
        if (value === null) this.#simple(simpleValues.null);
        else this.#object(value, depth);
        break;
      default:
        throw this.#refusal({ what: `a ${typeof value}` }, depth);
    }
  }

  #simple(initial: number): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = initial;
  }

  #number(value: number): void {
    if (!Number.isSafeInteger(value)) this.#float(value);
    else if (value > 0) this.#head(majorTypes.unsigned, value);
    else if (value < 0) this.#head(majorTypes.negative, -1 - value);
    else if (Object.is(value, 0)) this.#simple(0);
    // No integer of CBOR is -0; as a float every reader of CBOR understands it.
    else this.#float(value);
  }

  #float(value: number): void {
    this.#reserve(9);
    this.#bytes[this.#at] = simpleValues.float64;
    // One form for every NaN: which of its bits an engine keeps is not defined.
    if (Number.isNaN(value)) this.#view.setBigUint64(this.#at + 1, 0x7ff8000000000000n);
    else this.#view.setFloat64(this.#at + 1, value);
    this.#at += 9;
  }

  #bigint(value: bigint): void {
    this.#head(majorTypes.tag, value < 0n ? cborTags.negativeBignum : cborTags.bignum);
    const magnitude = value < 0n ? -1n - value : value;
    const hex = magnitude === 0n ? "" : magnitude.toString(16);
    this.#byteString(fromHex(hex.length % 2 === 0 ? hex : `0${hex}`) as Uint8Array);
  }

  /** Returns whether the text is well-formed, that is: whether it was written as CBOR text. */
  #text(text: string): boolean {
    const { length } = text;
    if (length >= shortTextMax) return this.#longText(text);
    this.#reserve(1 + length);
    const bytes = this.#bytes;
    let at = this.#at;
    bytes[at++] = (majorTypes.text << 5) | length;
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i);
      if (unit >= 0x80) return this.#longText(text);
      bytes[at++] = unit;
    }
    this.#at = at;
    return true;
  }

  #longText(text: string): boolean {
    if (!text.isWellFormed()) {
      this.#head(majorTypes.tag, cborTags.illFormedText);
      this.#byteString(unitsOf(text));
      return false;
    }
    if (text.length > longTextMin) {
      const encoded = utf8(text);
      this.#head(majorTypes.text, encoded.length);
      this.#copy(encoded);
      return true;
    }
    // The size of the head follows from the bytes: guess that they are as many as the characters.
    this.#reserve(9 + 3 * text.length);
    const guess = this.#at + headSize(text.length);
    const { written } = textEncoder.encodeInto(text, this.#bytes.subarray(guess));
    const start = this.#at + headSize(written);
    if (start !== guess) this.#bytes.copyWithin(start, guess, guess + written);
    this.#head(majorTypes.text, written);
    this.#at += written;
    return true;
  }

  #byteString(bytes: Uint8Array): void {
    this.#head(majorTypes.bytes, bytes.length);
    this.#copy(bytes);
  }

  #copy(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #object(value: object, depth: number): void {
    const object = this.#views?.get(value);
    if (object !== undefined) this.#shown(object, depth);
    else if (Array.isArray(value)) this.#array(value, depth);
    else if (isPlainObject(value)) this.#record(value, depth);
    else if (isBytes(value)) this.#binary(value, depth);
    else throw this.#refusal({ what: `an instance of ${className(value)}` }, depth);
  }

  /** Writes the object of a view; what lies in it are objects, not views. */
  #shown(object: object, depth: number): void {
    const views = this.#views;
    this.#views = undefined;
    this.#object(object, depth);
    this.#views = views;
  }

  #binary(bytes: Uint8Array, depth: number): void {
    if (this.#seen) {
      if (!isExactlyBytes(bytes)) {
        throw this.#refusal({ what: `an instance of ${className(bytes)}` }, depth);
      }
      this.#once(bytes, depth);
      const shared = bytes.length > 0 && this.#seen.has(bytes.buffer);
      if (shared) throw this.#refusal({ what: "a view of memory that other bytes share" }, depth);
      this.#seen.add(bytes.buffer);
    }
    this.#byteString(bytes);
  }

  #array(array: readonly unknown[], depth: number): void {
    if (depth >= limits.dataDepthMax) throw this.#tooDeep(depth);
    this.#once(array, depth);
    const fault = arrayFault(array);
    if (fault) throw this.#refusal(fault, depth);
    const { length } = array;
    this.#head(majorTypes.array, length);
    for (let i = 0; i < length; i++) {
      this.#path[depth] = i;
      this.#value(array[i], depth + 1);
    }
  }

  #record(record: object, depth: number): void {
    if (depth >= limits.dataDepthMax) throw this.#tooDeep(depth);
    this.#once(record, depth);
    const fault = objectFault(record);
    if (fault) throw this.#refusal(fault, depth);
    const keys = Object.getOwnPropertyNames(record);
    const start = this.#at;
    this.#head(majorTypes.map, keys.length);
    let pairs = false;
    for (const key of keys) {
      this.#path[depth] = key;
      const property = Object.getOwnPropertyDescriptor(record, key);
      if (!property?.enumerable) throw this.#refusal({ what: "a hidden property" }, depth + 1);
      if (property.get || property.set) throw this.#refusal({ what: "a getter" }, depth + 1);
      const wellFormed = this.#text(key);
      if (!wellFormed || needsPairs(key)) pairs = true;
      this.#value(property.value, depth + 1);
    }
    if (pairs) this.#turnIntoPairs(start, keys.length);
  }

  /** A map's keys and values are the items of its pairs already: only the head is another. */
  #turnIntoPairs(start: number, entries: number): void {
    const content = start + headSize(entries);
    const moved = start + headSize(cborTags.pairs) + headSize(2 * entries);
    this.#reserve(moved - content);
    const end = this.#at + moved - content;
    this.#bytes.copyWithin(moved, content, this.#at);
    this.#at = start;
    this.#head(majorTypes.tag, cborTags.pairs);
    this.#head(majorTypes.array, 2 * entries);
    this.#at = end;
  }

  /** Refuses an object of a state that occurred before. */
  #once(value: object, depth: number): void {
    if (!this.#seen) return;
    if (this.#seen.has(value)) {
      const cycle = this.#above(depth).includes(value);
      throw this.#refusal({ what: cycle ? "a cycle" : "the same object twice (an alias)" }, depth);
    }
    this.#seen.add(value);
  }

  /** The objects from the root down to the one above `depth`, read again by the path. */
  #above(depth: number): unknown[] {
    const objects: unknown[] = [];
    let current = this.#root;
    for (let i = 0; i < depth; i++) {
      objects.push(current);
      current = (current as Record<string | number, unknown>)[this.#path[i] as string | number];
    }
    return objects;
  }

  #tooDeep(depth: number): ReachError {
    const objects = this.#above(depth);
    const again = objects.findIndex((object, i) => objects.indexOf(object) < i);
    if (again > 0) return this.#refusal({ what: "a cycle" }, again);
    return this.#refusal({ what: `nesting deeper than ${limits.dataDepthMax} levels` }, depth);
  }

  #refusal(fault: Fault, depth: number): ReachError {
    const path = this.#path.slice(0, depth);
    if (fault.key !== undefined) path.push(fault.key);
    return new ReachError("DATA_UNSUPPORTED", `${fault.what} at ${pathText(path)} cannot be kept`, {
      hint: "use null, booleans, numbers, bigints, strings, Uint8Array, arrays and plain objects",
    });
  }

  #head(major: number, argument: number): void {
    this.#reserve(9);
    const bytes = this.#bytes;
    const initial = major << 5;
    let at = this.#at;
    if (argument < 24) bytes[at++] = initial | argument;
    else if (argument < 0x100) {
      bytes[at++] = initial | 24;
      bytes[at++] = argument;
    } else if (argument < 0x10000) {
      bytes[at++] = initial | 25;
      bytes[at++] = argument >>> 8;
      bytes[at++] = argument;
    } else if (argument < 2 ** 32) {
      bytes[at] = initial | 26;
      this.#view.setUint32(at + 1, argument);
      at += 5;
    } else {
      bytes[at] = initial | 27;
      this.#view.setUint32(at + 1, Math.floor(argument / 2 ** 32));
      this.#view.setUint32(at + 5, argument % 2 ** 32);
      at += 9;
    }
    this.#at = at;
  }

  #reserve(room: number): void {
    if (this.#at + room > this.#bytes.length) this.#grow(this.#at + room);
  }

  #grow(size: number): void {
    if (size > limits.valueBytesMax) {
      throw this.#refusal({ what: `a value larger than ${limits.valueBytesMax} bytes` }, 0);
    }
    const grown = new Uint8Array(Math.max(2 * this.#bytes.length, size));
    grown.set(this.#bytes.subarray(0, this.#at));
    this.#use(grown);
  }

  #use(bytes: Uint8Array<ArrayBuffer>): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}

let idle: Writer | undefined;

/**
 * CBOR bytes of plain data, the same for the same value. The array may share its `buffer` with
 * others (never its bytes): do not transfer that. Throws
 * `DATA_UNSUPPORTED` with the path of what has no form: functions, class instances, getters,
 * cycles; with `aliases` "refuse" also objects and bytes that occur twice, and `Buffer`. `views`
 * tells of objects that stand for others.
 */
export function encodeValue(value: unknown, aliases: Aliases = "copy", views?: Views): Uint8Array {
  // A proxy may encode while it is encoded: then there is a second writer.
  const writer = idle ?? new Writer();
  idle = undefined;
  try {
    return writer.encode(value, aliases, views);
  } finally {
    idle = writer;
  }
}
