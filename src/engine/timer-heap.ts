/**
 * All timers of an engine: one binary heap by time, one timer of the system for the earliest. An
 * entry that has been replaced stays until it comes up; it is passed over then.
 */

/**
 * Longest delay of a system timer; what is due later is looked at again. System timers do not count
 * the time that the machine sleeps, and know nothing of a clock that is set.
 */
const delayMsMax = 60_000;

interface Entry {
  readonly due: number;
  readonly key: string;
}

/** What a heap of timers needs. */
export interface TimerSource {
  now(): number;
  /** Calls `wake` after `ms`; returns what ends that. */
  delay(ms: number, wake: () => void): () => void;
}

/** One time per key. */
export class TimerHeap {
  readonly #source: TimerSource;
  readonly #fire: (key: string) => void;
  readonly #heap: Entry[] = [];
  readonly #due = new Map<string, number>();
  #cancel: (() => void) | undefined;
  #armedFor = Number.POSITIVE_INFINITY;

  constructor(source: TimerSource, fire: (key: string) => void) {
    this.#source = source;
    this.#fire = fire;
  }

  /** Keys that have a time. */
  get size(): number {
    return this.#due.size;
  }

  /** Sets or replaces the time of a key. */
  set(key: string, due: number): void {
    if (this.#due.get(key) === due) return;
    this.#due.set(key, due);
    this.#push({ due, key });
    if (this.#heap.length > 64 && this.#heap.length > 4 * this.#due.size) this.#rebuild();
    this.#arm();
  }

  delete(key: string): void {
    this.#due.delete(key);
  }

  /** Ends all timers. */
  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#due.clear();
    this.#heap.length = 0;
  }

  #arm(): void {
    const first = this.#heap[0];
    if (!first || first.due >= this.#armedFor) return;
    this.#cancel?.();
    this.#armedFor = first.due;
    const ms = Math.min(Math.max(first.due - this.#source.now(), 0), delayMsMax);
    this.#cancel = this.#source.delay(ms, () => this.#wake());
  }

  #wake(): void {
    this.#armedFor = Number.POSITIVE_INFINITY;
    this.#cancel = undefined;
    const now = this.#source.now();
    for (let first = this.#heap[0]; first && first.due <= now; first = this.#heap[0]) {
      this.#pop();
      if (this.#due.get(first.key) !== first.due) continue;
      this.#due.delete(first.key);
      this.#fire(first.key);
    }
    this.#arm();
  }

  #rebuild(): void {
    this.#heap.length = 0;
    for (const [key, due] of this.#due) this.#push({ due, key });
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if ((heap[parent] as Entry).due <= entry.due) break;
      heap[at] = heap[parent] as Entry;
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Entry;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if ((heap[child + 1]?.due ?? Number.POSITIVE_INFINITY) < (heap[child] as Entry).due)
        child += 1;
      if ((heap[child] as Entry).due >= last.due) break;
      heap[at] = heap[child] as Entry;
      at = child;
    }
    heap[at] = last;
  }
}
