/**
 * What values that differ between a recording and its rerun look like. Code that records itself
 * runs with the real clock and the real randomness, so those are the first suspects.
 */
import { decodeValue } from "../base/index.ts";

/** What leaked in, as a word for a sentence. */
export type LeakedInput = "the time" | "randomness";

const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/i;
const date = /\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d/;
/** Milliseconds since the epoch of the years 2001 to 2100. */
const timeMin = 1_000_000_000_000;
const timeMax = 4_102_444_800_000;

/** Compares two encoded values; tells what the first place at which they differ looks like. */
export function leakedInput(recorded: Uint8Array, made: Uint8Array): LeakedInput | undefined {
  return leak(decodeValue(recorded), decodeValue(made));
}

function leak(a: unknown, b: unknown): LeakedInput | undefined {
  if (typeof a === "number" && typeof b === "number") return a === b ? undefined : ofNumbers(a, b);
  if (typeof a === "string" && typeof b === "string") return a === b ? undefined : ofTexts(a, b);
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return undefined;
  for (const key of Object.keys(a)) {
    const found = Object.hasOwn(b, key)
      ? leak(Reflect.get(a, key), Reflect.get(b, key))
      : undefined;
    if (found) return found;
  }
  return undefined;
}

function ofNumbers(a: number, b: number): LeakedInput | undefined {
  const both = (test: (value: number) => boolean): boolean => test(a) && test(b);
  if (both((value) => value >= timeMin && value <= timeMax)) return "the time";
  if (both((value) => value >= timeMin / 1000 && value <= timeMax / 1000)) return "the time";
  if (both((value) => value > 0 && value < 1)) return "randomness";
  return undefined;
}

function ofTexts(a: string, b: string): LeakedInput | undefined {
  const without = (text: string, pattern: RegExp): string =>
    text.replace(new RegExp(pattern, "gi"), "");
  if (date.test(a) && date.test(b)) return "the time";
  const ids = uuid.test(a) && uuid.test(b);
  return ids && without(a, uuid) === without(b, uuid) ? "randomness" : undefined;
}
