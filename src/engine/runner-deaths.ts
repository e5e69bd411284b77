/**
 * How often runners have died with one session in them that was doing something, in a row. A
 * session that its runner died of again and again is ended, or it would take runner after runner.
 * Where somebody else killed the runner, that says little about the session: it gets more tries.
 */
import { encodeFailure } from "../driver/index.ts";
import type { EngineLimits } from "./engine-limits.ts";

/** Foreign deaths after which a session runs by itself: it may be what the system kills. */
const foreignSuspect = 3;

/** The deaths of one session's runners. */
export class RunnerDeaths {
  readonly #limits: Pick<EngineLimits, "triesMax" | "foreignTriesMax">;
  #own = 0;
  #foreign = 0;
  #why = "";

  constructor(limits: Pick<EngineLimits, "triesMax" | "foreignTriesMax">) {
    this.#limits = limits;
  }

  /** Whether it is to run by itself, away from others. */
  get isSuspect(): boolean {
    return this.#own > 0 || this.#foreign >= foreignSuspect;
  }

  /** One more; returns whether that was the last try. */
  add(isForeign: boolean, why: string): boolean {
    this.#why = why;
    if (isForeign) this.#foreign += 1;
    else this.#own += 1;
    const { triesMax, foreignTriesMax } = this.#limits;
    return this.#own >= triesMax || this.#own + this.#foreign >= foreignTriesMax;
  }

  /** A turn has come to its end. */
  clear(): void {
    this.#own = 0;
    this.#foreign = 0;
  }

  /** Data of the `end` of a session that has had its last try. */
  report(): Uint8Array {
    const times = `its runner died ${this.#own + this.#foreign} times while it ran`;
    const message = `${times}, the last time because ${this.#why}`;
    return encodeFailure({ name: "Error", message, code: "WORKER_FAILED" });
  }
}
