/**
 * Choosing events by their types: `*` stands for anything, also for nothing. Patterns come from
 * strangers, so what matches takes time in proportion to its length, and is no regular expression.
 */

/**
 * A filter by type, in which `*` stands for anything. Takes time that grows with the length of a
 * type, whatever the pattern: no regular expression.
 */
export function typeFilter(pattern: string): (type: string) => boolean {
  const [first = "", ...rest] = pattern.split("*");
  const last = rest.pop();
  if (last === undefined) return (type) => type === first;
  return (type) => {
    if (type.length < first.length + last.length) return false;
    if (!type.startsWith(first) || !type.endsWith(last)) return false;
    let at = first.length;
    const end = type.length - last.length;
    for (const part of rest) {
      const found = type.indexOf(part, at);
      if (found < 0 || found + part.length > end) return false;
      at = found + part.length;
    }
    return true;
  };
}
