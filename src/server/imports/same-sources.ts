/**
 * One at a time of what may be the same: two imports of one source at once would make two sessions
 * of it, since each would find no earlier one. Whoever comes second waits for a while.
 */
import { HttpError } from "../problem.ts";

/** Who waits for longer is told to come again. */
const retryAfterSeconds = 10;

/** Keys of what is under way. */
export class SameSources {
  readonly #inside = new Map<string, Promise<void>>();

  /**
   * Resolves when nobody else is inside with this key; with what ends being inside. Throws
   * `CONFLICT` after `waitMs`. When `signal` is aborted, waiting ends early.
   */
  async enter(key: string, waitMs: number, signal: AbortSignal): Promise<() => void> {
    const until = performance.now() + waitMs;
    for (;;) {
      const other = this.#inside.get(key);
      if (!other || signal.aborted) break;
      await settledOrLate(other, until - performance.now(), signal);
      if (this.#inside.has(key) && performance.now() >= until) throw underWay();
    }
    let leave = (): void => {};
    const inside = new Promise<void>((resolve) => {
      leave = resolve;
    });
    this.#inside.set(key, inside);
    return () => {
      if (this.#inside.get(key) === inside) this.#inside.delete(key);
      leave();
    };
  }
}

function settledOrLate(other: Promise<void>, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, Math.max(ms, 0));
    signal.addEventListener("abort", done);
    void other.then(done);
  });
}

function underWay(): HttpError {
  return new HttpError("CONFLICT", "a source that begins alike is being imported", {
    hint: "send it again when that has ended",
    retryAfterSeconds,
  });
}
