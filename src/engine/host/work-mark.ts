/**
 * What a thread is doing, for another thread to see: the session whose order it carries out, in
 * shared memory. Only so can somebody tell who keeps a thread that answers nobody any more.
 */

/** Bytes of a mark: a count of orders, then the handle of the session it is about. */
const markBytes = 16;

/** Shared memory for one thread. */
export function newMark(): SharedArrayBuffer {
  return new SharedArrayBuffer(markBytes);
}

/** The side of the thread that works. */
export class WorkMark {
  readonly #count: Int32Array;
  readonly #handle: Float64Array;

  constructor(shared: SharedArrayBuffer) {
    this.#count = new Int32Array(shared, 0, 1);
    this.#handle = new Float64Array(shared, 8, 1);
  }

  /** An order begins: of the session with this handle, or of none (0). */
  begin(handle: number): void {
    this.#handle[0] = handle;
    Atomics.add(this.#count, 0, 1);
  }

  /** It has been carried out. */
  end(): void {
    this.begin(0);
  }
}

/** Hears what a thread does. */
export interface WorkListener {
  /** For how long an order has been at work, again and again; 0 and 0 when it is over. */
  onWork(handle: number, ms: number): void;
  /** An order has been found at work that may or may not take long; very often. */
  onSight?(): void;
}

/** Between two looks, in milliseconds. */
export const workLookMs = 25;
/** A look counts for so long at most: whoever is late to look has been held up, like the thread. */
const lookMsMax = 4 * workLookMs;

/** The side that looks. An order is told of from the second look on that finds it at work. */
export class WorkWatch {
  readonly #count: Int32Array;
  readonly #handle: Float64Array;
  readonly #listener: WorkListener;
  readonly #timer: NodeJS.Timeout;
  #seen = 0;
  #lookedAt = performance.now();
  #ms = 0;

  constructor(shared: SharedArrayBuffer, listener: WorkListener) {
    this.#count = new Int32Array(shared, 0, 1);
    this.#handle = new Float64Array(shared, 8, 1);
    this.#listener = listener;
    this.#timer = setInterval(() => this.#look(), workLookMs);
    this.#timer.unref();
  }

  #look(): void {
    const now = performance.now();
    const passed = Math.min(now - this.#lookedAt, lookMsMax);
    this.#lookedAt = now;
    const count = Atomics.load(this.#count, 0);
    const handle = this.#handle[0] as number;
    if (count === this.#seen && handle !== 0) {
      this.#ms += passed;
      this.#listener.onWork(handle, this.#ms);
      return;
    }
    this.#seen = count;
    if (this.#ms > 0) this.#listener.onWork(0, 0);
    this.#ms = 0;
    if (handle !== 0) this.#listener.onSight?.();
  }

  /** Looks no more. */
  stop(): void {
    clearInterval(this.#timer);
  }
}
