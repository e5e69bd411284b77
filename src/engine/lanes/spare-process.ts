/**
 * A runner process that is started ahead of need: its threads are up, no session is in it. Starting
 * one takes longer than anything else that stands between the death of a runner and the next event
 * of its sessions.
 */
import { RunnerProcess, type RunnerProcessOptions } from "./runner-process.ts";

/** Before a spare is started: whatever starts runners has better things to do just then. */
const waitMs = 1000;

/** Keeps one process, in exchange for one that is taken. */
export class SpareProcess {
  readonly #options: RunnerProcessOptions;
  #spare: RunnerProcess | undefined;
  #start: NodeJS.Timeout | undefined;
  #closed = false;
  #expected = 0;

  constructor(options: RunnerProcessOptions) {
    this.#options = options;
    this.#startLater();
  }

  #startLater(): void {
    clearTimeout(this.#start);
    if (this.#closed) return;
    this.#start = setTimeout(() => this.#startNow(), waitMs);
    this.#start.unref();
  }

  #startNow(): void {
    const spare = new RunnerProcess(this.#options);
    this.#spare = spare;
    this.#tell();
    void spare.ended.then(() => {
      if (this.#spare !== spare) return;
      this.#spare = undefined;
      this.#startLater();
    });
  }

  /** So many sessions may come to each of its threads at once. */
  expect(sessions: number): void {
    this.#expected = sessions;
    this.#tell();
  }

  #tell(): void {
    for (const lane of this.#spare?.lanes.values() ?? []) lane.expect(this.#expected);
  }

  /** The process that is kept, if there is one by now. */
  take(): RunnerProcess | undefined {
    const spare = this.#spare;
    this.#spare = undefined;
    if (spare) this.#startLater();
    return spare;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#start);
    const spare = this.#spare;
    this.#spare = undefined;
    spare?.kill("the engine closes");
    await spare?.ended;
  }
}
