/**
 * Numbers, times and values as short texts for people. Times are in UTC, as in the output of the
 * command, so that both can be compared.
 */

export { byteSize, grouped as count, timestamp } from "../base/index.ts";

/** A span of milliseconds: `870 ms`, `12.4 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function span(ms: number): string {
  const sign = ms < 0 ? "-" : "";
  const length = Math.abs(ms);
  if (length < 999.5) return `${sign}${Math.round(length)} ms`;
  if (length < 59_950) return `${sign}${(length / 1000).toFixed(1)} s`;
  const seconds = Math.round(length / 1000);
  if (seconds < 3600) return `${sign}${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 1440) return `${sign}${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  const hours = Math.round(minutes / 60);
  return `${sign}${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** How long ago a time is: `3 min ago`; what lies ahead is `now`. */
export function ago(ms: number, now: number): string {
  const passed = now - ms;
  if (passed < 5000) return "now";
  const [long = ""] = /^\d+ \w+|^\S+ \S+/.exec(span(Math.round(passed / 1000) * 1000)) ?? [];
  return `${long.replace(/\.\d/, "")} ago`;
}

/** The beginning of a text on one line. */
export function clipped(text: string, charsMax: number): string {
  const beginning = text.slice(0, 4 * charsMax);
  const line = beginning.replace(/\s+/g, " ").trim();
  if (line.length <= charsMax && beginning.length === text.length) return line;
  return `${wellFormed(line.slice(0, charsMax))}…`;
}

/** Without half of a pair of surrogates at its end. */
function wellFormed(text: string): string {
  return /[\uD800-\uDBFF]$/.test(text) ? text.slice(0, -1) : text;
}
