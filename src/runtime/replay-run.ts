/**
 * One replay under way: hands the parts of a plan to the workers, gathers what they find, and
 * judges at the end. The parts between snapshots run in any order; where no state was kept, one
 * worker folds from boundary to boundary while the others hash.
 */
import * as os from "node:os";
import path from "node:path";
import { ReachError, toHex } from "../base/index.ts";
import type { Checkpoint } from "../merkle/index.ts";
import type { Divergence } from "../replay/index.ts";
import type { Directory, SessionReader } from "../session/index.ts";
import type { SnapshotRecord } from "../snapshots/index.ts";
import { checkRoots, type IntegrityProblem, Roots } from "./integrity.ts";
import type { LoadedProgram } from "./load-program.ts";
import { type WorkerPool, workerPool } from "./pool.ts";
import {
  type FoldFault,
  type FoldOrder,
  type Hashing,
  type Mark,
  reachError,
  type SessionPlace,
  type StartState,
  type StretchAnswer,
  type StretchTask,
} from "./protocol.ts";
import { isUnsettled, unrecovered } from "./replay-facts.ts";
import { type ReplayPlan, recordMarks, type StretchJob } from "./replay-plan.ts";
import type { ReplayReport } from "./replay-report.ts";
import { type ProvenRoot, SnapshotKeeper } from "./snapshot-keeper.ts";

/** Boundaries that one task of the sequential part passes. */
const chainBoundaries = 16;

/** What is to be replayed. */
export interface ReplayRequest {
  readonly directory: Directory;
  readonly reader: SessionReader;
  readonly program: LoadedProgram;
  readonly plan: ReplayPlan;
  readonly records: readonly SnapshotRecord[];
  readonly checkpoint: Checkpoint | undefined;
  readonly workers: number;
  readonly keep: boolean;
  readonly signal: AbortSignal | undefined;
  readonly patienceMs: number | undefined;
  /** Told how much of the work is done, from 0 to 1. */
  readonly onShare: (share: number) => void;
}

/** A state to fold from, and the events in it. */
interface Start {
  readonly at: number;
  readonly state: StartState;
}

/** Runs once. */
export class ReplayRun {
  readonly #request: ReplayRequest;
  readonly #place: SessionPlace;
  readonly #pool: WorkerPool;
  readonly #hashing: Hashing;
  readonly #roots = new Roots();
  readonly #keeper: SnapshotKeeper;
  /** Sizes of the snapshots whose state could not be read. */
  readonly #damaged = new Set<number>();
  readonly #restored = new Set<number>();
  #settle: (proven: ProvenRoot) => void = () => {};
  /** Parts of the log that have not been read yet. */
  #unread: number;
  #done = 0;
  #failure: { readonly error: unknown } | undefined;
  #corruption: IntegrityProblem | undefined;
  /** The first stretch that did not end as its snapshot says. */
  #fault: FoldFault | undefined;
  /** Where the program failed behind the last snapshot. */
  #failedAt: FoldFault | undefined;
  #matched = 0;
  #endHash: Uint8Array | undefined;

  constructor(request: ReplayRequest) {
    const { directory, reader, program, plan, workers } = request;
    this.#request = request;
    this.#place = { root: path.resolve(directory.path), id: reader.id };
    this.#pool = workerPool(workers);
    // Where a core is left for this thread, it hashes the nodes while the workers do the rest.
    this.#hashing = workers < os.availableParallelism() ? "leaves" : "ranges";
    this.#unread = plan.jobs.length;
    const proven = new Promise<ProvenRoot>((resolve) => {
      this.#settle = resolve;
    });
    this.#keeper = new SnapshotKeeper(directory, reader.id, program.hash, proven);
  }

  /** What a report says that the events had to be read for. Throws as `replaySession` does. */
  async run(): Promise<Partial<ReplayReport>> {
    const { plan, workers } = this.#request;
    const jobs = plan.jobs.map((job) => () => this.#part(job));
    if (plan.chainMarks.length > 0) {
      // With one worker the log is proven first; with more, the long fold begins at once.
      if (workers === 1) jobs.push(() => this.#chain());
      else jobs.unshift(() => this.#chain());
    }
    try {
      await this.#runAll(jobs, workers);
    } finally {
      // Whoever hears of a failure may close the directory: nothing is written to it after that.
      await this.#keeper.idle();
    }
    await this.#keeper.finish();
    return this.#judge();
  }

  async #runAll(jobs: readonly (() => Promise<void>)[], width: number): Promise<void> {
    let next = 0;
    const lane = async (): Promise<void> => {
      for (let job = jobs[next++]; job && !this.#failure; job = jobs[next++]) {
        await job().catch((error: unknown) => this.#fail(error));
      }
    };
    await Promise.all(Array.from({ length: Math.min(width, jobs.length) }, lane));
    if (this.#failure) throw this.#failure.error;
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#settle(() => undefined);
  }

  #ask(task: StretchTask): Promise<StretchAnswer> {
    const { signal, patienceMs } = this.#request;
    return this.#pool.run<"stretch">(task, { signal, patienceMs });
  }

  #order({ at, state }: Start, keep: FoldOrder["keep"], wantsEnd: boolean): FoldOrder {
    return { program: this.#request.program, startAt: at, start: state, keep, wantsEnd };
  }

  /** The snapshot of `at` events, or the beginning. */
  #startAt(at: number): Start {
    const record = this.#request.records.find(({ size }) => size === at);
    if (!record) return { at: 0, state: { kind: "init" } };
    return { at, state: { kind: "blob", hash: record.stateHash } };
  }

  /** What to start from when the snapshot of `at` events is damaged. */
  #startBefore(at: number): Start {
    this.#damaged.add(at);
    const earlier = this.#request.records.findLast(({ size }) => size < at);
    return this.#startAt(earlier?.size ?? 0);
  }

  /** A part of the log that is hashed, and folded where states were kept. */
  async #part(job: StretchJob): Promise<void> {
    if (!this.#corruption || job.from <= this.#corruption.seq) await this.#readPart(job);
    this.#unread -= 1;
    if (this.#unread === 0) this.#prove();
  }

  async #readPart(job: StretchJob): Promise<void> {
    const { records, keep } = this.#request;
    let start = job.folds ? this.#startAt(job.from) : undefined;
    for (let from = job.from; from < job.to; ) {
      const before = start ? recordMarks(records, start.at, from) : [];
      const marks = [...before, ...job.marks.filter(({ at }) => at > from)];
      const fold = start ? this.#order(start, keep ? "damaged" : "none", keep) : null;
      const answer = await this.#ask({
        kind: "stretch",
        place: this.#place,
        from,
        to: job.to,
        hash: this.#hashing,
        marks,
        fold,
      });
      if (answer.startDamaged && start) {
        start = this.#startBefore(start.at);
        continue;
      }
      if (this.#isCorrupt(answer)) return;
      this.#fault = earlier(this.#fault, answer.fault);
      this.#matched += answer.matched;
      this.#addHashes(from, answer, marks);
      await this.#restore(answer);
      this.#advance(answer.reached - from);
      from = answer.reached;
      start &&= startOf(answer);
    }
  }

  #addHashes(from: number, { ranges, leaves }: StretchAnswer, marks: readonly Mark[]): void {
    if (leaves) this.#roots.addLeaves(from, leaves, sizesBehind(from, marks));
    else this.#roots.add(from, ranges);
  }

  /** Puts good states in the place of damaged ones; they are signed already. */
  async #restore({ states }: StretchAnswer): Promise<void> {
    const { records } = this.#request;
    const missing = states.filter(({ at }) => !this.#restored.has(at));
    for (const { at } of missing) this.#damaged.add(at);
    for (const { at } of missing) this.#restored.add(at);
    await this.#keeper.restore(missing, (at) => records.find(({ size }) => size === at)?.root);
  }

  /** Folds from boundary to boundary where nobody kept a state. */
  async #chain(): Promise<void> {
    const { plan, records, keep } = this.#request;
    const { coveredTo, foldTo, chainMarks } = plan;
    let start: Start | undefined = this.#startAt(coveredTo);
    for (let from = coveredTo; start && from < foldTo && !this.#corruption && !this.#fault; ) {
      const done = from;
      const ahead = chainMarks.filter(({ at }) => at > done).slice(0, chainBoundaries);
      const marks = [...recordMarks(records, start.at, from), ...ahead];
      const fold = this.#order(start, keep ? "all" : "none", true);
      const to = ahead.at(-1)?.at ?? foldTo;
      const answer = await this.#ask({
        kind: "stretch",
        place: this.#place,
        from,
        to,
        hash: "none",
        marks,
        fold,
      });
      if (answer.startDamaged) {
        start = this.#startBefore(start.at);
        continue;
      }
      if (this.#isCorrupt(answer)) return;
      if (answer.fault) this.#chainStopped(answer.fault);
      await this.#keeper.add(answer.states.filter(({ at }) => at > coveredTo));
      this.#advance(answer.reached - from);
      if (answer.end) this.#endHash = answer.end.hash;
      from = answer.reached;
      start = startOf(answer);
    }
  }

  #chainStopped(fault: FoldFault): void {
    if (fault.to <= this.#request.plan.coveredTo) this.#fault = earlier(this.#fault, fault);
    else this.#failedAt = fault;
  }

  #isCorrupt({ corruption }: StretchAnswer): boolean {
    if (!corruption) return false;
    const { seq, code, message } = corruption;
    const { reader } = this.#request;
    if (code !== "CORRUPT" && isUnsettled(reader)) throw unrecovered(reader, message);
    if (!this.#corruption || seq < this.#corruption.seq) this.#corruption = { seq, message };
    return true;
  }

  /** Everything has been read: compares the roots and says whether they can be relied on. */
  #prove(): void {
    const { reader, checkpoint, records } = this.#request;
    if (!this.#corruption) {
      this.#roots.merge();
      this.#corruption = checkRoots(reader, this.#roots, checkpoint, records);
    }
    const relied = !this.#corruption && !this.#fault;
    this.#settle((size) => (relied ? this.#roots.at(size) : undefined));
  }

  #advance(events: number): void {
    const { plan, onShare } = this.#request;
    const size = plan.jobs.at(-1)?.to ?? 0;
    this.#done += events;
    onShare(this.#done / (size + plan.foldTo - plan.coveredTo));
  }

  async #judge(): Promise<Partial<ReplayReport>> {
    const { plan, records } = this.#request;
    const found = {
      comparedTo: plan.coveredTo,
      snapshots: this.#matched,
      kept: this.#keeper.kept > 0,
      keptSnapshots: this.#keeper.kept,
      damagedSnapshots: this.#damaged.size,
    };
    if (this.#corruption) {
      return { ...found, verdict: "corrupt", snapshots: 0, problem: this.#corruption };
    }
    const root = toHex(this.#roots.at(plan.jobs.at(-1)?.to ?? 0) as Uint8Array);
    if (this.#fault) {
      const { from } = this.#fault;
      const divergence = await this.#explain(this.#fault);
      // How much was compared behind the first divergence depends on how the work was split.
      const snapshots = recordMarks(records, plan.foldFrom, from).length;
      return { ...found, verdict: "diverged", comparedTo: from, snapshots, root, divergence };
    }
    if (this.#failedAt?.error) throw reachError(this.#failedAt.error);
    const atEnd = records.find(({ size }) => size === plan.foldTo)?.stateHash ?? this.#endHash;
    const stateHash = atEnd ? toHex(atEnd) : null;
    return { ...found, verdict: this.#matched > 0 ? "identical" : "computed", root, stateHash };
  }

  /** Has the stretch folded again, for the report. */
  async #explain({ from, to, actual }: FoldFault): Promise<Divergence> {
    const { records, program, signal, patienceMs } = this.#request;
    const expected = records.find(({ size }) => size === to)?.stateHash;
    if (!expected) throw new ReachError("BUG", `no snapshot of ${to} events to compare with`);
    for (let start = this.#startAt(from); ; start = this.#startBefore(start.at)) {
      const { divergence } = await this.#pool.run<"explain">(
        {
          kind: "explain",
          place: this.#place,
          program,
          from: start.at,
          to,
          start: start.state,
          expected,
          actual,
        },
        { signal, patienceMs },
      );
      if (divergence) return divergence;
    }
  }
}

/** Where to go on after an answer; `undefined` when the fold is over. */
function startOf({ end, endBytes }: StretchAnswer): Start | undefined {
  return end && endBytes ? { at: end.at, state: { kind: "bytes", bytes: endBytes } } : undefined;
}

function sizesBehind(from: number, marks: readonly Mark[]): number[] {
  return marks.filter(({ at }) => at > from).map(({ at }) => at);
}

function earlier(known: FoldFault | undefined, found: FoldFault | null): FoldFault | undefined {
  if (!found) return known;
  return known && known.to <= found.to ? known : found;
}
