/**
 * The ids of a workspace's sessions, oldest first, in memory: read once from the folders, then kept
 * by what is committed. The server is the one writer, so nothing else adds to them.
 */
import type { SessionId } from "../base/index.ts";
import type { Directory } from "../session/index.ts";

/** The sessions of one directory that is open for writing. */
export class Catalogue {
  readonly #ids: SessionId[];
  readonly #known: Set<SessionId>;
  readonly #stop: () => void;

  constructor(directory: Directory) {
    this.#ids = directory.sessionIds();
    this.#known = new Set(this.#ids);
    this.#stop = directory.onCommit((id) => {
      if (!this.#known.has(id)) this.#add(id);
    });
  }

  /** How many there are. */
  get size(): number {
    return this.#ids.length;
  }

  /** Whether there is such a session. */
  has(id: SessionId): boolean {
    return this.#known.has(id);
  }

  /** Ids before `before`, the newest first. */
  *newest(before?: SessionId): Generator<SessionId, void> {
    for (let i = before === undefined ? this.#ids.length : this.#place(before); i > 0; i--) {
      yield this.#ids[i - 1] as SessionId;
    }
  }

  /** Takes a session out that has been removed. */
  remove(id: SessionId): void {
    if (this.#known.delete(id)) this.#ids.splice(this.#place(id), 1);
  }

  close(): void {
    this.#stop();
  }

  #add(id: SessionId): void {
    this.#known.add(id);
    this.#ids.splice(this.#place(id), 0, id);
  }

  /** Number of ids that sort before `id`. New ones are nearly always the last. */
  #place(id: SessionId): number {
    let low = 0;
    let high = this.#ids.length;
    if (high > 0 && (this.#ids[high - 1] as SessionId) < id) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ids[middle] as SessionId) < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
