/**
 * When the programs of new sessions run for the first time: after the triggers that are on their
 * way, since whoever sent one of those waits for its answer. In a burst that is a few dozen
 * milliseconds, which are bounded; a trigger by itself does not wait at all.
 */

/** Longest wait for the triggers of others, in milliseconds. */
const heldMsMax = 50;

/** Holds back what may begin, as long as triggers are on their way. */
export class ProgramStarts {
  readonly #delay: (ms: number, wake: () => void) => () => void;
  #underWay = 0;
  #held: (() => void)[] = [];
  #stopTimer: (() => void) | undefined;

  /** `delay` calls `wake` after some milliseconds, and returns what prevents that. */
  constructor(delay: (ms: number, wake: () => void) => () => void) {
    this.#delay = delay;
  }

  /** A trigger is on its way: to be followed by one call of `taken` or of `failed`. */
  expect(): void {
    this.#underWay += 1;
  }

  /** A trigger is durable; `begin` is called when its program may run. */
  taken(begin: () => void): void {
    this.#held.push(begin);
    if (this.#held.length === 1) this.#stopTimer = this.#delay(heldMsMax, () => this.#release());
    this.#settled();
  }

  /** A trigger did not become a session. */
  failed(): void {
    this.#settled();
  }

  #settled(): void {
    this.#underWay -= 1;
    if (this.#underWay > 0 || this.#held.length === 0) return;
    // In the next turn of the event loop, when those who sent the triggers have been answered.
    setImmediate(() => {
      if (this.#underWay === 0) this.#release();
    });
  }

  #release(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    for (const begin of this.#held.splice(0)) begin();
  }
}
