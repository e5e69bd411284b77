/**
 * Work in turns: whoever has had the thread for some milliseconds leaves it to others. What is
 * awaited meanwhile need not: a promise that is settled goes on before anybody else.
 */

/** Work goes on for so long before others get their turn. */
const turnMs = 5;

/** The turns of one piece of work, which begins now. */
export class Turns {
  #since = performance.now();

  /** To be awaited from time to time: others get their turn when it is due. */
  async next(): Promise<void> {
    if (performance.now() - this.#since < turnMs) return;
    await new Promise((resolve) => setImmediate(resolve));
    this.#since = performance.now();
  }
}
