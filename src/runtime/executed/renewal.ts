/**
 * At which step boundaries a replay goes on in a fresh context from nothing but the state, as a
 * resumed session would. Whatever a step keeps outside the state for a later one is then missing,
 * and shows. Every one of the first steps behind a snapshot, then ever more rarely: a context costs
 * more than most steps.
 */

/** Boundaries behind a snapshot at each of which a fresh context begins. */
const everyUntil = 32;

/** Counts the boundaries behind the last recorded state. */
export class Renewal {
  readonly #always: boolean;
  #passed = 0;

  /** `always`: at every boundary. */
  constructor(always: boolean) {
    this.#always = always;
  }

  /** A recorded state was passed: counting starts anew. */
  restart(): void {
    this.#passed = 0;
  }

  /** Whether a fresh context begins at the next boundary. */
  next(): boolean {
    this.#passed += 1;
    if (this.#always || this.#passed <= everyUntil) return true;
    return (this.#passed & (this.#passed - 1)) === 0;
  }
}
