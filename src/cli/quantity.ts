/**
 * Counts, bytes, times and rates as people read them. Decimal units, three digits or so, the same
 * on every machine: no locale, no time zone but UTC.
 */

/** `1234567` as `1,234,567`. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(?:\d{3})+$)/g, ",");
}

/** `1 event`, `2 events`; `nouns` where the plural is another word. */
export function counted(count: number, noun: string, nouns = `${noun}s`): string {
  return `${grouped(count)} ${count === 1 ? noun : nouns}`;
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

/** `0.61 s`, `6.1 s`, `3 m 5 s`, `2 h 10 m`. */
export function seconds(time: number): string {
  if (time < 1) return `${time.toFixed(2)} s`;
  if (time < 59.95) return `${time.toFixed(1)} s`;
  const whole = Math.round(time);
  if (whole < 3600) return `${Math.floor(whole / 60)} m ${whole % 60} s`;
  const minutes = Math.round(whole / 60);
  return `${grouped(Math.floor(minutes / 60))} h ${minutes % 60} m`;
}

/** Events per second in three significant digits: `157,000`. */
export function perSecond(count: number, time: number): string {
  const rate = count / Math.max(time, 1e-6);
  if (rate < 100) return rate.toFixed(rate < 10 ? 1 : 0);
  const unit = 10 ** (Math.floor(Math.log10(rate)) - 2);
  return grouped(Math.round(rate / unit) * unit);
}

/** Milliseconds since the epoch as `2026-01-05 12:17:36.583`, UTC; what no date has as it is. */
export function timestamp(ms: number): string {
  if (!(ms >= 0 && ms <= 8.64e15)) return String(ms);
  return new Date(ms).toISOString().replace("T", " ").slice(0, -1);
}

/** The same to the second: `2026-01-05 12:17:36`. */
export function dateTime(ms: number): string {
  return timestamp(ms).replace(/\.\d{3}$/, "");
}

function threeDigits(value: number): string {
  return value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
}
