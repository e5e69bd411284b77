/**
 * When nothing is committed for a while the journal is retired: everything it holds becomes durable
 * in its place, so that a crash leaves nothing to recover. 10,000 sessions that had all begun in
 * one segment cost a server half a second when it started again (measured).
 */

/** A journal, as whoever chooses the moment sees it. */
export interface RestingJournal {
  /** Milliseconds since the last commit. */
  readonly quietMs: number;
  /** Retires what has been committed, unless something is being committed. */
  rest(): Promise<void>;
}

/** Called when the journal holds something, and nobody has looked for a moment since. */
export type RestLater = (journal: RestingJournal) => void;

/** Lets a journal rest when nothing has been committed for `quietMs`. Keeps no process alive. */
export function whenAtRest(quietMs: number): RestLater {
  return (journal) => {
    const look = (): void => {
      const left = quietMs - journal.quietMs;
      if (left > 0) setTimeout(look, left).unref();
      else void journal.rest();
    };
    setTimeout(look, quietMs).unref();
  };
}
