/**
 * Finds where a JSON value ends, without reading it: counts brackets outside strings. It can stop
 * at the end of a chunk and go on with the next one. Whether the value is valid is for `JSON.parse`
 * to say; brackets of the wrong kind are counted all the same.
 */
import type { Buffer } from "node:buffer";

/** The bytes that JSON is made of. */
export const ascii = {
  tab: 0x09,
  lineFeed: 0x0a,
  carriageReturn: 0x0d,
  space: 0x20,
  quote: 0x22,
  comma: 0x2c,
  colon: 0x3a,
  bracketOpen: 0x5b,
  backslash: 0x5c,
  bracketClose: 0x5d,
  braceOpen: 0x7b,
  braceClose: 0x7d,
} as const;

/** `[` and `{` differ from each other in this bit, and so do `]` and `}`. */
const withoutCase = 0xdf;
/** Strings up to this are walked; for longer ones a native search is faster (measured). */
const walkedBytes = 48;

/** Whether a byte is one of the four that JSON allows between its tokens. */
export function isBlank(byte: number | undefined): boolean {
  return (
    byte === ascii.space ||
    byte === ascii.lineFeed ||
    byte === ascii.carriageReturn ||
    byte === ascii.tab
  );
}

/** Whether a byte can be part of a number, `true`, `false` or `null`, or looks as if it were. */
export function isScalarByte(byte: number): boolean {
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    (byte >= 0x61 && byte <= 0x7a) ||
    (byte >= 0x41 && byte <= 0x5a) ||
    byte === 0x2b ||
    byte === 0x2d ||
    byte === 0x2e
  );
}

/** Walks one value at a time. */
export class ValueScan {
  /** A number or a word: what ends it is the byte behind it, or the end of the source. */
  scalar = false;
  #depth = 0;
  #inString = false;
  #escaped = false;

  /** Begins a value; returns `false` if none begins with this byte. */
  begin(byte: number): boolean {
    this.#depth = 0;
    this.#inString = false;
    this.#escaped = false;
    this.scalar = isScalarByte(byte);
    if (this.scalar || byte === ascii.quote) return true;
    return byte === ascii.bracketOpen || byte === ascii.braceOpen;
  }

  /**
   * Walks on from `from`, at first the value's first byte. Returns the index behind the last byte
   * of the value, or -1 when it goes on in the next chunk.
   */
  run(bytes: Buffer, from: number): number {
    if (this.scalar) return scalarEnd(bytes, from);
    const { length } = bytes;
    let at = from;
    let depth = this.#depth;
    if (this.#inString) {
      at = this.#stringEnd(bytes, at);
      if (at < 0 || depth === 0) return at;
    }
    while (at < length) {
      const byte = bytes[at++] as number;
      if (byte === ascii.quote) {
        at = this.#stringEnd(bytes, at);
        if (at < 0) {
          this.#depth = depth;
          return -1;
        }
        if (depth === 0) return at;
      } else if ((byte & withoutCase) === ascii.bracketOpen) depth += 1;
      else if ((byte & withoutCase) === ascii.bracketClose) {
        depth -= 1;
        if (depth === 0) return at;
      }
    }
    this.#depth = depth;
    return -1;
  }

  /** The index behind the quote that ends the string, or -1. */
  #stringEnd(bytes: Buffer, from: number): number {
    const { length } = bytes;
    let at = from;
    if (this.#escaped && at < length) at += 1;
    this.#escaped = this.#escaped && at === from;
    while (at < length) {
      const near = Math.min(length, at + walkedBytes);
      while (at < near) {
        const byte = bytes[at++] as number;
        if (byte === ascii.quote) {
          this.#inString = false;
          return at;
        }
        if (byte === ascii.backslash) at += 1;
      }
      if (at >= length) break;
      const quote = bytes.indexOf(ascii.quote, at);
      const stop = quote < 0 ? length : quote;
      const odd = backslashesBefore(bytes, stop, at) % 2 === 1;
      if (quote < 0) at = odd ? length + 1 : length;
      else if (odd) at = quote + 1;
      else {
        this.#inString = false;
        return quote + 1;
      }
    }
    this.#inString = true;
    this.#escaped ||= at > length;
    return -1;
  }
}

/** How many backslashes stand directly before `end`, not looking before `start`. */
function backslashesBefore(bytes: Buffer, end: number, start: number): number {
  let at = end;
  while (at > start && bytes[at - 1] === ascii.backslash) at -= 1;
  return end - at;
}

function scalarEnd(bytes: Buffer, from: number): number {
  for (let at = from; at < bytes.length; at++) if (!isScalarByte(bytes[at] as number)) return at;
  return -1;
}
