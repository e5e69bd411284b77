/**
 * Standard input as bytes to import. Ctrl-C also ends waiting for more: a pipe may stay open for
 * ever.
 */
import process from "node:process";

/** What comes in on standard input, until it ends or `signal` is aborted. */
export async function* standardInput(signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const chunks = process.stdin[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  try {
    for (;;) {
      const next = await unlessAborted(chunks.next(), signal);
      // An empty piece makes whoever reads look at the signal.
      if (next === undefined) yield new Uint8Array(0);
      if (next === undefined || next.done) return;
      yield next.value;
    }
  } finally {
    // A pipe that stays open would keep the process alive.
    process.stdin.destroy();
  }
}

/**
 * What `work` resolves to; `undefined` once `signal` is aborted. Listens only as long as it waits:
 * a promise for all waits, in `Promise.race`, would keep hold of everything that has ever come.
 */
async function unlessAborted<Result>(
  work: Promise<Result>,
  signal: AbortSignal,
): Promise<Result | undefined> {
  return new Promise((resolve, reject) => {
    const stop = (): void => resolve(undefined);
    const over = (): void => signal.removeEventListener("abort", stop);
    signal.addEventListener("abort", stop);
    if (signal.aborted) stop();
    work.then(resolve, reject).then(over, over);
  });
}
