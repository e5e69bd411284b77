/**
 * The growing end of a session: where the next event goes, the tree and the index over what is
 * there. Shared by the two ways of writing, through the journal and past it.
 */
import { assert, equalBytes, ReachError, type SessionId, sessionIdBytes } from "../base/index.ts";
import type { Disk } from "../disk/index.ts";
import { type Batch, BatchWalk, batchHeaderBytes } from "../event/index.ts";
import { EventIndex, type EventLog, eventLogStart, sessionFolder } from "../log/index.ts";
import {
  type Checkpoint,
  type HashReader,
  leafHash,
  readRange,
  rootAt,
  storedCount,
  storedSize,
  TreeWriter,
} from "../merkle/index.ts";
import { treePath } from "./session-reader.ts";
import { TreeAside } from "./tree-aside.ts";

const flushBytes = 64 * 1024;

/** The root of a tree at a size that it did not have yet; `undefined` until it has. */
export interface RootMark {
  readonly size: number;
  readonly root: Uint8Array | undefined;
}

interface PendingMark {
  readonly size: number;
  root: Uint8Array | undefined;
}

/** What is committed of a session, and what is derived from it. */
export class SessionTail {
  readonly id: SessionId;
  readonly identity: Uint8Array;
  readonly #disk: Disk;
  readonly #root: string;
  readonly #index: EventIndex;
  #tree: TreeWriter;
  /** Where the tree grows instead, between `growAside` and `settled`. */
  #aside: TreeAside | undefined;
  /** Leaves of which the hashes are written to `tree.log`, and those that are pending as well. */
  #treeFlushed: number;
  #treeTaken: number;
  /** Batches that are committed and not in the tree yet. */
  #ungrown: Batch[] = [];
  #size: number;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  /** Roots that somebody wants to know once the tree has that size. */
  #marks: PendingMark[] = [];
  /** Whether the derived files are still written. */
  #derives = true;
  /** Events from which on there are derived files: whoever needs fewer computes them. */
  readonly #derivedFrom: number;
  /** Offset behind the last committed batch. */
  end: number;

  private constructor(
    disk: Disk,
    root: string,
    id: SessionId,
    index: EventIndex,
    tree: TreeWriter,
    { end, derivedFrom = 0 }: { readonly end: number; readonly derivedFrom: number | undefined },
  ) {
    this.id = id;
    this.#derivedFrom = derivedFrom;
    this.identity = sessionIdBytes(id);
    this.#disk = disk;
    this.#root = root;
    this.#index = index;
    this.#tree = tree;
    this.#treeFlushed = tree.size;
    this.#treeTaken = tree.size;
    this.#size = tree.size;
    this.end = end;
  }

  /** The tail of a session that has no events yet. */
  static empty(disk: Disk, root: string, id: SessionId, derivedFrom?: number): SessionTail {
    const index = new EventIndex(sessionIdBytes(id));
    const place = { end: eventLogStart, derivedFrom };
    return new SessionTail(disk, root, id, index, new TreeWriter(), place);
  }

  /**
   * The tail of an existing session. The stored tree is believed up to the newest checkpoint, if
   * its root is that of the checkpoint; the rest is computed from the events. Throws `CORRUPT`
   * when the log is shorter than the checkpoint, or has another root.
   */
  static resume(
    disk: Disk,
    root: string,
    log: EventLog,
    checkpoint: Checkpoint | undefined,
    derivedFrom?: number,
  ): SessionTail {
    const { end, size, problem } = log.extent();
    if (problem) throw log.error(problem);
    if (checkpoint && checkpoint.size > size) throw shorter(log.id, size, checkpoint.size);
    const trusted = checkpoint
      ? storedFrontier(disk, treePath(root, log.id), checkpoint)
      : undefined;
    const tree = trusted ?? new TreeWriter();
    const from = tree.size;
    const tail = new SessionTail(disk, root, log.id, log.index, tree, { end, derivedFrom });
    if (!trusted) disk.remove(treePath(root, log.id));
    for (const batch of log.batches(from, size)) tail.#appendLeaves(batch);
    tail.#size = tail.#tree.size;
    if (checkpoint && !trusted) checkRoot(log, checkpoint);
    return tail;
  }

  /** Events committed. */
  get size(): number {
    return this.#size;
  }

  /** Root over the committed events. */
  root(): Uint8Array {
    this.grow();
    assert(!this.#aside, "a tree that grows elsewhere has settled before its root is asked for");
    return this.#tree.root();
  }

  /**
   * The root over the first `size` events, once that many are committed: it is kept as the tree
   * grows past that size. `size` does not lie behind.
   */
  markRoot(size: number): RootMark {
    assert(size >= this.#size, "a root is marked before the tree is larger");
    assert(!this.#aside, "no root is marked of a tree that grows elsewhere");
    if (size === this.#size) return { size, root: this.root() };
    const mark: PendingMark = { size, root: undefined };
    this.#marks.push(mark);
    const { grow } = this;
    return {
      size,
      get root() {
        grow();
        return mark.root;
      },
    };
  }

  #settleMarks(): void {
    const { size } = this.#tree;
    for (const mark of this.#marks) if (mark.size === size) mark.root = this.#tree.root();
    this.#marks = this.#marks.filter((mark) => mark.size > size);
  }

  /**
   * Takes over a batch that has been committed at `end`. Its bytes stay as they are: the tree grows
   * by them when somebody asks for it, or when there is nothing else to do (`grow`).
   */
  commit(batch: Batch): void {
    assert(batch.firstSeq === this.#size, "a batch is committed behind the one before");
    this.#index.add(batch.firstSeq, batch.fileOffset);
    this.#ungrown.push(batch);
    this.#size += batch.count;
    this.end = batch.fileOffset + (batch.end - batch.bodyStart) + batchHeaderBytes;
  }

  /** Brings the tree up to what is committed. */
  readonly grow = (): void => {
    if (this.#ungrown.length === 0) return;
    const batches = this.#ungrown;
    this.#ungrown = [];
    for (const batch of batches) {
      if (this.#aside) this.#aside.add(batch);
      else this.#appendLeaves(batch);
    }
  };

  /**
   * Lets the tree grow in a thread of its own, for whoever appends much at once and asks for no
   * root before `settled`.
   */
  growAside(): void {
    this.grow();
    this.#aside ??= new TreeAside(this.#tree.frontier(), (stored, size) => {
      this.#store(stored, size);
    });
  }

  /** Resolves when a tree that grows elsewhere is not far behind. */
  async room(): Promise<void> {
    await this.#aside?.room();
  }

  /** Resolves when the tree holds what is committed, and grows here. */
  async settled(): Promise<void> {
    this.grow();
    if (!this.#aside) return;
    this.#tree = new TreeWriter(await this.#aside.settled());
    this.#aside = undefined;
  }

  /** Nobody will ask any more: ends the thread, if there is one. */
  async abandon(): Promise<void> {
    await this.#aside?.close();
  }

  #appendLeaves(batch: Batch): void {
    for (const walk = new BatchWalk(batch); walk.next(); ) {
      if (walk.seq < this.#tree.size) continue;
      this.#tree.appendLeaf(walk.preimage());
      if (this.#marks.length > 0) this.#settleMarks();
    }
    this.#store(this.#tree.take(), this.#tree.size);
  }

  /** Takes what the leaves up to `size` have added to `tree.log`. */
  #store(bytes: Uint8Array, size: number): void {
    this.#treeTaken = size;
    if (bytes.length === 0 || !this.#derives) return;
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    if (this.#pendingBytes >= flushBytes) this.flush();
  }

  /**
   * Writes the derived files as far as they are known; not durable, nothing depends on them. Where
   * the disk does not take them they are given up: whoever needs them computes them again.
   */
  flush(): void {
    this.grow();
    if (!this.#derives || (this.#treeFlushed === 0 && this.size < this.#derivedFrom)) return;
    try {
      this.#writeDerived();
    } catch {
      this.#derives = false;
      this.#pending = [];
      this.#pendingBytes = 0;
    }
  }

  #writeDerived(): void {
    if (this.#pendingBytes > 0) {
      const path = treePath(this.#root, this.id);
      const file = this.#disk.open(path, this.#disk.exists(path) ? "write" : "create");
      try {
        let at = 32 * storedCount(this.#treeFlushed);
        for (const bytes of this.#pending) {
          file.write(bytes, at);
          at += bytes.length;
        }
      } finally {
        file.close();
      }
    }
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#treeFlushed = this.#treeTaken;
    this.#index.save(this.#disk, `${sessionFolder(this.#root, this.id)}/events.idx`);
  }
}

/** A tree that goes on behind `checkpoint`, if the stored nodes have its root. */
function storedFrontier(disk: Disk, path: string, checkpoint: Checkpoint): TreeWriter | undefined {
  if (!disk.exists(path)) return undefined;
  const file = disk.open(path, "read");
  try {
    if (storedSize(Math.floor(file.size() / 32)) < checkpoint.size) return undefined;
    const read: HashReader = (indexes) =>
      indexes.map((index) => {
        const hash = new Uint8Array(32);
        file.read(hash, 32 * index);
        return hash;
      });
    if (!equalBytes(rootAt(checkpoint.size, read), checkpoint.root)) return undefined;
    return new TreeWriter(readRange(0, checkpoint.size, read));
  } finally {
    file.close();
  }
}

function checkRoot(log: EventLog, checkpoint: Checkpoint): void {
  const tree = new TreeWriter();
  for (const batch of log.batches(0, checkpoint.size)) {
    for (const walk = new BatchWalk(batch); walk.next() && tree.size < checkpoint.size; ) {
      tree.append(leafHash(walk.preimage()));
      tree.take();
    }
  }
  if (equalBytes(tree.root(), checkpoint.root)) return;
  throw new ReachError("CORRUPT", `session ${log.id} does not have the root that was signed`, {
    where: log.id,
    hint: "`reach verify` names what is wrong; nothing is appended to it any more",
  });
}

function shorter(id: SessionId, size: number, signed: number): ReachError {
  const message = `session ${id} has ${size} events, and a checkpoint over ${signed} was signed`;
  return new ReachError("CORRUPT", message, {
    where: `${id}@${size}`,
    hint: "events are missing at its end; restore the session from a bundle or a copy",
  });
}
