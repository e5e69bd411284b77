/**
 * How a replay of an executed session is cut up: at snapshots, from each of which its steps can be
 * run by themselves. Pure; sizes are numbers of events.
 */
import { limits } from "../../base/index.ts";

/** Tasks per worker: enough that a slow one does not leave the others idle for long. */
const tasksPerWorker = 4;
const hashEventsMin = 4 * limits.snapshotEventsDefault;

/** What a plan is made from. */
export interface ExecutedPlanFacts {
  /** Events of the session. */
  readonly size: number;
  /** Size of the newest signed checkpoint. */
  readonly signedSize: number | null;
  /** Sizes of the snapshots to start from, ascending, all below `size`. */
  readonly starts: readonly number[];
  /** The events whose steps are asked for. */
  readonly from: number;
  readonly to: number;
  readonly workers: number;
}

/** A part of the session for one task. */
export interface ExecutedJob {
  readonly from: number;
  readonly to: number;
  /** Whether its steps are run; otherwise it is only hashed. */
  readonly runs: boolean;
  /** Sizes inside at which the ranges are cut, ascending. */
  readonly marks: readonly number[];
}

/** Cuts a replay up; the jobs hold every event once, in order. */
export function planExecuted(facts: ExecutedPlanFacts): ExecutedJob[] {
  const { size, starts, from, to } = facts;
  const cuts = [...new Set([...starts, ...(facts.signedSize === null ? [] : [facts.signedSize])])];
  cuts.sort((a, b) => a - b);
  const runFrom = starts.findLast((start) => start <= from) ?? 0;
  const runTo = starts.find((start) => start >= to) ?? size;
  const job = (begin: number, end: number, runs: boolean): ExecutedJob => {
    return { from: begin, to: end, runs, marks: cuts.filter((at) => at > begin && at < end) };
  };
  return [
    ...pieces(0, runFrom, hashEventsMin).map(([begin, end]) => job(begin, end, false)),
    ...stretches(facts, runFrom, runTo).map(([begin, end]) => job(begin, end, true)),
    ...pieces(runTo, size, hashEventsMin).map(([begin, end]) => job(begin, end, false)),
  ];
}

function pieces(from: number, to: number, events: number): [number, number][] {
  const found: [number, number][] = [];
  for (let at = from; at < to; at += events) found.push([at, Math.min(to, at + events)]);
  return found;
}

/** Whole stretches, several together where they are short for the number of workers. */
function stretches(facts: ExecutedPlanFacts, from: number, to: number): [number, number][] {
  const { starts, workers } = facts;
  const events = Math.ceil((to - from) / (tasksPerWorker * workers));
  const found: [number, number][] = [];
  let begin = from;
  for (const end of [...starts.filter((start) => start > from && start < to), to]) {
    if (end - begin < events && end < to) continue;
    if (end > begin) found.push([begin, end]);
    begin = end;
  }
  return found;
}
