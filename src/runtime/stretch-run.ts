/**
 * The inner loop of replay: reads a range of events once, hashes the leaves into compact ranges and
 * folds the program, comparing its state at every boundary. What is wrong with the log comes
 * before what is wrong with the program: after a fault of the program the rest is still read.
 */
import { codeOf, type ErrorCode, equalBytes, messageOf } from "../base/index.ts";
import { type Batch, BatchWalk, EventView, type PayloadSource } from "../event/index.ts";
import { emptyRange, encodeRange, hashBytes, leafHashInto, RangeBuilder } from "../merkle/index.ts";
import { Fold } from "../replay/index.ts";
import type { OpenSession } from "./open-sessions.ts";
import type { ProgramSlot } from "./program-slot.ts";
import {
  type BoundaryState,
  type Corruption,
  type FoldFault,
  type FoldOrder,
  type Mark,
  plainError,
  type StretchAnswer,
  type StretchTask,
} from "./protocol.ts";

/** Bytes of states that one task collects before it reports. */
const stateBytesPerTask = 8 * 1024 * 1024;

const programFailures: ReadonlySet<ErrorCode | undefined> = new Set<ErrorCode>([
  "PROGRAM_FAILED",
  "STATE_UNSUPPORTED",
  "STATE_TOO_LARGE",
]);
/** What is wrong with the log, or with what lies beside it, and not with a program. */
export const corruptions: ReadonlySet<ErrorCode | undefined> = new Set<ErrorCode>([
  "CORRUPT",
  "BLOB_CORRUPT",
  "BLOB_MISSING",
]);

/** Payloads of a session. A failure is remembered: a program may catch what it is thrown. */
export class WatchedPayloads implements PayloadSource {
  readonly #source: PayloadSource;
  failed = false;
  failure: unknown;

  constructor(source: PayloadSource) {
    this.#source = source;
  }

  get(sha256: Uint8Array): Uint8Array {
    try {
      return this.#source.get(sha256);
    } catch (error) {
      this.failed = true;
      this.failure = error;
      throw error;
    }
  }
}

/** The bytes of a stored state, or `undefined` when they are damaged or gone. */
export function storedState(session: OpenSession, hash: Uint8Array): Uint8Array | undefined {
  try {
    return session.blobs.get(hash);
  } catch (error) {
    if (corruptions.has(codeOf(error))) return undefined;
    throw error;
  }
}

/** Does one task. `program` is there when the task folds. */
export class StretchRun {
  readonly #session: OpenSession;
  readonly #task: StretchTask;
  readonly #order: FoldOrder | null;
  readonly #program: ProgramSlot | undefined;
  readonly #payloads: WatchedPayloads;
  #range: RangeBuilder | undefined;
  readonly #leaves: Uint8Array | undefined;
  #fold: Fold | undefined;
  #folding: boolean;
  /** Whether the program has come to a boundary: then a new one goes on, if anything follows. */
  #used = false;
  /** The next event, the next mark, and where that lies. */
  #next: number;
  #mark = 0;
  #markAt: number;
  /** Events at the last boundary. */
  #boundary: number;
  #full = false;
  #stateBytes = 0;
  #matched = 0;
  #end: BoundaryState | undefined;
  #fault: FoldFault | null = null;
  readonly #ranges: Uint8Array[] = [];
  readonly #states: BoundaryState[] = [];

  constructor(session: OpenSession, program: ProgramSlot | undefined, task: StretchTask) {
    this.#session = session;
    this.#task = task;
    this.#order = task.fold;
    this.#program = program;
    this.#payloads = new WatchedPayloads(session.payloads);
    this.#folding = task.fold !== null;
    this.#next = task.fold ? task.fold.startAt : task.from;
    this.#boundary = this.#next;
    this.#markAt = (task.marks[0] as Mark).at;
    const { from, to, hash } = task;
    if (hash === "ranges") this.#range = new RangeBuilder(emptyRange(from));
    if (hash === "leaves") this.#leaves = new Uint8Array(hashBytes * (to - from));
  }

  run(): StretchAnswer {
    if (!this.#begin()) return this.#answer(null, true);
    try {
      if (this.#program && !this.#fold) this.#init(this.#program);
      for (const batch of this.#session.log.batches(this.#next, this.#task.to)) {
        this.#read(batch);
        if (this.#finished()) break;
      }
    } catch (error) {
      const code = codeOf(error);
      if (code === undefined || !corruptions.has(code)) throw error;
      return this.#answer({ seq: this.#next, code, message: messageOf(error) }, false);
    }
    if (!this.#finished()) return this.#answer(this.#cutShort(), false);
    return this.#answer(null, false);
  }

  /** Takes the start state up; false when it cannot be read. */
  #begin(): boolean {
    const start = this.#order?.start;
    if (!this.#program || !start || start.kind === "init") return true;
    const bytes = start.kind === "bytes" ? start.bytes : storedState(this.#session, start.hash);
    if (bytes) this.#fold = Fold.resume(this.#program, bytes);
    return bytes !== undefined;
  }

  /** Begins with the first event; in the loop it would cost the loop its compiled code. */
  #init(program: ProgramSlot): void {
    for (const first of this.#session.events(this.#next, this.#next + 1, this.#payloads)) {
      try {
        this.#fold = Fold.begin(program, first);
      } catch (error) {
        if (!this.#payloads.failed) this.#failed(error, this.#nextBoundary());
      }
      if (this.#payloads.failed) throw this.#payloads.failure;
    }
  }

  #finished(): boolean {
    if (this.#full || this.#next >= this.#task.to) return true;
    return !this.#folding && this.#task.hash === "none";
  }

  #cutShort(): Corruption {
    const message = `the log ends after ${this.#next} events, it had ${this.#task.to}`;
    return { seq: this.#next, code: "CORRUPT", message };
  }

  #read(batch: Batch): void {
    const { from, to } = this.#task;
    for (const walk = new BatchWalk(batch); walk.next(); ) {
      const { seq } = walk;
      if (seq < this.#next) continue;
      if (seq >= to) return;
      if (this.#folding) this.#apply(walk.event());
      if (seq >= from) this.#hash(walk, seq - from);
      this.#next = seq + 1;
      if (this.#next === this.#markAt) this.#pass(this.#task.marks[this.#mark] as Mark);
      if (this.#full) return;
    }
  }

  #hash(walk: BatchWalk, place: number): void {
    if (this.#leaves) leafHashInto(walk.preimage(), this.#leaves, hashBytes * place);
    else this.#range?.appendLeaf(walk.preimage());
  }

  #apply(bytes: Uint8Array): void {
    const event = new EventView(bytes, this.#payloads);
    try {
      if (this.#used) this.#renew();
      (this.#fold as Fold).apply(event);
    } catch (error) {
      if (!this.#payloads.failed) this.#failed(error, this.#nextBoundary());
    }
    if (this.#payloads.failed) throw this.#payloads.failure;
  }

  #renew(): void {
    this.#program?.renew();
    this.#used = false;
  }

  #nextBoundary(): number {
    const { marks, to } = this.#task;
    for (let i = this.#mark; i < marks.length; i++) {
      if ((marks[i] as Mark).boundary) return (marks[i] as Mark).at;
    }
    return to;
  }

  /** The program failed: that ends the fold. Anything else is not for it to answer for. */
  #failed(error: unknown, to: number): void {
    if (!programFailures.has(codeOf(error))) throw error;
    const located = this.#program?.located(error) ?? error;
    this.#folding = false;
    this.#fault = { from: this.#boundary, to, actual: null, error: plainError(located) };
  }

  #pass(mark: Mark): void {
    if (mark.boundary && this.#folding) this.#compare(mark);
    if (this.#range && mark.at > this.#task.from) {
      this.#ranges.push(encodeRange(this.#range.range()));
      this.#range = new RangeBuilder(emptyRange(mark.at));
    }
    this.#mark += 1;
    this.#markAt = this.#task.marks[this.#mark]?.at ?? -1;
  }

  #compare({ at, expected }: Mark): void {
    let state: { readonly bytes: Uint8Array; readonly hash: Uint8Array };
    try {
      state = (this.#fold as Fold).boundary();
    } catch (error) {
      this.#failed(error, at);
      return;
    }
    this.#used = true;
    const { hash, bytes } = state;
    if (expected && !equalBytes(hash, expected)) {
      this.#folding = false;
      this.#fault = { from: this.#boundary, to: at, actual: hash, error: null };
      return;
    }
    if (expected && at > this.#task.from) this.#matched += 1;
    this.#boundary = at;
    this.#end = { at, hash, bytes };
    if (this.#isWanted(hash)) {
      this.#states.push({ at, hash, bytes });
      this.#stateBytes += bytes.length;
      this.#full = this.#stateBytes >= stateBytesPerTask;
    }
  }

  #isWanted(hash: Uint8Array): boolean {
    const keep = this.#order?.keep;
    if (keep === "damaged") return storedState(this.#session, hash) === undefined;
    return keep === "all";
  }

  #answer(corruption: Corruption | null, startDamaged: boolean): StretchAnswer {
    const end = this.#end;
    const wantsEnd = this.#order?.wantsEnd && end !== undefined;
    return {
      reached: this.#next,
      ranges: this.#ranges,
      leaves: this.#leaves?.subarray(0, hashBytes * (this.#next - this.#task.from)) ?? null,
      matched: this.#matched,
      states: this.#states,
      end: end ? { at: end.at, hash: end.hash } : null,
      endBytes: wantsEnd ? end.bytes : null,
      fault: this.#fault,
      corruption,
      startDamaged,
    };
  }
}
