/**
 * A recording as the script of its rerun: what the code made, in order, and what it was answered:
 * an event when it had been appended, a call when its result had. An answer may be given when
 * everything that was made before it in the log has been made again.
 */
import type { EventView } from "../event/index.ts";

/**
 * Who made an event: the code itself, or whoever answered its effects (`given`); what an effect
 * noted while it ran stands beside, and nobody makes it again.
 */
export type EventRole = "made" | "given" | "beside";

/** The events of a recording, read once from front to back. */
export class RecordedScript {
  readonly #events: Iterator<EventView, void>;
  readonly #roleOf: (event: EventView) => EventRole;
  /** What may be answered, oldest first: events that the code appended, and results. */
  readonly #answers: EventView[] = [];
  #next: EventView | undefined;
  #ended = false;

  /** `roleOf` is asked about an event when everything before it has been made again. */
  constructor(events: Iterable<EventView, void>, roleOf: (event: EventView) => EventRole) {
    this.#events = events[Symbol.iterator]();
    this.#roleOf = roleOf;
    this.#readOn();
  }

  /** The next event that the code made; `undefined` at the end of the log. */
  get next(): EventView | undefined {
    return this.#next;
  }

  /** Whether nothing is left, made or answered. */
  get isOver(): boolean {
    return this.#ended && this.#answers.length === 0;
  }

  /** Takes the next event that the code made; whether it is answered itself, or by a result. */
  advance(isAnswered: boolean): void {
    if (this.#next && isAnswered) this.#answers.push(this.#next);
    this.#next = undefined;
    this.#readOn();
  }

  /** The oldest of what may be answered now. */
  takeAnswer(): EventView | undefined {
    return this.#answers.shift();
  }

  /** Events behind the next one, for reports. */
  *rest(limit: number): Generator<EventView, void> {
    for (let i = 0; i < limit; i++) {
      const step = this.#events.next();
      if (step.done) return;
      yield step.value;
    }
  }

  #readOn(): void {
    while (!this.#next && !this.#ended) {
      const step = this.#events.next();
      if (step.done) {
        this.#ended = true;
        return;
      }
      const role = this.#roleOf(step.value);
      if (role === "given") this.#answers.push(step.value);
      else if (role === "made") this.#next = step.value;
    }
  }
}
