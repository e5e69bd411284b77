/**
 * Columns of text, aligned: numbers to the right, words to the left, two spaces in between. Colours
 * are added to whole lines, afterwards.
 */
import { columnsOf } from "./terminal-text.ts";

/** A column: its heading, and on which side its cells are flush. */
export interface Column {
  readonly heading: string;
  readonly align?: "left" | "right";
}

/** `text` filled with spaces to `columns`. */
export function padded(text: string, columns: number, align: "left" | "right" = "left"): string {
  const fill = " ".repeat(Math.max(0, columns - columnsOf(text)));
  return align === "left" ? text + fill : fill + text;
}

/** The lines of a table, the headings first. Cells hold no colours. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  const widths = columns.map(({ heading }, i) => {
    return Math.max(heading.length, ...rows.map((row) => columnsOf(row[i] ?? "")));
  });
  const headings = columns.map(({ heading }) => heading);
  return [headings, ...rows].map((row) => tableLine(columns, widths, row));
}

/** One line of a table whose widths are known. */
export function tableLine(
  columns: readonly Column[],
  widths: readonly number[],
  row: readonly string[],
): string {
  const cells = columns.map(({ align }, i) => padded(row[i] ?? "", widths[i] ?? 0, align));
  return cells.join("  ").trimEnd();
}

/** Lines of a left and a right part, the right parts below each other. */
export function twoColumns(pairs: readonly (readonly [left: string, right: string])[]): string[] {
  const width = Math.max(0, ...pairs.map(([left]) => columnsOf(left)));
  return pairs.map(([left, right]) => `${padded(left, width)}    ${right}`.trimEnd());
}

/** `label     value` lines with the labels in a column; lines without a value are left out. */
export function labelled(pairs: readonly (readonly [string, string | undefined])[]): string[] {
  const shown = pairs.filter(([, value]) => value !== undefined && value !== "");
  const width = Math.max(0, ...shown.map(([label]) => label.length));
  return shown.map(([label, value]) => `${label.padEnd(width)}  ${value}`);
}
