/**
 * Bytes: joining, comparing, hexadecimal, little-endian numbers. Works on plain `Uint8Array`, so
 * that the browser uses the same code; sizes and offsets are safe integers, never 32-bit.
 */
import { assert } from "./assert.ts";

/** The empty byte string. */
export const noBytes: Uint8Array = new Uint8Array(0);

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** UTF-8 of `text`; lone surrogates become U+FFFD, so check `isWellFormed` where that matters. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Text of UTF-8 bytes; bytes that are no UTF-8 become U+FFFD. */
export function fromUtf8(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** Text of UTF-8 bytes; throws a `TypeError` on bytes that are no UTF-8. */
export function fromUtf8Strict(bytes: Uint8Array): string {
  return strictDecoder.decode(bytes);
}

/** One new array that holds all `parts` in order. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let size = 0;
  for (const part of parts) size += part.length;
  const joined = new Uint8Array(size);
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/** Whether two byte strings are the same. Not constant-time: never for secrets. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Lexicographic order of two byte strings: negative, 0 or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

const hexPairs = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
const hexBytesAtOnce = 1024;

/** Lower-case hexadecimal. */
export function toHex(bytes: Uint8Array): string {
  if (bytes.length > hexBytesAtOnce) return longHex(bytes);
  let hex = "";
  for (let i = 0; i < bytes.length; i++) hex += hexPairs[bytes[i] as number];
  return hex;
}

/** In pieces: a string grown pair by pair takes memory many times its length. */
function longHex(bytes: Uint8Array): string {
  const pieces: string[] = [];
  for (let start = 0; start < bytes.length; start += hexBytesAtOnce) {
    pieces.push(toHex(bytes.subarray(start, start + hexBytesAtOnce)));
  }
  return pieces.join("");
}

/** Bytes of lower- or upper-case hexadecimal, or `undefined` if `hex` is something else. */
export function fromHex(hex: string): Uint8Array | undefined {
  if (hex.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(hex)) return undefined;
  const bytes = new Uint8Array(hex.length / 2);
  for (let i = 0; i < bytes.length; i++)
    bytes[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

/** Reads an unsigned 16-bit little-endian number at `offset`. */
export function readU16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset] as number) | ((bytes[offset + 1] as number) << 8);
}

/** Reads an unsigned 32-bit little-endian number at `offset`. */
export function readU32(bytes: Uint8Array, offset: number): number {
  return (readU16(bytes, offset) | (readU16(bytes, offset + 2) << 16)) >>> 0;
}

/** Reads an unsigned 64-bit little-endian number; `NaN` above 2^53-1 (no valid file has one). */
export function readU64(bytes: Uint8Array, offset: number): number {
  const low = readU32(bytes, offset);
  const high = readU32(bytes, offset + 4);
  // Sums with a product stay floating-point numbers, and so does what is reckoned with them: seqs
  // and offsets, for which compiled code would be thrown away and made again (measured).
  if (high === 0) return low;
  const value = high * 2 ** 32 + low;
  return Number.isSafeInteger(value) ? value : Number.NaN;
}

/** Writes an unsigned 16-bit little-endian number at `offset`. */
export function writeU16(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value & 0xff;
  bytes[offset + 1] = value >>> 8;
}

/** Writes an unsigned 32-bit little-endian number at `offset`. */
export function writeU32(bytes: Uint8Array, offset: number, value: number): void {
  writeU16(bytes, offset, value & 0xffff);
  writeU16(bytes, offset + 2, value >>> 16);
}

/** Writes a safe integer as an unsigned 64-bit little-endian number at `offset`. */
export function writeU64(bytes: Uint8Array, offset: number, value: number): void {
  assert(Number.isSafeInteger(value) && value >= 0, "a 64-bit field holds a safe integer");
  writeU32(bytes, offset, value % 2 ** 32);
  writeU32(bytes, offset + 4, Math.floor(value / 2 ** 32));
}
