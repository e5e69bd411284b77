/**
 * The queue in front of the engine: bounded in entries and in bytes, each program in turn, and not
 * more triggers of a workspace or a program than its rate allows. Full means that the caller hears
 * of it at once, with the time after which trying again makes sense.
 */
import { HttpError } from "./problem.ts";

/** Bounds of the queue and rates; a rate of 0 is no rate. */
export interface TriggerLimits {
  readonly entriesMax: number;
  readonly bytesMax: number;
  /** Triggers that are being made durable at a time. */
  readonly concurrency: number;
  readonly workspacePerSecond: number;
  readonly programPerSecond: number;
}

interface Entry {
  readonly bytes: number;
  readonly since: number;
  readonly work: () => Promise<void>;
  readonly reject: (error: unknown) => void;
}

/** What may pass at a rate: saved up for at most a second. */
class Rate {
  readonly #perSecond: number;
  #left: number;
  #at: number;

  constructor(perSecond: number, now: number) {
    this.#perSecond = perSecond;
    this.#left = perSecond;
    this.#at = now;
  }

  /** Seconds until one more may pass; 0 takes it. */
  take(now: number): number {
    if (this.#perSecond === 0) return 0;
    const gained = ((now - this.#at) / 1000) * this.#perSecond;
    this.#left = Math.min(this.#perSecond, this.#left + gained);
    this.#at = now;
    if (this.#left < 1) return (1 - this.#left) / this.#perSecond;
    this.#left -= 1;
    return 0;
  }

  /** Gives one back that was taken and not used. */
  giveBack(): void {
    this.#left += 1;
  }
}

/** Programs whose rate is remembered. */
const ratesMax = 1000;

/** The queue of one workspace. */
export class TriggerQueue {
  readonly #limits: TriggerLimits;
  readonly #clock: () => number;
  /** By program; a program is in it as long as it has entries, and goes to the end when served. */
  readonly #waiting = new Map<string, Entry[]>();
  readonly #all: Rate;
  readonly #rates = new Map<string, Rate>();
  #entries = 0;
  #bytes = 0;
  #running = 0;
  #stopped = false;

  constructor(limits: TriggerLimits, clock: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#clock = clock;
    this.#all = new Rate(limits.workspacePerSecond, clock());
  }

  /** Triggers that wait. */
  get depth(): number {
    return this.#entries;
  }

  /** Seconds for which the oldest of them has been waiting. */
  get ageSeconds(): number {
    const now = this.#clock();
    let oldest = now;
    for (const [first] of this.#waiting.values()) oldest = Math.min(oldest, first?.since ?? oldest);
    return (now - oldest) / 1000;
  }

  /**
   * Calls `work` when it is the program's turn, and resolves with what it resolves with. Throws
   * `RATE_LIMITED`, `OVERLOADED` when the queue is full, and `UNAVAILABLE` after `stop`.
   */
  run<Result>(program: string, bytes: number, work: () => Promise<Result>): Promise<Result> {
    this.#admit(program, bytes);
    return new Promise<Result>((resolve, reject) => {
      const entry: Entry = {
        bytes,
        since: this.#clock(),
        work: () => work().then(resolve, reject),
        reject,
      };
      const waiting = this.#waiting.get(program);
      if (waiting) waiting.push(entry);
      else this.#waiting.set(program, [entry]);
      this.#entries += 1;
      this.#bytes += bytes;
      this.#serve();
    });
  }

  /** Takes nothing more; what waits is refused, what is under way goes on. */
  stop(): void {
    this.#stopped = true;
    for (const entries of this.#waiting.values()) {
      for (const { reject } of entries) reject(stopping());
    }
    this.#waiting.clear();
    this.#entries = 0;
    this.#bytes = 0;
  }

  #admit(program: string, bytes: number): void {
    if (this.#stopped) throw stopping();
    const { entriesMax, bytesMax } = this.#limits;
    const full = this.#entries >= entriesMax || this.#bytes + bytes > bytesMax;
    if (full && this.#entries > 0) {
      const retryAfterSeconds = Math.min(30, Math.max(1, this.ageSeconds));
      const message = `${this.#entries} triggers are waiting already`;
      throw new HttpError("OVERLOADED", message, { retryAfterSeconds });
    }
    const now = this.#clock();
    const own = this.#rateOf(program, now);
    const ownWait = own.take(now);
    if (ownWait > 0) throw limited(`program ${program}`, ownWait);
    const wait = this.#all.take(now);
    if (wait === 0) return;
    own.giveBack();
    throw limited("this workspace", wait);
  }

  #rateOf(program: string, now: number): Rate {
    let rate = this.#rates.get(program);
    if (rate) this.#rates.delete(program);
    else rate = new Rate(this.#limits.programPerSecond, now);
    this.#rates.set(program, rate);
    if (this.#rates.size > ratesMax) {
      const [oldest] = this.#rates.keys();
      if (oldest !== undefined) this.#rates.delete(oldest);
    }
    return rate;
  }

  #serve(): void {
    while (this.#running < this.#limits.concurrency && this.#entries > 0) {
      const [program, entries] = this.#waiting.entries().next().value as [string, Entry[]];
      const entry = entries.shift() as Entry;
      this.#waiting.delete(program);
      if (entries.length > 0) this.#waiting.set(program, entries);
      this.#entries -= 1;
      this.#bytes -= entry.bytes;
      this.#running += 1;
      void entry.work().finally(() => {
        this.#running -= 1;
        this.#serve();
      });
    }
  }
}

function stopping(): HttpError {
  return new HttpError("UNAVAILABLE", "the server is stopping and takes no triggers");
}

function limited(who: string, wait: number): HttpError {
  return new HttpError("RATE_LIMITED", `${who} has been triggered too often`, {
    retryAfterSeconds: Math.max(1, Math.ceil(wait)),
  });
}
