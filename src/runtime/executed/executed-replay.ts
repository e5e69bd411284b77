/**
 * One replay of an executed session under way: hands the parts of the plan to the workers, gathers
 * what they find, and judges at the end. Parts between snapshots run in any order; where no
 * snapshot is left, one worker goes on from state to state.
 */
import path from "node:path";
import { sha256Stream, toHex } from "../../base/index.ts";
import type { StepSecret } from "../../driver/index.ts";
import { type ProgramMark, programMark } from "../../replay/index.ts";
import { secretsOf } from "../../session/index.ts";
import { checkRoots, type IntegrityProblem, Roots } from "../integrity.ts";
import { type WorkerPool, workerPool } from "../pool.ts";
import type { SessionPlace, StartState } from "../protocol.ts";
import { isUnsettled, unrecovered } from "../replay-facts.ts";
import type { ReplayReport } from "../replay-report.ts";
import type { ReplayRequest } from "../replay-run.ts";
import { type ProvenRoot, SnapshotKeeper } from "../snapshot-keeper.ts";
import { type ExecutedJob, planExecuted } from "./executed-plan.ts";
import type { ExecutedAnswer, StretchDigest } from "./executed-task.ts";
import type { RenewalMode } from "./renewal.ts";
import type { RunFault } from "./run-fault.ts";
import { runtimeName } from "./session-program.ts";

/** What is to be replayed. */
export interface ExecutedRequest extends Omit<ReplayRequest, "plan"> {
  readonly size: number;
  readonly from: number;
  readonly to: number;
  readonly renewal: RenewalMode;
}

const waitingBytesMax = 64 * 1024 * 1024;

interface Start {
  readonly at: number;
  readonly state: StartState;
}

/** Runs once. */
export class ExecutedReplay {
  readonly #request: ExecutedRequest;
  readonly #place: SessionPlace;
  readonly #pool: WorkerPool;
  readonly #secrets: readonly StepSecret[];
  /** The program that was recorded, when another one is run. */
  readonly #recordedBy: ProgramMark | null;
  /** Sizes of the snapshots to start from. */
  readonly #starts: readonly number[];
  readonly #jobs: readonly ExecutedJob[];
  readonly #roots = new Roots();
  readonly #keeper: SnapshotKeeper;
  readonly #damaged = new Set<number>();
  readonly #digests: StretchDigest[] = [];
  #settle: (proven: ProvenRoot) => void = () => {};
  #unread: number;
  #done = 0;
  /** Bytes of states that wait for the proof. */
  #waitingBytes = 0;
  #failure: { readonly error: unknown } | undefined;
  #corruption: IntegrityProblem | undefined;
  #fault: { readonly found: RunFault; readonly start: Start } | undefined;
  #compared = false;
  #matched = 0;
  #endHash: Uint8Array | undefined;

  constructor(request: ExecutedRequest) {
    const { directory, reader, program, records, size, workers } = request;
    const { manifest } = reader;
    this.#request = request;
    this.#place = { root: path.resolve(directory.path), id: reader.id };
    this.#pool = workerPool(workers);
    this.#secrets = secretsOf(manifest);
    const own = manifest.program;
    const recorded = own && programMark({ ...own, hash: own.bundle });
    this.#recordedBy = recorded && recorded.hash !== toHex(program.hash) ? recorded : null;
    const isOwn = this.#recordedBy === null;
    this.#starts = isOwn ? records.map((one) => one.size).filter((at) => at > 0 && at < size) : [];
    const signedSize = request.checkpoint?.size ?? null;
    const { from, to } = request;
    this.#jobs = planExecuted({ size, signedSize, starts: this.#starts, from, to, workers });
    this.#unread = this.#jobs.length;
    const proven = new Promise<ProvenRoot>((resolve) => {
      this.#settle = resolve;
    });
    this.#keeper = new SnapshotKeeper(directory, reader.id, program.hash, proven);
  }

  /** What a report says that the events had to be read for. Throws as `replaySession` does. */
  async run(): Promise<Partial<ReplayReport>> {
    try {
      await this.#runAll();
    } finally {
      await this.#keeper.idle();
    }
    await this.#keeper.finish();
    return this.#judge();
  }

  async #runAll(): Promise<void> {
    const { workers } = this.#request;
    let next = 0;
    const lane = async (): Promise<void> => {
      for (let job = this.#jobs[next++]; job && !this.#failure; job = this.#jobs[next++]) {
        await this.#part(job).catch((error: unknown) => this.#fail(error));
      }
    };
    await Promise.all(Array.from({ length: Math.min(workers, this.#jobs.length) }, lane));
    if (this.#failure) throw this.#failure.error;
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#settle(() => undefined);
  }

  async #part(job: ExecutedJob): Promise<void> {
    const beyond = this.#corruption && job.from > this.#corruption.seq;
    if (!beyond) await (job.runs ? this.#runPart(job) : this.#hashPart(job));
    this.#unread -= 1;
    if (this.#unread === 0) this.#prove();
  }

  #startAt(at: number): Start {
    const record = this.#request.records.find(({ size }) => size === at);
    if (at === 0 || !record) return { at: 0, state: { kind: "init" } };
    return { at, state: { kind: "blob", hash: record.stateHash } };
  }

  #startBefore(at: number): Start {
    this.#damaged.add(at);
    return this.#startAt(this.#starts.findLast((size) => size < at) ?? 0);
  }

  async #runPart(job: ExecutedJob): Promise<void> {
    const { program, records, size, keep, renewal, signal, patienceMs } = this.#request;
    let start = this.#startAt(job.from);
    let newAfter = job.from;
    for (let from = job.from; from < job.to || start.at < job.to; ) {
      const answer = await this.#pool.run<"executed">(
        {
          kind: "executed",
          place: this.#place,
          program,
          secrets: this.#secrets,
          startAt: start.at,
          start: start.state,
          from,
          to: job.to,
          newAfter,
          size,
          marks: job.marks.filter((at) => at > from),
          records: records.map((record) => record.size),
          keep: keep && this.#recordedBy === null,
          comparesStates: this.#recordedBy === null,
          renewal,
        },
        { signal, patienceMs },
      );
      if (answer.startDamaged) {
        start = this.#startBefore(start.at);
        continue;
      }
      if (this.#isCorrupt(answer)) return;
      await this.#take(answer, from, start);
      from = answer.reached;
      if (!answer.end) return;
      start = { at: answer.end.at, state: { kind: "bytes", bytes: answer.end.bytes } };
      newAfter = start.at;
    }
  }

  async #take(answer: ExecutedAnswer, from: number, start: Start): Promise<void> {
    const { fault } = answer;
    if (fault && (!this.#fault || fault.seq < this.#fault.found.seq)) {
      this.#fault = { found: fault, start };
    }
    this.#compared ||= answer.compared;
    this.#matched += answer.matched;
    this.#roots.add(from, answer.ranges);
    this.#digests.push(...answer.digests);
    if (answer.stateHash) this.#endHash = answer.stateHash;
    await this.#keep(answer);
    this.#advance(answer.reached - from);
  }

  /** States in the place of damaged ones are signed already; others are once the log is proven. */
  async #keep({ states }: ExecutedAnswer): Promise<void> {
    const { records } = this.#request;
    const root = (at: number): Uint8Array | undefined => {
      return records.find(({ size }) => size === at)?.root;
    };
    const damaged = states.filter(({ at }) => root(at) !== undefined);
    for (const { at } of damaged) this.#damaged.add(at);
    await this.#keeper.restore(damaged, root);
    // Not waited for: they are signed when the log is proven, and this is part of the proof.
    const added = states.filter(({ at }) => root(at) === undefined && this.#hasRoom());
    for (const { bytes } of added) this.#waitingBytes += bytes.length;
    void this.#keeper.add(added).catch(() => {});
  }

  /** What finds no room is kept by the next replay. */
  #hasRoom(): boolean {
    return this.#waitingBytes < waitingBytesMax;
  }

  async #hashPart({ from, to, marks }: ExecutedJob): Promise<void> {
    const { signal } = this.#request;
    const ends = [...marks, to].map((at) => ({ at, boundary: false, expected: null }));
    const task = { kind: "stretch", place: this.#place, from, to, hash: "ranges" } as const;
    const answer = await this.#pool.run<"stretch">(
      { ...task, marks: ends, fold: null },
      { signal },
    );
    if (this.#isCorrupt(answer)) return;
    this.#roots.add(from, answer.ranges);
    this.#advance(to - from);
  }

  #isCorrupt({ corruption }: Pick<ExecutedAnswer, "corruption">): boolean {
    if (!corruption) return false;
    const { seq, code, message } = corruption;
    const { reader } = this.#request;
    if (code !== "CORRUPT" && isUnsettled(reader)) throw unrecovered(reader, message);
    if (!this.#corruption || seq < this.#corruption.seq) this.#corruption = { seq, message };
    return true;
  }

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
    this.#done += events;
    this.#request.onShare(Math.min(1, this.#done / this.#request.size));
  }

  async #judge(): Promise<Partial<ReplayReport>> {
    const { size, to } = this.#request;
    const found = {
      comparedTo: to,
      snapshots: this.#matched,
      kept: this.#keeper.kept > 0,
      keptSnapshots: this.#keeper.kept,
      damagedSnapshots: this.#damaged.size,
    };
    if (this.#corruption) {
      return { ...found, verdict: "corrupt", snapshots: 0, problem: this.#corruption };
    }
    const root = toHex(this.#roots.at(size) as Uint8Array);
    const operations = this.#operations();
    if (this.#fault) {
      const { found: fault, start } = this.#fault;
      const divergence = await this.#explain(fault, start);
      const comparedTo = fault.seq;
      return { ...found, verdict: "diverged", comparedTo, root, operations, divergence };
    }
    const stateHash = this.#endHash ? toHex(this.#endHash) : null;
    const verdict = this.#compared ? "identical" : "computed";
    return { ...found, verdict, root, operations, stateHash };
  }

  /** Up to the first fault; how much lies behind it depends on how the work was split. */
  #operations(): ReplayReport["operations"] {
    const until = this.#fault?.found.seq ?? Number.POSITIVE_INFINITY;
    const digests = this.#digests.filter(({ from }) => from < until);
    digests.sort((a, b) => a.from - b.from);
    const stream = sha256Stream();
    let count = 0;
    let steps = 0;
    for (const { operations, steps: some, hash } of digests) {
      stream.update(hash);
      count += operations;
      steps += some;
    }
    return { count, steps, hash: this.#fault ? null : toHex(stream.digest()) };
  }

  async #explain(fault: RunFault, from: Start): Promise<ReplayReport["divergence"]> {
    const { program, reader, renewal, signal, patienceMs } = this.#request;
    const recorded = reader.manifest.program?.runtime ?? null;
    for (let start = from; ; start = this.#startBefore(start.at)) {
      const { divergence } = await this.#pool.run<"explain-run">(
        {
          kind: "explain-run",
          place: this.#place,
          program,
          secrets: this.#secrets,
          startAt: start.at,
          start: start.state,
          fault,
          comparesStates: this.#recordedBy === null,
          renewal,
          recordedBy: this.#recordedBy,
          runtime: { recorded, now: runtimeName() },
        },
        { signal, patienceMs },
      );
      if (divergence) return divergence;
    }
  }
}
