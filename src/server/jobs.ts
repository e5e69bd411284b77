/**
 * Long work that was asked for over HTTP: replays and forks. A job lives in memory, may be asked
 * for while it runs and for a while after; a server that stops interrupts it.
 */
import { randomUUID } from "node:crypto";
import { HttpError, type Problem, problemOf } from "./problem.ts";

/** What a job does. */
export type JobKind = "replay" | "fork";

/** A job as it is seen from outside. */
export interface Job {
  readonly id: string;
  readonly kind: JobKind;
  readonly session: string;
  readonly status: "running" | "done" | "failed";
  /** Milliseconds since the epoch. */
  readonly created: number;
  readonly ended: number | null;
  /** Between 0 and 1, where it is known. */
  readonly progress: number | null;
  readonly result: unknown;
  readonly error: Problem | null;
}

type Mutable = { -readonly [Key in keyof Job]: Job[Key] };

const jobsMax = 1000;
const runningMax = 16;

/** Told of a job that has failed, and of what: its problem does not say what is inside. */
export type JobFailure = (job: Job, error: unknown) => void;

/** The jobs of one workspace. */
export class Jobs {
  readonly #onFailure: JobFailure;
  readonly #jobs = new Map<string, Mutable>();
  readonly #controllers = new Map<string, AbortController>();
  readonly #ends = new Set<Promise<unknown>>();
  #stopped = false;

  constructor(onFailure: JobFailure) {
    this.#onFailure = onFailure;
  }

  /** Jobs that are running. */
  get running(): number {
    return this.#controllers.size;
  }

  /** Starts a job. Throws `OVERLOADED` when too many run, `UNAVAILABLE` after `stop`. */
  start(
    kind: JobKind,
    session: string,
    work: (signal: AbortSignal, onProgress: (share: number) => void) => Promise<unknown>,
  ): Job {
    if (this.#stopped) {
      throw new HttpError("UNAVAILABLE", "the server is stopping and begins no jobs");
    }
    if (this.#controllers.size >= runningMax) {
      throw new HttpError("OVERLOADED", `${this.#controllers.size} jobs are running`, {
        retryAfterSeconds: 5,
      });
    }
    const controller = new AbortController();
    const job: Mutable = {
      id: randomUUID(),
      kind,
      session,
      status: "running",
      created: Date.now(),
      ended: null,
      progress: null,
      result: null,
      error: null,
    };
    this.#jobs.set(job.id, job);
    this.#controllers.set(job.id, controller);
    this.#forget();
    const ended = work(controller.signal, (share) => {
      job.progress = share;
    })
      .then(
        (result) => Object.assign(job, { status: "done", result: result ?? null, progress: 1 }),
        (error: unknown) => {
          Object.assign(job, { status: "failed", error: problemOf(error, job.id) });
          this.#onFailure(job, error);
        },
      )
      .finally(() => {
        job.ended = Date.now();
        this.#controllers.delete(job.id);
        this.#ends.delete(ended);
      });
    this.#ends.add(ended);
    return { ...job };
  }

  /** A job; throws `NOT_FOUND`, also for one of before the last restart. */
  get(id: string): Job {
    const job = this.#jobs.get(id);
    if (job) return { ...job };
    throw new HttpError("NOT_FOUND", `there is no job ${id}`, {
      hint: "jobs are forgotten when the server restarts, and the oldest of more than 1,000",
    });
  }

  /** Interrupts a job, if it runs. */
  interrupt(id: string): Job {
    const job = this.get(id);
    this.#controllers.get(id)?.abort();
    return job;
  }

  /** Interrupts everything, and starts nothing more. */
  stop(): void {
    this.#stopped = true;
    for (const controller of this.#controllers.values()) controller.abort();
  }

  /** Resolves when no job runs: what they write with is there until then. */
  async idle(): Promise<void> {
    await Promise.all(this.#ends);
  }

  #forget(): void {
    for (const [id, { status }] of this.#jobs) {
      if (this.#jobs.size <= jobsMax) return;
      if (status !== "running") this.#jobs.delete(id);
    }
  }
}
