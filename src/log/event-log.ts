/**
 * Reading one session's event log: windows of bounded size, batches in place, seqs found through
 * the sparse index. A log ends where its file ends; what stands there and is no batch is a tail
 * that somebody has yet to recover, or damage, and never passed over in silence.
 */
import { assert, limits, ReachError, type SessionId, sessionIdBytes } from "../base/index.ts";
import type { Disk, DiskFile } from "../disk/index.ts";
import { type Batch, batchHeaderBytes, batchSize, readBatch } from "../event/index.ts";
import { EventIndex } from "./event-index.ts";
import { decodeEventLogHeader, eventLogStart } from "./event-log-header.ts";

/** Where a log stops being readable, and how that looks. */
export interface LogProblem {
  /** `torn`: nothing valid follows. `damaged`: valid batches follow, or the header is not right. */
  readonly kind: "torn" | "damaged";
  readonly offset: number;
  /** Seq of the first event that cannot be read. */
  readonly seq: number;
  readonly message: string;
}

const firstWindowBytes = 64 * 1024;

/** A batch in a log: the seq of its first event, and its offset. */
interface LogPlace {
  readonly seq: number;
  readonly offset: number;
}

/** How far a log can be read. */
export interface LogExtent {
  /** Offset behind the last valid batch. */
  readonly end: number;
  /** Events up to there. */
  readonly size: number;
  readonly problem: LogProblem | undefined;
}

/** An event log opened for reading; any number of them, in any process, beside one writer. */
export class EventLog {
  readonly id: SessionId;
  readonly identity: Uint8Array;
  readonly path: string;
  readonly index: EventIndex;
  readonly #file: DiskFile;
  #headerProblem: string | undefined;
  /** A torn tail is damage here: no writer is alive and no journal is left that could mend it. */
  readonly #settled: boolean;
  readonly #reported: (error: ReachError) => ReachError;
  #bound: number | undefined;
  /** The last batch, since somebody has asked how far the log goes. */
  #last: LogPlace | undefined;

  /**
   * Opens the log of session `id` at `path`. Throws `NOT_FOUND` when there is no such file.
   * `reported` says what a problem of it is to be reported as.
   */
  constructor(
    disk: Disk,
    path: string,
    indexPath: string,
    id: SessionId,
    settled: boolean,
    reported: (error: ReachError) => ReachError = (error) => error,
  ) {
    this.#reported = reported;
    this.id = id;
    this.identity = sessionIdBytes(id);
    this.path = path;
    this.#settled = settled;
    this.#file = disk.open(path, "read");
    this.index = EventIndex.load(disk, indexPath, this.identity);
    const header = new Uint8Array(eventLogStart);
    const found = decodeEventLogHeader(header.subarray(0, this.#file.read(header, 0)));
    if ("problem" in found) this.#headerProblem = found.problem;
    else if (found.id !== id) this.#headerProblem = `it is the log of session ${found.id}`;
  }

  /**
   * Reads no further than `offset`: behind it a bulk import has not acknowledged anything. The
   * header of a session that it began may be torn as long as there is nothing behind it. Without
   * an offset it is read to its end.
   */
  boundAt(offset: number | undefined): void {
    this.#bound = offset;
    if (offset !== undefined && offset <= eventLogStart) this.#headerProblem = undefined;
  }

  close(): void {
    this.#file.close();
  }

  /** Bytes of the file, readable or not. */
  get fileBytes(): number {
    return this.#file.size();
  }

  #size(): number {
    return Math.min(this.fileBytes, this.#bound ?? Number.POSITIVE_INFINITY);
  }

  /** Why a walk ended; also where it came to the end of a file that ends before its bound. */
  #problemOf({ problem, offset, seq }: LogWalk): LogProblem | undefined {
    if (problem || offset >= (this.#bound ?? 0)) return problem;
    const message = `the log ends at byte ${offset}; an import has acknowledged more`;
    return { kind: "damaged", offset, seq, message };
  }

  /**
   * How far the log can be read: from the last batch that the index knows (from the start with
   * `whole`) to the end of the file. Batches are checked as they are passed.
   */
  extent(whole = false): LogExtent {
    if (this.#headerProblem) return this.#damagedHeader();
    const from = whole ? { seq: 0, offset: eventLogStart } : this.#trusted(this.index.last());
    const walk = new LogWalk(this.#file, this.identity, from, this.#size());
    for (let batch = walk.next(); batch; batch = walk.next()) {
      this.index.add(batch.firstSeq, batch.fileOffset);
      this.#last = { seq: batch.firstSeq, offset: batch.fileOffset };
    }
    return { end: walk.offset, size: walk.seq, problem: this.#problemOf(walk) };
  }

  /** An index entry counts only if the batch it names is there; otherwise reading starts over. */
  #trusted(entry: LogPlace): LogPlace {
    if (entry.offset === eventLogStart) return entry;
    const walk = new LogWalk(this.#file, this.identity, entry, this.#size());
    return walk.next() ? entry : this.#distrusted();
  }

  /** Forgets the index, which named a batch that is not there; returns where to start over. */
  #distrusted(): LogPlace {
    this.index.cut(eventLogStart + 1);
    this.#last = undefined;
    return { seq: 0, offset: eventLogStart };
  }

  /** Where the index tells how far `to` is, one read brings all of it, and hardly more. */
  #walkTo(from: LogPlace, to: number): LogWalk {
    const end = this.index.behind(to) ?? from.offset;
    return new LogWalk(this.#file, this.identity, from, this.#size(), end - from.offset);
  }

  #damagedHeader(): LogExtent {
    const message = `${this.path}: ${this.#headerProblem}`;
    const short = this.#file.size() < eventLogStart;
    const kind = short ? "torn" : "damaged";
    return { end: eventLogStart, size: 0, problem: { kind, offset: 0, seq: 0, message } };
  }

  /**
   * The batches that hold events `from` (inclusive) to `to` (exclusive, default: all), in order.
   * Their bytes stay valid. Where the log ends before `to`, so do the batches; a batch that is
   * damaged or torn throws `CORRUPT` or `UNRECOVERED` with its place.
   */
  *batches(from = 0, to: number = Number.POSITIVE_INFINITY): Generator<Batch, void> {
    if (this.#headerProblem) throw this.error(this.#damagedHeader().problem);
    const start = this.#last && from >= this.#last.seq ? this.#last : this.index.find(from);
    let walk = this.#walkTo(start, to);
    let first = walk.next();
    if (!first && start.offset !== eventLogStart) {
      walk = this.#walkTo(this.#distrusted(), to);
      first = walk.next();
    }
    for (let batch = first; batch; batch = walk.next()) {
      this.index.add(batch.firstSeq, batch.fileOffset);
      if (batch.firstSeq >= to) return;
      if (batch.firstSeq + batch.count > from) yield batch;
    }
    const problem = this.#problemOf(walk);
    if (problem && walk.seq < to) throw this.error(problem);
  }

  /** The error that a problem of this log is reported with. */
  error(problem: LogProblem | undefined): ReachError {
    assert(problem, "a problem is reported only where there is one");
    const unrecovered = problem.kind === "torn" && !this.#settled;
    const error = new ReachError(unrecovered ? "UNRECOVERED" : "CORRUPT", problem.message, {
      where: `${this.id}@${problem.seq}`,
      hint: unrecovered
        ? "open the data directory for writing, or run `reach doctor --recover`"
        : "`reach verify` says what is intact; restore the session from a bundle or a copy",
    });
    return this.#reported(error);
  }
}

/** Memory that is about to be read into: clearing it first costs as much as reading. */
function unzeroed(size: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(size).buffer);
}

/** Walks batches one behind the other through windows of a file. */
export class LogWalk {
  readonly #file: DiskFile;
  readonly #identity: Uint8Array;
  readonly #fileSize: number;
  #window: Uint8Array = new Uint8Array(0);
  #windowStart: number;
  #windowBytes: number;
  /** Offset behind the last batch that was valid. */
  offset: number;
  /** Seq that the next batch begins with. */
  seq: number;
  /** Why the walk ended before the end of the file. */
  problem: LogProblem | undefined;

  constructor(
    file: DiskFile,
    identity: Uint8Array,
    from: LogPlace,
    fileSize: number,
    wantedBytes = 0,
  ) {
    this.#file = file;
    this.#identity = identity;
    this.#fileSize = fileSize;
    this.#windowBytes = Math.min(Math.max(firstWindowBytes, wantedBytes), limits.readWindowBytes);
    this.#windowStart = from.offset;
    this.offset = from.offset;
    this.seq = from.seq;
  }

  /** The next batch, or `undefined` at the end of the file or where it is no longer valid. */
  next(): Batch | undefined {
    if (this.problem || this.offset >= this.#fileSize) return undefined;
    const batch = this.#batchAt(this.offset);
    if (typeof batch === "string" || batch.firstSeq !== this.seq) {
      this.#fail(typeof batch === "string" ? batch : "out of order");
      return undefined;
    }
    this.offset += batch.end - batch.bodyStart + batchHeaderBytes;
    this.seq += batch.count;
    return batch;
  }

  /** The batch at `offset`, read if the window does not hold all of it yet. */
  #batchAt(offset: number): Batch | "short" | "invalid" {
    let batch = this.#readAt(offset);
    while (batch === "short" && this.#load(offset)) batch = this.#readAt(offset);
    return batch;
  }

  #readAt(offset: number): Batch | "short" | "invalid" {
    return readBatch(this.#window, offset - this.#windowStart, this.#identity, offset);
  }

  /**
   * Moves the window to `offset`; `false` when it stands there and cannot show more. Windows grow:
   * a look at one batch reads 64 KiB, a walk over everything 1 MiB at a time; the first one has
   * what is wanted, where that is known.
   */
  #load(offset: number): boolean {
    const size = Math.min(this.#windowBytes, this.#fileSize - offset);
    if (offset === this.#windowStart && size <= this.#window.length) return false;
    const window = unzeroed(size);
    const read = this.#file.read(window, offset);
    this.#window = window.subarray(0, read);
    this.#windowStart = offset;
    this.#windowBytes = Math.min(4 * this.#windowBytes, limits.readWindowBytes);
    return read > 0;
  }

  #fail(how: string): void {
    const what = how === "short" ? "is cut off" : how === "invalid" ? "is not valid" : how;
    const kind = this.#validBehind() ? "damaged" : "torn";
    this.problem = {
      kind,
      offset: this.offset,
      seq: this.seq,
      message: `the batch of event ${this.seq}, at byte ${this.offset} of the log, ${what}`,
    };
  }

  /** Whether a valid batch stands anywhere behind the place where the walk ended. */
  #validBehind(): boolean {
    for (let start = this.offset + 1; start < this.#fileSize; ) {
      const size = Math.min(limits.readWindowBytes + batchHeaderBytes, this.#fileSize - start);
      const window = new Uint8Array(size);
      const read = this.#file.read(window, start);
      for (let at = 0; at + batchHeaderBytes <= read; at++) {
        if (window[at] !== 0x52 || typeof batchSize(window, at) === "string") continue;
        const whole = new LogWalk(this.#file, this.#identity, anySeq(start + at), this.#fileSize);
        if (typeof whole.#batchAt(start + at) !== "string") return true;
      }
      if (read < batchHeaderBytes) return false;
      start += read - batchHeaderBytes + 1;
    }
    return false;
  }
}

function anySeq(offset: number): LogPlace {
  return { seq: 0, offset };
}
