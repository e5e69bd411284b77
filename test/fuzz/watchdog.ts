/**
 * Ends the process when one input takes too long: code that never returns cannot be stopped from
 * its own thread, so a second one watches a counter, and prints the input before it kills.
 */
import { Worker } from "node:worker_threads";

const inputBytesMax = 256 * 1024;
const headInts = 4;

/** Runs in the thread: it has no imports but Node's, since it is handed over as text. */
const program = `
const { workerData } = require("node:worker_threads");
const { writeSync } = require("node:fs");
const { head, input, names, seed, hangMs } = workerData;
const ints = new Int32Array(head);
let counter = -1;
let since = Date.now();
setInterval(() => {
  const now = Atomics.load(ints, 0);
  if (now !== counter || Atomics.load(ints, 3) === 0) {
    counter = now;
    since = Date.now();
    return;
  }
  if (Date.now() - since < hangMs) return;
  const bytes = Buffer.from(new Uint8Array(input).subarray(0, Atomics.load(ints, 2)));
  const target = names[Atomics.load(ints, 1)];
  writeSync(2, "\\nhang: target " + target + ", seed " + seed + ": an input took more than " +
    hangMs + " ms\\ninput (base64): " + bytes.toString("base64") + "\\n");
  process.kill(process.pid, "SIGKILL");
}, 250);
`;

/** Watches over the inputs of one run. */
export class Watchdog {
  readonly #head = new SharedArrayBuffer(4 * headInts);
  readonly #input = new SharedArrayBuffer(inputBytesMax);
  readonly #ints = new Int32Array(this.#head);
  readonly #bytes = new Uint8Array(this.#input);
  readonly #worker: Worker;

  /** `names` are the targets; an input that takes longer than `hangMs` ends the process. */
  constructor(names: readonly string[], seed: number, hangMs: number) {
    const workerData = { head: this.#head, input: this.#input, names, seed, hangMs };
    this.#worker = new Worker(program, { eval: true, workerData });
    this.#worker.unref();
  }

  /** An input begins. */
  begin(target: number, input: Uint8Array): void {
    const size = Math.min(input.length, inputBytesMax);
    this.#bytes.set(input.subarray(0, size));
    Atomics.store(this.#ints, 1, target);
    Atomics.store(this.#ints, 2, size);
    Atomics.store(this.#ints, 3, 1);
    Atomics.add(this.#ints, 0, 1);
  }

  /** The input is done; time that passes now does not count. */
  end(): void {
    Atomics.store(this.#ints, 3, 0);
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}
