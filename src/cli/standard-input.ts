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

/** Standard input of which the beginning can be looked at before it is known who reads it. */
export class StandardInput {
  readonly #pieces: AsyncGenerator<Uint8Array>;
  readonly #held: Uint8Array[] = [];

  /** Nothing is read yet. `signal` ends waiting for more. */
  constructor(signal: AbortSignal) {
    this.#pieces = standardInput(signal);
  }

  /** The first `size` bytes, fewer where it ends before. */
  async head(size: number): Promise<Uint8Array> {
    let held = 0;
    while (held < size) {
      const { done, value } = await this.#pieces.next();
      if (done) break;
      this.#held.push(value);
      held += value.length;
    }
    return Buffer.concat(this.#held).subarray(0, size);
  }

  /** All of it, once. */
  async *all(): AsyncGenerator<Uint8Array> {
    yield* this.#held.splice(0);
    yield* this.#pieces;
  }

  /** Nothing more is wanted. */
  async close(): Promise<void> {
    await this.#pieces.return(undefined);
  }
}
