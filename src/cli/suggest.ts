/**
 * "Did you mean": the candidates closest to a mistyped word. Commands and options are suggested by
 * commander; this is for what commander does not know: ids, programs, formats.
 */

/** Most edits between a word and its suggestion. */
const editsMax = 3;

/**
 * Edits that turn `a` into `b`: insertion, deletion, another letter, two neighbours swapped
 * (optimal string alignment). https://en.wikipedia.org/wiki/Damerau-Levenshtein_distance
 */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let least = Math.min(
        (last[j] as number) + 1,
        (row[j - 1] as number) + 1,
        (last[j - 1] as number) + (same ? 0 : 1),
      );
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) least = Math.min(least, (beforeLast[j - 2] as number) + 1);
      row.push(least);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] as number;
}

/** The candidates closest to `word`, in their order; none when all of them are far from it. */
export function closest(word: string, candidates: Iterable<string>): string[] {
  let best = editsMax;
  let found: string[] = [];
  for (const candidate of candidates) {
    const longer = Math.max(word.length, candidate.length);
    if (Math.abs(word.length - candidate.length) > best) continue;
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    // More than half of the letters have to be right, else "ls" would suggest everything short.
    if (distance > best || 2 * distance >= longer) continue;
    if (distance < best) found = [];
    best = distance;
    found.push(candidate);
  }
  return found;
}

/** `did you mean a?`, `did you mean a or b?`, or nothing when there is nothing to suggest. */
export function didYouMean(suggestions: readonly string[]): string | undefined {
  if (suggestions.length === 0) return undefined;
  return `did you mean ${suggestions.slice(0, 3).join(" or ")}?`;
}
