/**
 * At which step boundaries a replay goes on in a fresh context from nothing but the state, as a
 * resumed session would. Whatever a step keeps outside the state for a later one is then missing,
 * and shows. Every one of the first steps behind a snapshot, then ever more rarely: a context costs
 * more than most steps.
 */

/** Boundaries behind a snapshot at each of which a fresh context begins. */
const everyUntil = 32;

/** `sparse`: at some of the boundaries; `never`: one context from snapshot to snapshot. */
export type RenewalMode = "never" | "sparse" | "always";

/** Counts the boundaries behind the last recorded state. */
export class Renewal {
  readonly #mode: RenewalMode;
  #passed = 0;

  constructor(mode: RenewalMode) {
    this.#mode = mode;
  }

  /** A recorded state was passed: counting starts anew. */
  restart(): void {
    this.#passed = 0;
  }

  /** Whether a fresh context begins at the next boundary. */
  next(): boolean {
    if (this.#mode === "never") return false;
    this.#passed += 1;
    if (this.#mode === "always" || this.#passed <= everyUntil) return true;
    return (this.#passed & (this.#passed - 1)) === 0;
  }
}
