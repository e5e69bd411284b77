/**
 * The newest events of a session that is tailed, as they were committed: tails that are up to date
 * get them from here, and no file is read for them. Bounded; what is older is read from the log.
 */
import { type Batch, BatchWalk, EventView, type PayloadSource } from "../../event/index.ts";

/** Bytes that are kept of one session, until its tails have taken them. */
const bytesMax = 256 * 1024;

/** Events in a row. */
export class RecentEvents {
  readonly #blobs: PayloadSource;
  #events: EventView[] = [];
  #bytes = 0;
  /** Seq of the first one. */
  #from = 0;

  constructor(blobs: PayloadSource) {
    this.#blobs = blobs;
  }

  /** Takes what has been committed; what does not follow on what is here replaces it. */
  add(batches: readonly Batch[]): void {
    for (const batch of batches) {
      if (batch.firstSeq !== this.#from + this.#events.length) this.#restart(batch.firstSeq);
      for (const walk = new BatchWalk(batch); walk.next(); ) {
        this.#events.push(new EventView(walk.event(), this.#blobs));
      }
      this.#bytes += batch.end - batch.bodyStart;
    }
    if (this.#bytes > bytesMax) this.#restart(this.#from + this.#events.length);
  }

  #restart(from: number): void {
    this.#events = [];
    this.#bytes = 0;
    this.#from = from;
  }

  /** The events from `from` to before `to`; `undefined` when not all of them are here. */
  range(from: number, to: number): readonly EventView[] | undefined {
    const start = from - this.#from;
    const end = to - this.#from;
    if (start < 0 || end > this.#events.length) return undefined;
    return this.#events.slice(start, end);
  }

  /** Everybody who is up to date has the events before `seq`. */
  forget(seq: number): void {
    if (seq >= this.#from + this.#events.length) this.#restart(seq);
  }
}
