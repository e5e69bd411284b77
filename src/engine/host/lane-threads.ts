/**
 * The threads of a runner: each works on one lane until that is closed, or until it is ended
 * because a program in it went astray. A thread that has died is replaced for the next lane.
 */
import { Piscina } from "piscina";
import { messageOf } from "../../base/index.ts";
import { builtFile } from "../../disk/index.ts";
import type { LaneChannel, LaneTask, WarmTask } from "./lane-task.ts";
import { newMark, type WorkListener, WorkWatch } from "./work-mark.ts";

/** What one thread may use; the process is watched as a whole, too. */
const threadLimits = { maxOldGenerationSizeMb: 192, maxYoungGenerationSizeMb: 16 };

/** A lane that a thread works on. */
export interface ServedLane {
  /**
   * Resolves when the thread has left the lane: with why, or `undefined` after a close. One that
   * cannot be ended has not left it.
   */
  readonly ended: Promise<string | undefined>;
  /** Ends the thread in the middle of what it does, if it can be ended. */
  kill(why: string): void;
}

/** Threads for so many lanes at a time. */
export class LaneThreads {
  readonly #piscina: Piscina<LaneTask | WarmTask, void>;
  readonly #count: number;

  constructor(threads: number) {
    this.#count = threads;
    this.#piscina = new Piscina<LaneTask | WarmTask, void>({
      filename: builtFile("entries/lane-task.js"),
      name: "serveLane",
      minThreads: threads,
      maxThreads: threads,
      // A lane waits in its event loop, not in `Atomics.wait`.
      atomics: "disabled",
      resourceLimits: threadLimits,
    });
    // A thread that dies fails its task, which says why.
    this.#piscina.on("error", () => {});
  }

  /** Has every thread load what makes contexts, before there is a lane for it. */
  warm(contexts: string): void {
    for (let i = 0; i < this.#count; i++) {
      // Whoever serves a lane hears what is wrong.
      this.#piscina.run({ contexts }, { name: "warmLane" }).catch(() => {});
    }
  }

  /** Has a thread serve a lane; `listener` hears what keeps it. */
  serve(channel: LaneChannel, contexts: string, listener: WorkListener): ServedLane {
    const abort = new AbortController();
    const transferList = "port" in channel ? [channel.port] : [];
    const mark = newMark();
    const watch = new WorkWatch(mark, listener);
    let left: Promise<unknown> | undefined;
    const task: LaneTask = { ...channel, contexts, mark };
    const ended = this.#piscina
      .run(task, { signal: abort.signal, transferList })
      .then(
        () => undefined,
        async (error: unknown) => {
          await left;
          return abort.signal.aborted ? String(abort.signal.reason) : reasonOf(error);
        },
      )
      .finally(() => watch.stop());
    const kill = (why: string): void => {
      left ??= this.#exitAfter(() => abort.abort(why));
    };
    return { ended, kill };
  }

  /** Piscina lets go of a thread before that has ended: which one shows in what is left. */
  #exitAfter(abort: () => void): Promise<unknown> {
    const before = this.#piscina.threads;
    abort();
    const after = new Set(this.#piscina.threads);
    const gone = before.filter((thread) => !after.has(thread));
    // Not `once` of `node:events`: a thread may still fail, as when its heap is full by now.
    return Promise.all(gone.map((thread) => new Promise((exited) => thread.once("exit", exited))));
  }

  /** Ends all threads. */
  async close(): Promise<void> {
    await this.#piscina.destroy();
  }
}

function reasonOf(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown };
  if (code !== "ERR_WORKER_OUT_OF_MEMORY") return `its thread failed: ${messageOf(error)}`;
  return `its thread needed more than ${threadLimits.maxOldGenerationSizeMb} MiB of memory`;
}
