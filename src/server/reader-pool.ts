/**
 * Sessions opened for reading, kept open for the next request: opening one costs four files. Those
 * not used for longest are closed when there are too many, and those whose log has been rebuilt
 * under its name, since they have the old file open.
 */
import { statSync } from "node:fs";
import { codeOf, type SessionId } from "../base/index.ts";
import type { Directory, SessionReader } from "../session/index.ts";

const keptMax = 128;

interface Kept {
  readonly reader: SessionReader;
  /** Of the log that the reader has open. */
  readonly inode: number;
  users: number;
  /** Nobody may get it any more; closed by its last user. */
  stale: boolean;
}

/** A reader on loan. */
export interface ReaderLease {
  readonly reader: SessionReader;
  /** Whether the log that it has open is still the session's. */
  readonly current: boolean;
  /** Gives it back; nothing happens a second time. */
  release(): void;
}

/** The open readers of one directory. */
export class ReaderPool {
  readonly #directory: Directory;
  /** In order of use, the latest last. */
  readonly #kept = new Map<SessionId, Kept>();
  #lent = 0;

  constructor(directory: Directory) {
    this.#directory = directory;
  }

  /** Readers that are on loan. */
  get lent(): number {
    return this.#lent;
  }

  /** A reader that sees what is durable now. Throws `NOT_FOUND`, `GONE`, `CORRUPT`, `FENCED`. */
  lease(id: SessionId): ReaderLease {
    const lent = this.#current(id) ?? this.#open(id);
    this.#kept.set(id, lent);
    lent.users += 1;
    this.#lent += 1;
    let released = false;
    this.#evict();
    return {
      reader: lent.reader,
      get current() {
        return isCurrent(lent);
      },
      release: () => {
        if (released) return;
        released = true;
        this.#lent -= 1;
        lent.users -= 1;
        if (lent.stale && lent.users === 0) lent.reader.close();
      },
    };
  }

  /** The one that is kept, at its new place in the order of use. */
  #current(id: SessionId): Kept | undefined {
    const kept = this.#kept.get(id);
    if (!kept) return undefined;
    if (!isCurrent(kept)) {
      this.forget(id);
      return undefined;
    }
    this.#kept.delete(id);
    kept.reader.refresh();
    return kept;
  }

  #open(id: SessionId): Kept {
    const reader = this.#session(id);
    return { reader, inode: inodeOf(reader.log.path), users: 0, stale: false };
  }

  /** Where the data has been moved away no session is there, and none is lost. */
  #session(id: SessionId): SessionReader {
    try {
      return this.#directory.session(id);
    } catch (error) {
      if (codeOf(error) === "NOT_FOUND") this.#directory.checkLock();
      throw error;
    }
  }

  /** Calls `work` with a reader of the session. */
  async with<Result>(
    id: SessionId,
    work: (reader: SessionReader) => Result | Promise<Result>,
  ): Promise<Result> {
    const { reader, release } = this.lease(id);
    try {
      return await work(reader);
    } finally {
      release();
    }
  }

  /** Forgets a session: its files may have been replaced. */
  forget(id: SessionId): void {
    const kept = this.#kept.get(id);
    if (!kept) return;
    this.#kept.delete(id);
    kept.stale = true;
    if (kept.users === 0) kept.reader.close();
  }

  close(): void {
    for (const id of [...this.#kept.keys()]) this.forget(id);
  }

  #evict(): void {
    for (const [id, { users }] of this.#kept) {
      if (this.#kept.size <= keptMax) return;
      if (users === 0) this.forget(id);
    }
  }
}

function isCurrent({ reader, inode }: Kept): boolean {
  return inodeOf(reader.log.path) === inode;
}

/** -1 where there is no such file on the disk of this machine. */
function inodeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.ino ?? -1;
}
