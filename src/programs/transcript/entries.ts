/**
 * Bounded lists of entries, the only containers of the state. Entries are named by what strangers
 * wrote, so they stand in arrays and not as keys of objects: `__proto__` is a name like any other,
 * and the order survives the encoding. The lists are short; a linear search from the newest entry
 * is quicker than keeping an index beside them.
 */

/** The last entry whose `member` is `name`, or -1. */
export function lastIndex<Member extends string>(
  entries: readonly Readonly<Record<Member, string>>[],
  member: Member,
  name: string,
): number {
  let i = entries.length - 1;
  while (i >= 0 && entries[i]?.[member] !== name) i -= 1;
  return i;
}

/** Moves the entry at `index` to the end, where the most recently used ones are. */
export function freshen(entries: unknown[], index: number): void {
  const last = entries.length - 1;
  if (index === last) return;
  const entry = entries[index];
  entries.copyWithin(index, index + 1);
  entries[last] = entry;
}

/** Removes and returns the entry with the least `member`, the oldest of those. */
export function removeLeast<Member extends string, Entry extends Readonly<Record<Member, number>>>(
  entries: Entry[],
  member: Member,
): Entry | undefined {
  let least = 0;
  for (let i = 1; i < entries.length; i++) {
    const entry = entries[i] as Entry;
    if (entry[member] < (entries[least] as Entry)[member]) least = i;
  }
  return entries.splice(least, 1)[0];
}

/** Adds `entry` at the end and drops the oldest one above `max`. */
export function pushBounded<Entry>(entries: Entry[], entry: Entry, max: number): void {
  entries.push(entry);
  if (entries.length > max) entries.shift();
}

/** Keeps `entry` if it is among the `max` with the largest `ms`; the largest comes first. */
export function keepLargest<Entry extends { readonly ms: number }>(
  entries: Entry[],
  entry: Entry,
  max: number,
): void {
  const last = entries[entries.length - 1];
  if (entries.length >= max && last !== undefined && entry.ms <= last.ms) return;
  let at = entries.length;
  while (at > 0 && (entries[at - 1] as Entry).ms < entry.ms) at -= 1;
  entries.splice(at, 0, entry);
  if (entries.length > max) entries.pop();
}

/** Adds two counts; stops at 2^53-1 instead of becoming inexact. */
export function plus(count: number, more: number): number {
  return Math.min(count + more, Number.MAX_SAFE_INTEGER);
}

/** How often names occurred: the frequent ones each, the rest together. */
export interface Tally {
  readonly entries: { readonly name: string; count: number }[];
  /** Names that were given up to make room, and how often they had occurred. */
  others: { names: number; count: number };
}

/** A tally of nothing. */
export function emptyTally(): Tally {
  return { entries: [], others: { names: 0, count: 0 } };
}

/**
 * Counts `name`, which is bounded already. Where there is no room the rarest name makes way, so
 * frequent names stay whenever they come; one that comes back counts from there.
 */
export function tally(counts: Tally, name: string, max: number): void {
  for (const entry of counts.entries) {
    if (entry.name !== name) continue;
    entry.count = plus(entry.count, 1);
    return;
  }
  if (counts.entries.length >= max) {
    const rarest = removeLeast(counts.entries, "count");
    counts.others.names = plus(counts.others.names, 1);
    counts.others.count = plus(counts.others.count, rarest?.count ?? 0);
  }
  counts.entries.push({ name, count: 1 });
}
