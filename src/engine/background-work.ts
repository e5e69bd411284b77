/**
 * Work that nobody waits for: keeping snapshots and signing what has ended, one after the other, so
 * that it never competes with itself; and turns for reading logs, so many at a time.
 */

/** A chain of work; what fails is told and does not stop the rest. */
export class WorkChain {
  readonly #onError: (error: unknown) => void;
  #last: Promise<void> = Promise.resolve();
  /** Pieces that have not been done. */
  pending = 0;

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  add(work: () => Promise<void>): void {
    this.pending += 1;
    this.#last = this.#last
      .then(work)
      .catch((error: unknown) => this.#onError(error))
      .finally(() => {
        this.pending -= 1;
      });
  }

  /** Resolves when everything added so far is done. */
  async done(): Promise<void> {
    await this.#last;
  }
}

/** So many at a time, in the order in which they came. */
export class Turns {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  /** Resolves when it is one's turn, with what ends it. */
  async take(): Promise<() => void> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    let over = false;
    return () => {
      if (over) return;
      over = true;
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free += 1;
    };
  }
}

/** Lets everybody else have this thread for a moment. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
