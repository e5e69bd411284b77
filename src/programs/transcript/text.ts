/**
 * Texts that are kept in the state, shortened to a number of bytes, and texts that are printed.
 * What is kept is well-formed Unicode, so that its encoded size is bounded and the same everywhere.
 */

/** UTF-8 bytes of a text; a lone surrogate counts as the three of U+FFFD. */
export function utf8Bytes(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    if (unit < 0x800) bytes += 1;
    else if (isHigh(unit) && isLow(text.charCodeAt(i + 1))) {
      // A pair of surrogates: two units, four bytes.
      bytes += 2;
      i += 1;
    } else bytes += 2;
  }
  return bytes;
}

/** The beginning of a text in at most `bytesMax` bytes of UTF-8, with "…" where it was cut. */
export function clip(text: string, bytesMax: number): string {
  if (fits(text, bytesMax)) return text.toWellFormed();
  let bytes = ellipsisBytes;
  let end = 0;
  while (end < text.length) {
    const size = unitBytes(text.charCodeAt(end));
    if (bytes + size > bytesMax) break;
    bytes += size;
    end += 1;
  }
  if (isHigh(text.charCodeAt(end - 1))) end -= 1;
  return `${text.slice(0, end)}…`.toWellFormed();
}

/** The end of a text in at most `bytesMax` bytes of UTF-8: what tells long paths apart. */
export function clipStart(text: string, bytesMax: number): string {
  if (fits(text, bytesMax)) return text.toWellFormed();
  let bytes = ellipsisBytes;
  let start = text.length;
  while (start > 0) {
    const size = unitBytes(text.charCodeAt(start - 1));
    if (bytes + size > bytesMax) break;
    bytes += size;
    start -= 1;
  }
  if (isLow(text.charCodeAt(start))) start += 1;
  return `…${text.slice(start)}`.toWellFormed();
}

const ellipsisBytes = 3;

function fits(text: string, bytesMax: number): boolean {
  if (3 * text.length <= bytesMax) return true;
  return text.length <= bytesMax && utf8Bytes(text) <= bytesMax;
}

/** At most what a unit takes: half of a surrogate pair is counted as three instead of two. */
function unitBytes(unit: number): number {
  return unit < 0x80 ? 1 : unit < 0x800 ? 2 : 3;
}

function isHigh(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

/** Controls, line separators, marks of writing direction, the byte order mark. */
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\ufeff]+/gu;

/** A text on one line of at most `charsMax` characters, without anything a terminal would obey. */
export function printable(text: string, charsMax: number): string {
  const line = text.replace(unprintable, " ").replace(/ {2,}/g, " ").trim();
  const chars = [...line];
  return chars.length <= charsMax ? line : `${chars.slice(0, charsMax - 1).join("")}…`;
}

/** `1234567` as `1,234,567`. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(?:\d{3})+$)/g, ",");
}

/** Milliseconds as people say them: `0 ms`, `4.2 s`, `3 m 5 s`, `2 h 10 m`, `4 d 2 h`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} m ${whole % 60} s`;
  const minutes = Math.round(whole / 60);
  if (minutes < 1440) return `${Math.floor(minutes / 60)} h ${minutes % 60} m`;
  const hours = Math.round(minutes / 60);
  return `${grouped(Math.floor(hours / 24))} d ${hours % 24} h`;
}

/** Bytes as people say them: `812 B`, `4.1 kB`, `3.2 MB`. */
export function size(bytes: number): string {
  return scaled(bytes, ["B", "kB", "MB", "GB", "TB"]);
}

/** A large count in three digits or so: `812`, `98.1k`, `3.20M`. */
export function rounded(count: number): string {
  return scaled(count, ["", "k", "M", "G", "T"]).replace(" ", "");
}

function scaled(amount: number, units: readonly string[]): string {
  let value = amount;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 ? 0 : value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return `${value.toFixed(digits)} ${units[unit]}`.trimEnd();
}

/** A time as `2026-01-05 12:17:36`, UTC; nothing for one that no calendar holds. */
export function dateTime(ms: number): string {
  if (!(ms >= 0 && ms <= 8.64e15)) return "";
  return new Date(ms).toISOString().slice(0, -5).replace("T", " ");
}
