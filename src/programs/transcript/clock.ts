/**
 * When things happened: first and last time, pauses, and time that goes back. Records carry their
 * own times, which are never used for order; an event without a time has that of the one before.
 */
import { bounds } from "./bounds.ts";
import { keepLargest, plus } from "./entries.ts";

/** A pause: `ms` without an event before event `seq`. */
export interface Gap {
  readonly seq: number;
  readonly ms: number;
}

/** The times of a session; `null` while no event had one. */
export interface Clock {
  first: number | null;
  last: number | null;
  /** The time of the event before, and the latest so far in the current session. */
  previous: number;
  latest: number;
  /** How often an event was earlier than the one before it, and by how much at most. */
  backward: { count: number; longestMs: number };
  /** Pauses of more than a minute; the longest ones each. */
  idle: { count: number; ms: number; longest: Gap[] };
  /** Pauses between two sessions of a concatenated log. */
  between: { count: number; ms: number };
  /** A jump (also backward) of which is not known yet whether a session begins there. */
  pending: Gap | null;
}

/** A clock that has seen nothing. */
export function emptyClock(): Clock {
  return {
    first: null,
    last: null,
    previous: 0,
    latest: 0,
    backward: { count: 0, longestMs: 0 },
    idle: { count: 0, ms: 0, longest: [] },
    between: { count: 0, ms: 0 },
    pending: null,
  };
}

/**
 * Takes the time of the next event. `named`: the records of this log name their session, so a
 * jump is held until `settle` says whether it lies between two of them.
 */
export function advance(clock: Clock, seq: number, time: number, named: boolean): void {
  if (time === 0) return;
  const { previous, latest } = clock;
  clock.previous = time;
  if (time > latest) clock.latest = time;
  if (clock.first === null || clock.last === null) {
    clock.first = time;
    clock.last = time;
    return;
  }
  if (time < clock.first) clock.first = time;
  if (time > clock.last) clock.last = time;
  // Records out of order jump to and fro: only what passes the latest of them is a pause.
  if (time < previous) jump(clock, seq, time - previous, named);
  else if (time - latest > bounds.gapMsMin) jump(clock, seq, time - latest, named);
}

function jump(clock: Clock, seq: number, ms: number, named: boolean): void {
  if (clock.pending) count(clock, clock.pending);
  clock.pending = named ? { seq, ms } : null;
  if (!named) count(clock, { seq, ms });
}

/** The next record that names its session has come: `same` as before, or another one. */
export function settle(clock: Clock, same: boolean): void {
  const { pending } = clock;
  clock.pending = null;
  if (same) {
    if (pending) count(clock, pending);
    return;
  }
  clock.latest = clock.previous;
  if (!pending || pending.ms < 0) return;
  clock.between.count = plus(clock.between.count, 1);
  clock.between.ms = plus(clock.between.ms, pending.ms);
}

function count(clock: Clock, gap: Gap): void {
  if (gap.ms < 0) {
    clock.backward.count = plus(clock.backward.count, 1);
    clock.backward.longestMs = Math.max(clock.backward.longestMs, -gap.ms);
    return;
  }
  clock.idle.count = plus(clock.idle.count, 1);
  clock.idle.ms = plus(clock.idle.ms, gap.ms);
  keepLargest(clock.idle.longest, gap, bounds.gapsKept);
}
