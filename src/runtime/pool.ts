/**
 * The worker threads: one pool per process, made when it is first needed and kept warm, since a
 * thread costs 30 ms and its compiled code is worth as much. A thread that dies fails its task and
 * nothing else.
 */
import * as os from "node:os";
import { Piscina } from "piscina";
import { messageOf, ReachError } from "../base/index.ts";
import { builtFile } from "../disk/index.ts";
import { ProgramWatch, type TaskOptions } from "./program-watch.ts";
import {
  reachError,
  type WatchedTask,
  type WorkerAnswers,
  type WorkerReply,
  type WorkerTask,
} from "./protocol.ts";

/** What one thread may use: a runner has 512 MiB for everything. */
const threadLimits = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 16 };

/** Threads for `count` tasks at a time. */
export class WorkerPool {
  readonly threads: number;
  readonly #piscina: Piscina<WatchedTask, WorkerReply>;
  /** Threads that were started ahead and that no task has taken yet. */
  readonly #started: Promise<unknown>[] = [];
  #running = 0;
  #retired = false;
  #ended = false;
  /** Why threads cannot even start. */
  #failure: unknown;

  constructor(threads: number) {
    this.threads = threads;
    this.#piscina = new Piscina<WatchedTask, WorkerReply>({
      filename: builtFile("entries/fold-worker.js"),
      name: "runTask",
      minThreads: 0,
      maxThreads: threads,
      idleTimeout: Number.POSITIVE_INFINITY,
      // Waiting in `Atomics.wait` is no faster (0.16 ms a round trip either way, measured).
      atomics: "disabled",
      resourceLimits: threadLimits,
    });
    // Reported only when no task is there to fail: tasks that wait would wait for ever.
    this.#piscina.on("error", (error: unknown) => {
      this.#failure ??= error;
      void this.#piscina.destroy();
    });
  }

  /** Starts a thread for a task to come. What goes wrong comes out with that task. */
  start(): void {
    this.#started.push(this.#reply({ kind: "start" }, {}).catch(() => undefined));
  }

  /**
   * Runs a task on a thread that is free, or waits for one.
   * Throws what the task throws, `WORKER_FAILED` when the thread dies or a program does not come
   * back, `CLOSED` when `destroy` ends it, `INTERRUPTED` on abort; then the thread is ended,
   * whatever it was doing.
   */
  async run<Kind extends WorkerTask["kind"]>(
    task: Extract<WorkerTask, { kind: Kind }>,
    options: TaskOptions = {},
  ): Promise<WorkerAnswers[Kind]> {
    const reply = await this.#reply(task, options, this.#started.shift());
    if (reply.ok) return reply.answer as WorkerAnswers[Kind];
    throw reachError(reply.error);
  }

  async #reply(
    task: WorkerTask,
    options: TaskOptions,
    started?: Promise<unknown>,
  ): Promise<WorkerReply> {
    this.#running += 1;
    const watch = new ProgramWatch(task, options);
    try {
      // Piscina would start one more thread for a task that comes while this one loads its code.
      await started;
      if (this.#ended) throw new Error("it has been ended");
      const { whereabouts, signal } = watch;
      return await this.#piscina.run({ task, whereabouts }, { signal });
    } catch (error) {
      throw watch.error ?? this.#explained(error, options.signal);
    } finally {
      watch.end();
      this.#running -= 1;
      if (this.#retired && this.#running === 0) await this.#piscina.destroy();
    }
  }

  #explained(error: unknown, signal: AbortSignal | undefined): ReachError {
    if (signal?.aborted) return new ReachError("INTERRUPTED", "interrupted", { cause: error });
    if (this.#ended) {
      const message = "the worker threads were ended before they had answered";
      const hint = "finish all work before closing";
      return new ReachError("CLOSED", message, { cause: error, hint });
    }
    const cause = this.#failure ?? error;
    const outOfMemory = (cause as { code?: unknown } | null)?.code === "ERR_WORKER_OUT_OF_MEMORY";
    const message = outOfMemory
      ? `a worker thread needed more than ${threadLimits.maxOldGenerationSizeMb} MiB of memory`
      : `a worker thread failed: ${messageOf(cause)}`;
    const hint = outOfMemory
      ? "the state of the program is too large, or it keeps more than its state"
      : "if a program is involved: it must not end its thread";
    return new ReachError("WORKER_FAILED", message, { cause, hint });
  }

  /** Takes no part in new work; the threads end with the tasks that are running. */
  async retire(): Promise<void> {
    this.#retired = true;
    if (this.#running === 0) await this.#piscina.destroy();
  }

  /** Ends all threads now; tasks that are running fail. */
  async destroy(): Promise<void> {
    this.#ended = true;
    await this.#piscina.destroy();
  }
}

let current: WorkerPool | undefined;
const retiring = new Set<Promise<void>>();

/** The pool of this process, with at least `threads` threads. */
export function workerPool(threads = 1): WorkerPool {
  if (current && current.threads >= threads) return current;
  if (current) {
    const end = current.retire().finally(() => retiring.delete(end));
    retiring.add(end);
  }
  current = new WorkerPool(Math.max(threads, os.availableParallelism()));
  return current;
}

/**
 * Starts `threads` threads that a replay is about to need: a new one loads its code for as long as
 * it takes to replay ten thousand events. What goes wrong comes out with the first task.
 */
export function startWorkers(threads: number): void {
  const pool = workerPool(threads);
  for (let i = 0; i < threads; i++) pool.start();
}

/** Ends the worker threads of this process; the next call that needs some starts new ones. */
export async function closeWorkers(): Promise<void> {
  const pool = current;
  current = undefined;
  await pool?.destroy();
  await Promise.all(retiring);
}
