/**
 * The timers that one session waits for, as its program said last: which are due, in the order in
 * which they fire, and when to look again.
 */
import type { Waiting } from "../driver/index.ts";

/** Timers by the seq of the event that set them. */
export class ArmedTimers {
  #due = new Map<number, number>();

  /** Replaces all of them. */
  set(timers: Waiting["timers"]): void {
    this.#due = new Map(timers.map(({ seq, due }) => [seq, due]));
  }

  has(seq: number): boolean {
    return this.#due.has(seq);
  }

  /** A timer has fired. */
  delete(seq: number): void {
    this.#due.delete(seq);
  }

  /** When the first is due, milliseconds since the epoch; `undefined` when there is none. */
  get next(): number | undefined {
    let next: number | undefined;
    for (const due of this.#due.values()) if (next === undefined || due < next) next = due;
    return next;
  }

  /** Seqs of those that are due, in the order in which they fire. */
  dueAt(now: number): number[] {
    return [...this.#due]
      .filter(([, due]) => due <= now)
      .sort(([a, first], [b, second]) => first - second || a - b)
      .map(([seq]) => seq);
  }
}
