/**
 * Which event of a stretch wrote a place of the state: the stretch is folded once more and the
 * value at that path is watched. Costs one fold, and is done only to explain a divergence.
 */
import { encodeValue, sha256, toHex } from "../base/index.ts";
import type { EventKind } from "../event/index.ts";
import { type Fold, type FoldStart, foldFrom } from "./fold.ts";
import type { Program, ReducerEvent } from "./program.ts";

/** An event by what a reader needs to find it. */
export interface EventMark {
  readonly seq: number;
  readonly time: number;
  readonly kind: EventKind;
  readonly type: string;
}

/** What was found by folding a stretch again. */
export interface Location {
  /** The last event after which the value at the path was another; `null` if none was. */
  readonly event: EventMark | null;
  /** The fold at the end of the stretch; `undefined` for a stretch without events. */
  readonly fold: Fold | undefined;
}

const absent = Symbol("absent");

/**
 * Folds `events` from `start` with `program` and watches the value at `steps` (keys and indexes).
 * Throws what the fold throws.
 */
export function locate(
  program: Program,
  start: FoldStart,
  events: Iterable<ReducerEvent>,
  steps: readonly (string | number)[],
): Location {
  let fold: Fold | undefined;
  let event: EventMark | null = null;
  let before: unknown = absent;
  for (const next of events) {
    if (!fold) {
      fold = foldFrom(program, start, next);
      before = fingerprint(valueAt(fold.state, steps));
    }
    fold.apply(next);
    const after = fingerprint(valueAt(fold.state, steps));
    if (!Object.is(before, after)) event = markOf(next);
    before = after;
  }
  return { event, fold };
}

/** The header of an event without the rest, safe to keep and to send as JSON. */
export function markOf(event: ReducerEvent): EventMark {
  return { seq: event.seq, time: event.time, kind: event.kind, type: event.type };
}

function valueAt(state: unknown, steps: readonly (string | number)[]): unknown {
  let value = state;
  for (const step of steps) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return absent;
    value = (value as Readonly<Record<string | number, unknown>>)[step];
  }
  return value;
}

/** Something that is the same only for the same value: it outlives a change made in place. */
function fingerprint(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  try {
    return toHex(sha256(encodeValue(value)));
  } catch {
    // What cannot be encoded cannot be compared either: every event counts as a write.
    return Symbol("unencodable");
  }
}
