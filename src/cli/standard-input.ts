/**
 * Standard input as bytes to import. Ctrl-C also ends waiting for more: a pipe may stay open for
 * ever.
 */
import process from "node:process";

/** What comes in on standard input, until it ends or `signal` is aborted. */
export async function* standardInput(signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const chunks = process.stdin[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  const aborted = new Promise<undefined>((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
  try {
    for (;;) {
      const next = await Promise.race([chunks.next(), aborted]);
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
