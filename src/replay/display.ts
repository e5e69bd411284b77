/**
 * Values as short texts for people. States hold what strangers wrote, so whatever could move the
 * cursor, hide or turn text around in a terminal is written as an escape.
 */

const textCharsMax = 60;
const contextChars = 16;
const bytesShown = 16;
const membersShown = 6;

/** Controls, line separators, marks of writing direction, the byte order mark. */
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\ufeff]/gu;

/** `text` with everything that a terminal would obey instead of show as `\uXXXX`. */
export function visible(text: string): string {
  return text.replace(unprintable, (unit) => {
    return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** One value in at most about 80 characters: `"text"`, `-0`, `12n`, `[3 items]`, `{a, b}`. */
export function displayed(value: unknown): string {
  switch (typeof value) {
    case "string":
      return displayedText(value, 0);
    case "bigint":
      return displayedBigint(value);
    case "number":
      return Object.is(value, -0) ? "-0" : String(value);
    case "object":
      return value === null ? "null" : displayedObject(value);
    case "function":
    case "symbol":
      return `a ${typeof value}`;
    default:
      return String(value);
  }
}

/** Two texts that differ, both from shortly before the place where they part. */
export function displayedTexts(expected: string, actual: string): [string, string] {
  const shorter = Math.min(expected.length, actual.length);
  let same = 0;
  while (same < shorter && expected.charCodeAt(same) === actual.charCodeAt(same)) same++;
  const longer = Math.max(expected.length, actual.length);
  const start = longer <= textCharsMax ? 0 : Math.max(0, same - contextChars);
  return [displayedText(expected, start), displayedText(actual, start)];
}

/** Bytes from offset `start` on, in hexadecimal. */
export function displayedBytes(bytes: Uint8Array, start: number): string {
  const shown = bytes.subarray(start, start + bytesShown);
  const hex = Array.from(shown, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  const from = start > 0 ? ` from ${start}:` : "";
  return `${bytes.length} bytes${from} ${hex}${start + bytesShown < bytes.length ? " …" : ""}`;
}

function displayedText(text: string, start: number): string {
  const shown = visible(JSON.stringify(text.slice(start, start + textCharsMax)));
  const cut = start + textCharsMax < text.length;
  const length = start > 0 || cut ? ` (${text.length} characters)` : "";
  return `${start > 0 ? "…" : ""}${shown}${cut ? "…" : ""}${length}`;
}

/** Sixteen hexadecimal digits at each end: writing a huge one in decimal takes quadratic time. */
function displayedBigint(value: bigint): string {
  const magnitude = value < 0n ? -value : value;
  if (magnitude < 1n << 128n) return `${value}n`;
  const hex = magnitude.toString(16);
  return `${value < 0n ? "-" : ""}0x${hex.slice(0, 16)}…${hex.slice(-16)}n (${hex.length} digits)`;
}

function displayedObject(value: object): string {
  if (value instanceof Uint8Array) return displayedBytes(value, 0);
  if (Array.isArray(value)) return value.length === 1 ? "[1 item]" : `[${value.length} items]`;
  const keys = Object.keys(value);
  const names = keys.slice(0, membersShown).map((key) => {
    return /^[\w$]{1,24}$/.test(key) ? key : displayedKey(key);
  });
  const rest = keys.length > membersShown ? `, … ${keys.length} members` : "";
  return `{${names.join(", ")}${rest}}`;
}

function displayedKey(key: string): string {
  return visible(JSON.stringify(key.length > 24 ? `${key.slice(0, 23)}…` : key));
}
