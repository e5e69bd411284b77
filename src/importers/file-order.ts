/**
 * The order in which the files of a folder are one source: by name, with the numbers in names by
 * their value, so that `2.json` comes before `10.json`. The same on every machine: no locale.
 */

/** A number, or any other UTF-16 unit. */
const parts = /\d+|\D/g;
const digits = /^\d/;

/** Compares two names of files; 0 only for the same name. */
export function compareNames(a: string, b: string): number {
  const ours = a.match(parts) ?? [];
  const theirs = b.match(parts) ?? [];
  for (const [index, part] of ours.entries()) {
    const order = compareParts(part, theirs[index] ?? "");
    if (order !== 0) return order;
  }
  // Where only leading zeros differ, the names decide as they are.
  return ours.length < theirs.length ? -1 : compareText(a, b);
}

function compareParts(a: string, b: string): number {
  if (!digits.test(a) || !digits.test(b)) return compareText(a, b);
  const one = a.replace(/^0+/, "");
  const other = b.replace(/^0+/, "");
  return one.length - other.length || compareText(one, other);
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
