/**
 * Spreads tries evenly in time: each may begin a fixed time after the one before. A try that nobody
 * waits for any more gives up its place only in so far as it does not begin.
 */

/** At most so many tries a second. */
export class Rate {
  readonly #gapMs: number;
  readonly #now: () => number;
  #next = 0;

  constructor(perSecond: number, now: () => number = () => performance.now()) {
    this.#gapMs = 1000 / perSecond;
    this.#now = now;
  }

  /** Milliseconds until the next try may begin; takes its place. */
  take(): number {
    const now = this.#now();
    const at = Math.max(now, this.#next);
    this.#next = at + this.#gapMs;
    return at - now;
  }
}

/** Resolves after `ms` milliseconds. Throws the reason of `signal` when that is aborted before. */
export function waited(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (ms <= 0) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", abort);
      resolve();
    }, ms);
    signal.addEventListener("abort", abort, { once: true });
  });
}
