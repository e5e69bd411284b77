/**
 * A runner of processes: whatever dies takes its own lanes only, and comes back with new ones.
 * Where a spare process is kept, that one takes its place at once; else a new one is started.
 */
import type { Lane, Runner } from "./lane.ts";
import { RunnerProcess, type RunnerProcessOptions } from "./runner-process.ts";
import type { SpareProcess } from "./spare-process.ts";

/** A process that lived for less died of itself: the next one waits, twice as long each time. */
const shortLifeMs = 2000;
const restartWaitMsMax = 5000;

/** How a runner is made. */
export interface ProcessRunnerOptions extends RunnerProcessOptions {
  /** Takes the place of a process that died. */
  readonly spare?: SpareProcess;
}

/** Runs contexts in a process of its own, again and again. */
export class ProcessRunner implements Runner {
  readonly #options: ProcessRunnerOptions;
  #process: RunnerProcess;
  #restartWaitMs = 0;
  #restart: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: ProcessRunnerOptions) {
    this.#options = options;
    this.#process = this.#start();
  }

  get lanes(): readonly Lane[] {
    return [...this.#process.lanes.values()];
  }

  get rssBytes(): number | undefined {
    return this.#process.rssBytes;
  }

  expect(sessions: number): void {
    this.#options.spare?.expect(sessions);
  }

  #start(started = new RunnerProcess(this.#options)): RunnerProcess {
    const since = performance.now();
    started.isUsed = true;
    void started.ended.then(({ why, isForeign }) => {
      if (this.#closed) return;
      const lost = [...started.lanes.values()];
      started.lanes.clear();
      for (const lane of lost) lane.alive = false;
      this.#options.events.onLost(lost, why, isForeign);
      if (this.#options.comesBack) this.#startAgain(performance.now() - since);
    });
    return started;
  }

  #startAgain(livedMs: number): void {
    const spare = this.#options.spare?.take();
    if (spare) {
      this.#use(this.#start(spare));
      return;
    }
    const wait = this.#restartWaitMs;
    this.#restartWaitMs = livedMs < shortLifeMs ? Math.min(2 * wait + 20, restartWaitMsMax) : 0;
    this.#restart = setTimeout(() => {
      if (!this.#closed) this.#use(this.#start());
    }, wait);
  }

  #use(started: RunnerProcess): void {
    this.#process = started;
    for (const lane of this.lanes) this.#options.events.onLane(lane);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#restart);
    for (const lane of this.#process.lanes.values()) lane.alive = false;
    this.#process.kill("the engine closes");
    await Promise.all([this.#process.ended, this.#options.spare?.close()]);
  }
}
