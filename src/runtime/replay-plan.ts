/**
 * How a replay is cut up: which events are only hashed, which stretches lie between two snapshots
 * and can be folded by themselves, and which have to be folded one after the other because nobody
 * kept a state there. Pure; sizes are numbers of events.
 */
import { limits } from "../base/index.ts";
import type { SnapshotRecord } from "../snapshots/index.ts";
import type { Mark } from "./protocol.ts";

/** Tasks per worker: enough that a slow one does not leave the others idle for long. */
const tasksPerWorker = 4;
/** Events of one task at most: how often progress is seen, and how much an abort throws away. */
const taskEventsMax = 16 * limits.snapshotEventsDefault;
const hashEventsMin = 4 * limits.snapshotEventsDefault;

/** What a plan is made from. */
export interface PlanFacts {
  /** Events of the session. */
  readonly size: number;
  /** Size of the newest signed checkpoint. */
  readonly signedSize: number | null;
  /** The snapshots of the program, by size, none behind the end. */
  readonly records: readonly SnapshotRecord[];
  /** The events whose states are asked for. */
  readonly from: number;
  readonly to: number;
  readonly workers: number;
}

/** A part of the session for one task: hashed, and folded when `folds`. */
export interface StretchJob {
  readonly from: number;
  readonly to: number;
  readonly marks: readonly Mark[];
  readonly folds: boolean;
}

/** A replay, cut up. */
export interface ReplayPlan {
  /** Together they hold every event once, in order. */
  readonly jobs: readonly StretchJob[];
  /** States are compared or computed from here ... */
  readonly foldFrom: number;
  /** ... compared up to here, as the snapshots go ... */
  readonly coveredTo: number;
  /** ... and computed one after the other up to here. */
  readonly foldTo: number;
  /** Boundaries of that last part. */
  readonly chainMarks: readonly Mark[];
}

/** Where the fold passes through the encoded state on its way from `from` to `to`. */
export function marksBetween(from: number, to: number): Mark[] {
  const marks: Mark[] = [];
  const every = limits.snapshotEventsDefault;
  for (let at = from - (from % every) + every; at < to; at += every) {
    marks.push({ at, boundary: true, expected: null });
  }
  if (to > from) marks.push({ at: to, boundary: true, expected: null });
  return marks;
}

/** The marks of the snapshots behind `from`, up to `to`. */
export function recordMarks(records: readonly SnapshotRecord[], from: number, to: number): Mark[] {
  return records
    .filter(({ size }) => size > from && size <= to)
    .map(({ size, stateHash }) => ({ at: size, boundary: true, expected: stateHash }));
}

/** Cuts a replay up. */
export function planReplay(facts: PlanFacts): ReplayPlan {
  const { size, records, from, to } = facts;
  const foldFrom = records.findLast((record) => record.size <= from)?.size ?? 0;
  const closing = records.find((record) => record.size >= to);
  const coveredTo = closing?.size ?? Math.max(foldFrom, records.at(-1)?.size ?? 0);
  const foldTo = Math.max(coveredTo, closing ? 0 : chainEnd(to, size));
  const chainMarks = marksBetween(coveredTo, foldTo);
  const covered = recordMarks(records, foldFrom, coveredTo);
  const cuts = hashCuts(facts, chainMarks);
  const jobs = [
    ...hashJobs(0, foldFrom, cuts, facts),
    ...foldJobs(foldFrom, covered, cuts, facts),
    ...hashJobs(coveredTo, size, cuts, facts),
  ];
  return { jobs, foldFrom, coveredTo, foldTo, chainMarks };
}

function chainEnd(to: number, size: number): number {
  const every = limits.snapshotEventsDefault;
  return Math.min(size, Math.ceil(to / every) * every);
}

/** The sizes at which the root of the tree is wanted, ascending. */
function hashCuts({ size, signedSize, records }: PlanFacts, chainMarks: readonly Mark[]): number[] {
  const cuts = new Set(records.map((record) => record.size));
  for (const { at } of chainMarks) cuts.add(at);
  if (signedSize !== null) cuts.add(signedSize);
  cuts.add(size);
  return [...cuts].sort((a, b) => a - b);
}

function taskEvents({ size, workers }: PlanFacts): number {
  return Math.min(taskEventsMax, Math.ceil(size / (tasksPerWorker * workers)));
}

function hashJobs(
  from: number,
  to: number,
  cuts: readonly number[],
  facts: PlanFacts,
): StretchJob[] {
  const jobs: StretchJob[] = [];
  const events = Math.max(hashEventsMin, taskEvents(facts));
  for (let start = from; start < to; start += events) {
    const end = Math.min(to, start + events);
    jobs.push({ from: start, to: end, marks: rangeMarks(start, end, cuts), folds: false });
  }
  return jobs;
}

function rangeMarks(from: number, to: number, cuts: readonly number[]): Mark[] {
  const inside = cuts.filter((at) => at > from && at < to);
  return [...inside, to].map((at) => ({ at, boundary: false, expected: null }));
}

function foldJobs(
  from: number,
  covered: readonly Mark[],
  cuts: readonly number[],
  facts: PlanFacts,
): StretchJob[] {
  const jobs: StretchJob[] = [];
  const events = taskEvents(facts);
  let start = from;
  let marks: Mark[] = [];
  for (const [i, mark] of covered.entries()) {
    marks.push(mark);
    if (mark.at - start < events && i < covered.length - 1) continue;
    jobs.push({ from: start, to: mark.at, marks: withCuts(marks, start, cuts), folds: true });
    start = mark.at;
    marks = [];
  }
  return jobs;
}

/** Boundaries, and the other sizes among them at which the root is wanted. */
function withCuts(boundaries: readonly Mark[], from: number, cuts: readonly number[]): Mark[] {
  const known = new Set(boundaries.map(({ at }) => at));
  const to = (boundaries.at(-1) as Mark).at;
  const others = rangeMarks(from, to, cuts).filter(({ at }) => !known.has(at));
  return [...boundaries, ...others].sort((a, b) => a.at - b.at);
}
