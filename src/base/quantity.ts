/**
 * Counts, bytes and times as people read them, on the command line as in a page. Decimal units,
 * three digits or so, the same on every machine: no locale, no time zone but UTC.
 */

/** `1234567` as `1,234,567`. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(?:\d{3})+$)/g, ",");
}

/** `812 B`, `4.10 kB`, `349 MB`. */
export function byteSize(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : threeDigits(value)} ${units[unit]}`;
}

/** Milliseconds since the epoch as `2026-01-05 12:17:36.583`, UTC; what no date has as it is. */
export function timestamp(ms: number): string {
  if (!(ms >= 0 && ms <= 8.64e15)) return String(ms);
  return new Date(ms).toISOString().replace("T", " ").slice(0, -1);
}

function threeDigits(value: number): string {
  return value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
}
