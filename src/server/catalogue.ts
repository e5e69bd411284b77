/**
 * The ids of a workspace's sessions, oldest first, in memory: looked for in the folders when the
 * server is ready, a folder at a time, or at once by whoever asks before that has ended; then kept
 * by what is committed. The server is the one writer, so nothing else adds to them.
 */
import { codeOf, type SessionId } from "../base/index.ts";
import { isBeginning, sessionsInBulk } from "../log/index.ts";
import type { Directory } from "../session/index.ts";

/** The sessions of one directory that is open for writing. */
export class Catalogue {
  readonly #directory: Directory;
  readonly #known = new Set<SessionId>();
  readonly #stop: () => void;
  /** In their order; `undefined` until all of them are known. */
  #ids: SessionId[] | undefined;
  #filling: Promise<void> | undefined;
  #closed = false;

  constructor(directory: Directory) {
    this.#directory = directory;
    this.#stop = directory.onCommit((id) => this.add(id));
  }

  /**
   * Looks for them in the background. What cannot be read is left to whoever asks, who is told.
   * Resolves when it has ended.
   */
  fill(): Promise<void> {
    this.#filling ??= this.#look().catch((error: unknown) => {
      if (codeOf(error) === undefined) throw error;
    });
    return this.#filling;
  }

  async #look(): Promise<void> {
    for (const ids of this.#directory.sessionIdsByFolder()) {
      if (this.#closed || this.#ids) return;
      this.#take(ids);
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (!this.#closed) this.#sorted();
  }

  /** All of them, looked for now if they are not known yet. Throws what reading throws. */
  #all(): SessionId[] {
    if (this.#ids) return this.#ids;
    for (const ids of this.#directory.sessionIdsByFolder()) this.#take(ids);
    return this.#sorted();
  }

  /** Knows these, but for those of which an import under way has acknowledged nothing. */
  #take(ids: readonly SessionId[]): void {
    const { disk, path } = this.#directory;
    const imported = new Set(sessionsInBulk(disk, path));
    for (const id of ids) {
      if (!imported.has(id) || !isBeginning(disk, path, id)) this.#known.add(id);
    }
  }

  #sorted(): SessionId[] {
    this.#ids ??= [...this.#known].sort();
    return this.#ids;
  }

  /** How many there are. */
  get size(): number {
    return this.#all().length;
  }

  /** Ids before `before`, the newest first; there may be others from one to the next. */
  *newest(before?: SessionId): Generator<SessionId, void> {
    for (let last = before; ; ) {
      const ids = this.#all();
      last = ids[(last === undefined ? ids.length : placeIn(ids, last)) - 1];
      if (last === undefined) return;
      yield last;
    }
  }

  /** Knows a session that is there; one that is written past the journal is not committed. */
  add(id: SessionId): void {
    if (this.#known.has(id)) return;
    this.#known.add(id);
    this.#ids?.splice(placeIn(this.#ids, id), 0, id);
  }

  /** Takes a session out that has been removed. */
  remove(id: SessionId): void {
    if (this.#known.delete(id)) this.#ids?.splice(placeIn(this.#ids, id), 1);
  }

  /** Ends the search, and what tells of commits. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stop();
    await this.#filling;
  }
}

/** Number of `ids`, which are sorted, before `id`. New ones are nearly always the last. */
function placeIn(ids: readonly SessionId[], id: SessionId): number {
  let low = 0;
  let high = ids.length;
  if (high > 0 && (ids[high - 1] as SessionId) < id) return high;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ids[middle] as SessionId) < id) low = middle + 1;
    else high = middle;
  }
  return low;
}
