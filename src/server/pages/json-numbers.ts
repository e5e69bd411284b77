/**
 * Numbers as JSON, written as bytes: the same digits as `JSON.stringify` gives, without the text in
 * between where that is the slower way.
 */

/** Decimals of up to six places in 15 digits are told apart by a double, so they are shortest. */
const places = 6;
const perOne = 10 ** places;
const decimalMax = 1e15;

/** Writes a whole number from 0 on; returns the offset behind it. */
export function writeInteger(out: Uint8Array, offset: number, value: number): number {
  if (value < 1e9) {
    let length = 1;
    for (let rest = value; rest >= 10; rest = (rest / 10) | 0) length += 1;
    return writeDigits(out, offset, value, length);
  }
  if (value > Number.MAX_SAFE_INTEGER) return writeText(out, offset, String(value));
  // In halves of nine digits: numbers beyond 31 bits are slow to take apart, and times are.
  const high = Math.floor(value / 1e9);
  return writeDigits(out, writeInteger(out, offset, high), value - high * 1e9, 9);
}

/** Writes a finite number that is not -0; returns the offset behind it. */
export function writeFloat(out: Uint8Array, offset: number, value: number): number {
  const scaled = Math.round(value * perOne);
  const isDecimal = Math.abs(scaled) < decimalMax && scaled / perOne === value;
  if (!isDecimal) return writeText(out, offset, String(value));
  let at = offset;
  if (scaled < 0) out[at++] = 0x2d;
  const whole = Math.floor(Math.abs(value));
  at = writeInteger(out, at, whole);
  let rest = Math.abs(scaled) - whole * perOne;
  if (rest === 0) return at;
  let length = places;
  for (; rest % 10 === 0; rest /= 10) length -= 1;
  out[at++] = 0x2e;
  return writeDigits(out, at, rest, length);
}

/** The last `length` digits of a number below 2^31. */
function writeDigits(out: Uint8Array, offset: number, value: number, length: number): number {
  const end = offset + length;
  let rest = value;
  for (let at = end - 1; at >= offset; at--) {
    const next = (rest / 10) | 0;
    out[at] = 0x30 + rest - 10 * next;
    rest = next;
  }
  return end;
}

/** Writes text of ASCII characters; returns the offset behind it. */
export function writeText(out: Uint8Array, offset: number, text: string): number {
  for (let i = 0; i < text.length; i++) out[offset + i] = text.charCodeAt(i);
  return offset + text.length;
}
