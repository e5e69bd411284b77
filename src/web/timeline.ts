/**
 * Events as a picture: a bar from each call to its result, in as few lanes as keep bars from
 * overlapping, and a tick for everything else. Pure: positions are shares of the width.
 */
import type { EventObject } from "../client/index.ts";

/** One bar or tick. */
export interface TimelineMark {
  readonly seq: number;
  readonly kind: EventObject["kind"];
  readonly type: string;
  /** From 0 to 1. */
  readonly from: number;
  /** The same as `from` for a tick. */
  readonly to: number;
  /** 0 is that of the ticks; bars begin at 1. */
  readonly lane: number;
  /** Milliseconds from call to result; none where there is no result among the events. */
  readonly ms: number | undefined;
}

/** Events as marks. */
export interface Timeline {
  readonly marks: readonly TimelineMark[];
  readonly lanes: number;
  /** What the width stands for: milliseconds, or events where no time passes between them. */
  readonly axis: "time" | "events";
  readonly ms: number;
}

const lanesMax = 8;

/** Lays events out. Bars that find no lane free are drawn in the last one. */
export function layTimeline(events: readonly EventObject[]): Timeline {
  const times = runningTimes(events);
  const [begin = 0] = times;
  const ms = (times.at(-1) ?? begin) - begin;
  const axis = ms > 0 ? "time" : "events";
  const width = axis === "time" ? ms : Math.max(events.length - 1, 1);
  const place = (index: number): number =>
    (axis === "time" ? (times[index] as number) - begin : index) / width;
  const answers = answersOf(events);
  const ends: number[] = [];
  const marks = events.map(({ seq, kind, type }, index): TimelineMark => {
    const from = place(index);
    if (kind !== "call") return { seq, kind, type, from, to: from, lane: 0, ms: undefined };
    const answer = answers.get(seq);
    const to = answer === undefined ? 1 : place(answer);
    const taken =
      answer === undefined ? undefined : (times[answer] as number) - (times[index] as number);
    return { seq, kind, type, from, to, lane: laneFor(ends, from, to), ms: taken };
  });
  return { marks, lanes: 1 + Math.min(ends.length, lanesMax), axis, ms };
}

/**
 * Times that never go back, as those of real transcripts do: each at least that of the event
 * before. 0 stands for a record without a time.
 */
function runningTimes(events: readonly EventObject[]): number[] {
  let latest = events.find(({ time }) => time > 0)?.time ?? 0;
  return events.map(({ time }) => {
    latest = Math.max(latest, time);
    return latest;
  });
}

/** Index of the first result of each call, by the seq of the call. */
function answersOf(events: readonly EventObject[]): Map<number, number> {
  const found = new Map<number, number>();
  for (const [index, { kind, ref }] of events.entries()) {
    if (kind === "result" && ref !== null && !found.has(ref)) found.set(ref, index);
  }
  return found;
}

function laneFor(ends: number[], from: number, to: number): number {
  const free = ends.findIndex((end) => end <= from);
  const lane = free >= 0 ? free : Math.min(ends.length, lanesMax - 1);
  ends[lane] = Math.max(ends[lane] ?? 0, to);
  return lane + 1;
}
