// Threads that cannot be started or die when a test says so, which replaces `node:worker_threads`
// with `mortalThreads`.

import type * as threads from "node:worker_threads";

/** What becomes of threads: refused by the system, broken at their start, or killed. */
export type Fate = "lives" | "is refused" | "does not start" | { readonly killedAfter: number };

/** What becomes of the threads that are started from now on, those whose file is named so. */
export const fate: { of: Fate; file: string; deaths: number } = {
  of: "lives",
  file: "",
  deaths: 0,
};

/** The module with threads that have a fate. */
export function mortalThreads(actual: typeof threads): typeof threads {
  class MortalWorker extends actual.Worker {
    #left = Number.POSITIVE_INFINITY;

    constructor(file: string | URL, options?: threads.WorkerOptions) {
      const met = String(file).includes(fate.file) ? fate.of : "lives";
      if (met === "is refused") {
        fate.deaths += 1;
        throw Object.assign(new Error("too many threads"), { code: "ERR_WORKER_INIT_FAILED" });
      }
      super(met === "does not start" ? "/no/such/file.js" : file, options);
      if (typeof met === "object") this.#left = met.killedAfter;
      this.once("exit", () => {
        if (met !== "lives") fate.deaths += 1;
      });
    }

    override postMessage(value: unknown): void {
      super.postMessage(value);
      this.#left -= 1;
      if (this.#left === 0) void this.terminate();
    }
  }
  return { ...actual, Worker: MortalWorker };
}
