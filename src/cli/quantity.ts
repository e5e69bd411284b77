/**
 * Numbers with their nouns, spans and rates as people read them on the command line; what a page
 * shows as well is in `base`.
 */
import { grouped, timestamp } from "../base/index.ts";

export { byteSize, grouped, timestamp } from "../base/index.ts";

/** `1 event`, `2 events`; `nouns` where the plural is another word. */
export function counted(count: number, noun: string, nouns = `${noun}s`): string {
  return `${grouped(count)} ${count === 1 ? noun : nouns}`;
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

/** The same to the second: `2026-01-05 12:17:36`. */
export function dateTime(ms: number): string {
  return timestamp(ms).replace(/\.\d{3}$/, "");
}
