/**
 * The time that a cancelled session has to end by itself. It begins once, whatever is cancelled
 * again, and what happens when it is over is up to the session.
 */

/** A period that ends by itself, or is ended. */
export class CancelGrace {
  readonly #wait: (over: () => void) => () => void;
  readonly #over: () => void;
  #stop: (() => void) | undefined;
  #isOver = false;

  /** `wait` calls back when the period is over, and returns what ends it before. */
  constructor(wait: (over: () => void) => () => void, over: () => void) {
    this.#wait = wait;
    this.#over = over;
  }

  /** Whether it has begun. */
  get isRunning(): boolean {
    return this.#stop !== undefined;
  }

  /** Whether it has passed. */
  get isOver(): boolean {
    return this.#isOver;
  }

  begin(): void {
    this.#stop ??= this.#wait(() => {
      this.#isOver = true;
      this.#over();
    });
  }

  end(): void {
    this.#stop?.();
    this.#stop = undefined;
  }
}
