/**
 * Text that strangers wrote, on its way to a terminal: nothing in it may move the cursor, change
 * colours or turn the writing direction around, and it must fit its column.
 */

/** Controls, line separators, marks of writing direction, the byte order mark. */
const obeyed = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\ufeff]/gu;

const wideScripts = ["Han", "Hangul", "Hiragana", "Katakana"].map((name) => `\\p{Script=${name}}`);
const wide = new RegExp(`[${wideScripts.join("")}\\p{Emoji_Presentation}\\uff01-\\uff60]`, "u");
const narrowOnly = /^[\x20-\x7e]*$/;
const withoutWidth = /[\p{Mn}\p{Me}\p{Cf}]/u;

/** `text` with everything that a terminal would obey instead of show as `\uXXXX`. */
export function visible(text: string): string {
  return text.replace(obeyed, (unit) => {
    return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** `text` on one line: what a terminal would obey becomes a space, runs of spaces become one. */
export function oneLine(text: string): string {
  return text.replace(obeyed, " ").replace(/ {2,}/g, " ").trim();
}

/** Columns that `text` takes on a terminal, without colours. */
export function columnsOf(text: string): number {
  if (narrowOnly.test(text)) return text.length;
  let columns = 0;
  for (const character of text) columns += widthOf(character);
  return columns;
}

function widthOf(character: string): number {
  if (withoutWidth.test(character)) return 0;
  return wide.test(character) ? 2 : 1;
}

/** The beginning of `text` in at most `columns` columns (1 or more), with `…` where it was cut. */
export function clipped(text: string, columns: number): string {
  // Most texts are short; a long one is not measured as a whole.
  if (text.length <= columns && columnsOf(text) <= columns) return text;
  let used = 0;
  let kept = "";
  for (const character of text) {
    used += widthOf(character);
    if (used > columns) return `${withoutLast(kept, columns)}…`;
    kept += character;
  }
  return kept;
}

/** What leaves a column for the `…`. */
function withoutLast(kept: string, columns: number): string {
  const characters = [...kept];
  while (characters.length > 0 && columnsOf(characters.join("")) > columns - 1) characters.pop();
  return characters.join("");
}
