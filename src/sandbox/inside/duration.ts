/**
 * Spans of time as people write them: milliseconds as a number, or "3d", "1h30m", "500ms". Read by
 * hand, without regular expressions, and refused when they are not understood to the last letter.
 */

const unitMs: ReadonlyMap<string, number> = new Map([
  ["ms", 1],
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
  ["w", 604_800_000],
]);

/** Longest span: about 285 years; a due time stays a safe integer and a valid `Date`. */
const durationMsMax = 9_000_000_000_000;

function refusal(value: unknown): TypeError {
  const shown = typeof value === "string" ? `"${value}"` : `what is of type ${typeof value}`;
  const given = typeof value === "number" ? `${value}` : shown;
  return new TypeError(
    `${given} is no span of time: give milliseconds, or a text like "500ms", "1h30m" or "3d"`,
  );
}

function isDigit(unit: number): boolean {
  return unit >= 0x30 && unit <= 0x39;
}

function parse(text: string): number {
  let total = 0;
  let at = 0;
  if (text === "") throw refusal(text);
  while (at < text.length) {
    const start = at;
    while (at < text.length && (isDigit(text.charCodeAt(at)) || text[at] === ".")) at++;
    const count = Number(text.slice(start, at));
    const letters = at;
    while (at < text.length && !isDigit(text.charCodeAt(at))) at++;
    const ms = unitMs.get(text.slice(letters, at));
    if (letters === start || ms === undefined || !(count >= 0)) throw refusal(text);
    total += count * ms;
  }
  return total;
}

/** Whole milliseconds of a span of time. Throws a `TypeError` for anything else. */
export function durationMs(value: unknown): number {
  const ms = typeof value === "string" ? parse(value) : value;
  if (typeof ms !== "number" || !(ms >= 0 && ms <= durationMsMax)) throw refusal(value);
  return Math.ceil(ms);
}
