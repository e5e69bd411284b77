/**
 * Heads of CBOR items (RFC 8949, 3), for the frame around an event's data: it is written where it
 * will lie and read where it lies, and the data inside is not touched.
 */

/** Bytes of a head with `argument`. */
export function headSize(argument: number): number {
  if (argument < 24) return 1;
  return argument < 0x100 ? 2 : argument < 0x10000 ? 3 : argument < 2 ** 32 ? 5 : 9;
}

/** Writes the head of `major` type with `argument`; returns the offset behind it. */
export function writeHead(
  target: Uint8Array,
  offset: number,
  major: number,
  argument: number,
): number {
  const initial = major << 5;
  if (argument < 24) {
    target[offset] = initial | argument;
    return offset + 1;
  }
  const size = headSize(argument) - 1;
  target[offset] = initial | (size === 1 ? 24 : size === 2 ? 25 : size === 4 ? 26 : 27);
  let at = offset + size;
  let rest = argument;
  // A number above 32 bits goes in two halves: integers are divided faster.
  if (size === 8) {
    let low = argument >>> 0;
    for (; at > offset + 4; at--) {
      target[at] = low;
      low >>>= 8;
    }
    rest = Math.floor(argument / 2 ** 32);
  }
  for (; at > offset; at--) {
    target[at] = rest;
    rest >>>= 8;
  }
  return offset + 1 + size;
}

/** The head of `major` type with `argument` as bytes of its own. */
export function headBytes(major: number, argument: number): Uint8Array {
  const target = new Uint8Array(9);
  return target.subarray(0, writeHead(target, 0, major, argument));
}

/** Reads heads of CBOR items one after the other, and moves on. */
export class HeadReader {
  readonly bytes: Uint8Array;
  /** Where the next head begins. */
  position: number;

  constructor(bytes: Uint8Array, position: number) {
    this.bytes = bytes;
    this.position = position;
  }

  /** The argument of a head of `major` type, or -1 if something else stands here. */
  argument(major: number): number {
    const initial = this.bytes[this.position];
    if (initial === undefined || initial >>> 5 !== major) return -1;
    const info = initial & 31;
    if (info < 24) {
      this.position += 1;
      return info;
    }
    if (info > 27) return -1;
    const size = 1 << (info - 24);
    const end = this.position + 1 + size;
    if (end > this.bytes.length) return -1;
    let value = 0;
    for (let i = this.position + 1; i < end; i++) value = value * 256 + (this.bytes[i] as number);
    this.position = end;
    return Number.isSafeInteger(value) ? value : -1;
  }
}
