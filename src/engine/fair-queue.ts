/**
 * A queue in which programs take turns: one that starts a thousand sessions at once does not keep
 * the others waiting for all of them.
 */

interface Entry<Item> {
  readonly item: Item;
  readonly since: number;
}

/** Items by program, served round robin; within a program in order. */
export class FairQueue<Item> {
  readonly #now: () => number;
  /** A program is in it as long as it has entries, and goes to the end when it was served. */
  readonly #programs = new Map<string, Entry<Item>[]>();
  size = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  push(program: string, item: Item): void {
    const entry = { item, since: this.#now() };
    const entries = this.#programs.get(program);
    if (entries) entries.push(entry);
    else this.#programs.set(program, [entry]);
    this.size += 1;
  }

  /** The next item, of the program whose turn it is. */
  shift(): Item | undefined {
    for (const [program, entries] of this.#programs) {
      this.#programs.delete(program);
      const entry = entries.shift() as Entry<Item>;
      if (entries.length > 0) this.#programs.set(program, entries);
      this.size -= 1;
      return entry.item;
    }
    return undefined;
  }

  /** Empties it; the items come program by program. */
  drain(): Item[] {
    const items = [...this.#programs.values()].flat().map(({ item }) => item);
    this.#programs.clear();
    this.size = 0;
    return items;
  }

  /** When the oldest item came; infinite when there is none. */
  get oldest(): number {
    let oldest = Number.POSITIVE_INFINITY;
    for (const [first] of this.#programs.values())
      oldest = Math.min(oldest, first?.since ?? oldest);
    return oldest;
  }
}
