/**
 * Looking into records of strangers: every function takes anything and answers with nothing when
 * the shape is another one, so that a lens reads as what it wants and never throws.
 */

/** An object with named members. */
export type Members = Readonly<Record<string, unknown>>;

const noMembers: Members = {};

/** Whether a value has named members: an object that is no array and no bytes. */
export function isMembers(value: unknown): value is Members {
  if (typeof value !== "object" || value === null) return false;
  return !Array.isArray(value) && !(value instanceof Uint8Array);
}

/** The members of a value; none when it has none. */
export function membersOf(value: unknown): Members {
  return isMembers(value) ? value : noMembers;
}

/** The items of an array; none of anything else. */
export function itemsOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Text that is not empty. */
export function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** A whole number from 0 to 2^53-1; 0 for anything else. */
export function countOf(value: unknown): number {
  if (typeof value !== "number" || !(value >= 1 && value <= Number.MAX_SAFE_INTEGER)) return 0;
  return Math.floor(value);
}

/** An amount of money; `null` when none is given. */
export function costOf(value: unknown): number | null {
  return typeof value === "number" && value >= 0 && value < 1e12 ? value + 0 : null;
}

/** Milliseconds of an amount of seconds; `null` when none is given. */
export function secondsOf(value: unknown): number | null {
  if (typeof value !== "number" || !(value >= 0)) return null;
  return Math.min(Math.round(value * 1000), Number.MAX_SAFE_INTEGER);
}

/** The members of a JSON text of at most 1 MiB; none when it is no object. */
export function parsedMembers(value: unknown): Members {
  if (typeof value !== "string") return membersOf(value);
  if (value.length > 1_048_576 || !/^\s*\{/.test(value)) return noMembers;
  try {
    return membersOf(JSON.parse(value));
  } catch {
    return noMembers;
  }
}

/**
 * The text of a message's content: a string, or blocks with a `text` each (at most 256 of them),
 * one per line. Blocks of other kinds (images, tool calls) have none.
 */
export function plainText(content: unknown): string {
  if (typeof content === "string") return content;
  if (isMembers(content)) return textOf(content["text"]) ?? "";
  const items = itemsOf(content);
  if (items.length === 1) return textOf(items[0]) ?? textOf(membersOf(items[0])["text"]) ?? "";
  const texts: string[] = [];
  for (let i = 0; i < items.length && i < 256; i++) {
    const text = textOf(items[i]) ?? textOf(membersOf(items[i])["text"]);
    if (text !== undefined) texts.push(text);
  }
  return texts.join("\n");
}
