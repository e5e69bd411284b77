// Threads that cannot be started, die or are slow when a test says so, which replaces
// `node:worker_threads` with `mortalThreads`.

import { setTimeout as sleep } from "node:timers/promises";
import type * as threads from "node:worker_threads";

/** What becomes of threads: slow, refused by the system, broken at their start, or killed. */
export type Fate =
  | "lives"
  | "is slow"
  | "is refused"
  | "does not start"
  | { readonly killedAfter: number };

/** Milliseconds until a slow thread gets the next order. */
const slowMs = 5;

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
    #slow = false;
    #before: Promise<void> = Promise.resolve();

    constructor(file: string | URL, options?: threads.WorkerOptions) {
      const met = String(file).includes(fate.file) ? fate.of : "lives";
      if (met === "is refused") {
        fate.deaths += 1;
        throw Object.assign(new Error("too many threads"), { code: "ERR_WORKER_INIT_FAILED" });
      }
      super(met === "does not start" ? "/no/such/file.js" : file, options);
      this.#slow = met === "is slow";
      if (typeof met === "object") this.#left = met.killedAfter;
      this.once("exit", () => {
        if (met !== "lives") fate.deaths += 1;
      });
    }

    override postMessage(value: unknown): void {
      if (this.#slow) {
        this.#before = this.#before.then(() => sleep(slowMs)).then(() => super.postMessage(value));
        return;
      }
      super.postMessage(value);
      this.#left -= 1;
      if (this.#left === 0) void this.terminate();
    }
  }
  return { ...actual, Worker: MortalWorker };
}
