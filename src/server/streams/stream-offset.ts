/**
 * Places in a stream. An offset is the seq behind the last message that was read, written so that
 * offsets sort as text; the second half is always zero. What clients do with it: nothing but send
 * it back (Durable Streams protocol, section 8).
 */

const width = 16;
const end = `_${"0".repeat(width)}`;
const pattern = new RegExp(`^(\\d{${width}})${end}$`);

/** The offset of a place. */
export function offsetText(place: number): string {
  return String(place).padStart(width, "0") + end;
}

/** The place of an offset; `undefined` for text that is none. */
export function parseOffset(text: string): number | undefined {
  const place = Number(pattern.exec(text)?.[1]);
  return Number.isSafeInteger(place) ? place : undefined;
}

const intervalMs = 20_000;
const cursorEpoch = Date.UTC(2024, 9, 9);
const jitterSecondsMax = 3600;

/**
 * A cursor for a live answer: the number of the interval of 20 seconds, or one beyond the client's
 * where that is not behind, so that no cache can lead a client in a circle (section 10.1).
 */
export function cursorAfter(theirs: string | undefined, now: number, random = Math.random): string {
  const current = Math.floor((now - cursorEpoch) / intervalMs);
  const known = theirs !== undefined && /^\d{1,15}$/.test(theirs) ? Number(theirs) : -1;
  if (known < current) return String(current);
  const jitter = 1 + Math.floor(random() * jitterSecondsMax);
  return String(known + Math.ceil((jitter * 1000) / intervalMs));
}
