/**
 * The time that a cancelled session has to end by itself. It begins once, whatever is cancelled
 * again, and what happens when it is over is up to the session.
 */

/** A period that ends by itself, or is ended. */
export class CancelGrace {
  readonly #wait: (ms: number, over: () => void) => () => void;
  readonly #over: () => void;
  #stop: (() => void) | undefined;
  #isOver = false;

  /** `wait` calls back when so many milliseconds are over, and returns what ends it before. */
  constructor(wait: (ms: number, over: () => void) => () => void, over: () => void) {
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

  begin(ms: number): void {
    this.#stop ??= this.#wait(ms, () => {
      this.#isOver = true;
      this.#over();
    });
  }

  end(): void {
    this.#stop?.();
    this.#stop = undefined;
  }
}
