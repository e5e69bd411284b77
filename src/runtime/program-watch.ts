/**
 * The watch over one task of a worker, kept by the thread that owns it. A call into a program that
 * has not come back for so long will not: the worker is ended, and the error says at which event.
 * What counts are looks at the worker, and not the clock, so that a machine that was asleep, or a
 * thread that could not look, blames nobody.
 */
import { ReachError, timerMsMax } from "../base/index.ts";
import type { WorkerTask } from "./protocol.ts";
import { sharedWhereabouts, type Whereabouts, whereaboutsIn } from "./whereabouts.ts";

/**
 * How long one call into a program may take, in milliseconds. A session that is executed gives up
 * after a sixth of it.
 */
export const patienceMsDefault = 30_000;
/** Looks until a call has taken too long. */
const looksMax = 20;

/** How a task is given to a worker. */
export interface TaskOptions {
  /** Ends the worker, whatever it is doing. */
  readonly signal?: AbortSignal | undefined;
  /** How long one call into a program may take. */
  readonly patienceMs?: number | undefined;
}

/** Runs while its task does. */
export class ProgramWatch {
  /** For the worker to write in. */
  readonly whereabouts: SharedArrayBuffer = sharedWhereabouts();
  readonly #task: WorkerTask;
  readonly #patienceMs: number;
  readonly #stop = new AbortController();
  readonly #outer: AbortSignal | undefined;
  readonly #onOuter = (): void => this.#stop.abort();
  readonly #timer: ReturnType<typeof setInterval>;
  #seen: Whereabouts | undefined;
  /** Looks that have found the worker in the same call. */
  #looks = 0;
  #error: ReachError | undefined;

  constructor(task: WorkerTask, { signal, patienceMs = patienceMsDefault }: TaskOptions) {
    this.#task = task;
    this.#patienceMs = patienceMs;
    this.#outer = signal;
    if (signal?.aborted) this.#onOuter();
    signal?.addEventListener("abort", this.#onOuter);
    const lookMs = Math.min(patienceMs / looksMax, timerMsMax);
    this.#timer = setInterval(() => this.#look(), lookMs);
  }

  /** Aborted when the program does not come back, and with the signal that was given. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Why the program was given up. */
  get error(): ReachError | undefined {
    return this.#error;
  }

  end(): void {
    clearInterval(this.#timer);
    this.#outer?.removeEventListener("abort", this.#onOuter);
  }

  #look(): void {
    const found = whereaboutsIn(this.whereabouts);
    const same = found.part !== "none" && found.calls === this.#seen?.calls;
    this.#looks = same ? this.#looks + 1 : 0;
    this.#seen = found;
    if (this.#looks < looksMax) return;
    this.end();
    this.#error = stuck(this.#task, found, this.#patienceMs);
    this.#stop.abort();
  }
}

function stuck(task: WorkerTask, { part, seq }: Whereabouts, patienceMs: number): ReachError {
  const file = programOf(task);
  const ms = `after ${patienceMs / 1000} s`;
  if (part === "load") {
    const message = `${file} does not come back while it is loaded, ${ms}`;
    const hint = "look for a loop without an end outside of functions";
    return new ReachError("WORKER_FAILED", message, { where: file, hint });
  }
  const who = part === "init" || part === "reduce" ? `\`${part}\`` : "`step` or `reduce`";
  const message = `${who} of ${file} does not come back from event ${seq}, ${ms}`;
  const where = "place" in task ? `${task.place.id}@${seq}` : file;
  const hint = "look for a loop without an end; `--patience` gives code that is slow more time";
  return new ReachError("WORKER_FAILED", message, { where, hint });
}

function programOf(task: WorkerTask): string {
  if (task.kind === "stretch") return task.fold?.program.where ?? "the program";
  return task.kind === "start" ? "the program" : task.program.where;
}
