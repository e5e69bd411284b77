/**
 * The threads of a runner: each works on one lane until that is closed, or until it is ended
 * because a program in it went astray. A thread that has died is replaced for the next lane.
 */
import { Piscina } from "piscina";
import { messageOf } from "../../base/index.ts";
import { builtFile } from "../../runtime/index.ts";
import type { LaneTask } from "./lane-task.ts";

/** What one thread may use; the process is watched as a whole, too. */
const threadLimits = { maxOldGenerationSizeMb: 192, maxYoungGenerationSizeMb: 16 };

/** A lane that a thread works on. */
export interface ServedLane {
  /** Resolves when the thread has left the lane: with why, or `undefined` after a close. */
  readonly ended: Promise<string | undefined>;
  /** Ends the thread in the middle of what it does, if it can be ended. */
  kill(why: string): void;
}

/** Threads for so many lanes at a time. */
export class LaneThreads {
  readonly #piscina: Piscina<LaneTask, void>;

  constructor(threads: number) {
    this.#piscina = new Piscina<LaneTask, void>({
      filename: builtFile("engine/host/lane-task.js"),
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

  /** Has a thread serve a lane. */
  serve(task: LaneTask): ServedLane {
    const abort = new AbortController();
    const transferList = "port" in task ? [task.port] : [];
    const ended = this.#piscina.run(task, { signal: abort.signal, transferList }).then(
      () => undefined,
      (error: unknown) => {
        return abort.signal.aborted ? String(abort.signal.reason) : reasonOf(error);
      },
    );
    return { ended, kill: (why) => abort.abort(why) };
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
