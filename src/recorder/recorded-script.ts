/**
 * A recording as the script of its rerun: what the code made, in order, and between those the
 * results of its effects. A result may be given out when everything that was made before it in the
 * log has been made again.
 */
import type { EventView } from "../event/index.ts";

/** The events of a recording, read once from front to back. */
export class RecordedScript {
  readonly #events: Iterator<EventView, void>;
  readonly #isGiven: (event: EventView) => boolean;
  /** Results that may be given out, oldest first. */
  readonly #results: EventView[] = [];
  #next: EventView | undefined;
  #ended = false;

  /** `isGiven` tells the results of effects from events that the code appended itself. */
  constructor(events: Iterable<EventView, void>, isGiven: (event: EventView) => boolean) {
    this.#events = events[Symbol.iterator]();
    this.#isGiven = isGiven;
    this.#readOn();
  }

  /** The next event that the code made; `undefined` at the end of the log. */
  get next(): EventView | undefined {
    return this.#next;
  }

  /** Whether nothing is left, made or given. */
  get isOver(): boolean {
    return this.#ended && this.#results.length === 0;
  }

  /** Takes the next event that the code made. */
  advance(): void {
    this.#next = undefined;
    this.#readOn();
  }

  /** The oldest result that may be given out now. */
  takeResult(): EventView | undefined {
    return this.#results.shift();
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
      if (step.done) this.#ended = true;
      else if (this.#isGiven(step.value)) this.#results.push(step.value);
      else if (step.value.kind !== "note") this.#next = step.value;
    }
  }
}
