/**
 * Ends the thread whose session makes its process grow, before the process has to be ended with
 * all of its threads. Typed arrays lie outside the heap that a thread is limited to, and a thread
 * that fills them answers nobody: so the main thread looks at the process as a whole, often, while
 * an order takes long, and holds what has been added against the thread that was at work.
 */
import process from "node:process";

const MiB = 1024 * 1024;
/** Between two looks at the memory when there is much of it; a look takes about 15 µs. */
const growthLookMs = 5;
/** How much is much; below, it is enough to look whenever it is told how long an order takes. */
const nearShare = 2 / 3;

/** What is watched: the thread of a lane. */
export interface Growing {
  kill(why: string): void;
}

/** When a thread is ended. */
export interface GrowthLimits {
  /** Resident memory of the process from which on it is looked for who makes it grow. */
  readonly rssBytesMax: number;
  /** Whoever has added less in one order is left alone: the memory was there before. */
  readonly addedBytesMin: number;
}

/** Watches the memory of this process. */
export class GrowthWatch {
  readonly #limits: GrowthLimits;
  readonly #rssBytes: () => number;
  /** Memory of the process when the order of a thread was first seen. */
  readonly #sighted = new WeakMap<Growing, number>();
  /** The same, of threads whose order takes long. */
  readonly #before = new Map<Growing, number>();
  #timer: NodeJS.Timeout | undefined;
  /** The thread that is being ended. */
  #ending: Growing | undefined;

  /** `rssBytes`: resident memory of this process. */
  constructor(limits: GrowthLimits, rssBytes: () => number = () => process.memoryUsage.rss()) {
    this.#limits = limits;
    this.#rssBytes = rssBytes;
  }

  /** An order has been found at work in this thread that was not there before. */
  sighted(thread: Growing): void {
    this.#sighted.set(thread, this.#rssBytes());
  }

  /** An order of the session with this handle takes long in this thread; 0: it is over. */
  onWork(thread: Growing, handle: number): void {
    if (handle === 0) this.#over(thread);
    else {
      const rss = this.#rssBytes();
      if (!this.#before.has(thread)) this.#before.set(thread, this.#sighted.get(thread) ?? rss);
      if (rss > this.#limits.rssBytesMax * nearShare) this.#timer ??= this.#start();
    }
  }

  #start(): NodeJS.Timeout {
    return setInterval(() => this.look(), growthLookMs).unref();
  }

  /** A thread has ended: what it gave back is not held against the others. */
  gone(thread: Growing): void {
    this.#over(thread);
    if (this.#ending !== thread) return;
    this.#ending = undefined;
    const rss = this.#rssBytes();
    for (const other of this.#before.keys()) this.#before.set(other, rss);
  }

  #over(thread: Growing): void {
    this.#before.delete(thread);
    if (this.#before.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Ends the thread that was at work while most was added, if there is too much by now. */
  look(): void {
    const { rssBytesMax, addedBytesMin } = this.#limits;
    const rss = this.#rssBytes();
    if (rss <= rssBytesMax || this.#ending) return;
    let most: [Growing, number] | undefined;
    for (const one of this.#before) if (!most || one[1] < most[1]) most = one;
    if (!most) return;
    const [thread, before] = most;
    if (rss - before < addedBytesMin) return;
    this.#ending = thread;
    this.#over(thread);
    const added = Math.round((rss - before) / MiB);
    thread.kill(`a session added ${added} MiB to the ${Math.round(before / MiB)} of its process`);
  }
}
