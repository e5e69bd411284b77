/**
 * The log of an executed session in groups: one event from outside, and what the program made of
 * it. That is what is run again at a time, and compared.
 */

import { decodeStep, type ProgramEvent } from "../../driver/index.ts";
import type { EventView } from "../../event/index.ts";
import { isHostEnd, isMade } from "../../replay/index.ts";

/** One event from outside with everything that follows from it. */
export interface EventGroup {
  /** What begins it: an event from outside, the trigger, or the `step` event of a snapshot. */
  readonly head: EventView;
  /** What the program and its host made after that, in order; notes are left out. */
  readonly made: readonly EventView[];
  /** Seq of the last event of the group, which may be a note. */
  readonly lastSeq: number;
  /** The event behind the group; `undefined` at the end of the log. */
  readonly next: EventView | undefined;
}

/** An event as a context takes it; a large payload is fetched. */
export function programEvent(view: EventView): ProgramEvent {
  const { seq, time, kind, type, ref, payload } = view;
  if (payload.form !== "blob") {
    return { seq, time, kind, type, ref, form: payload.form, payload: payload.bytes };
  }
  return { seq, time, kind, type, ref, form: payload.ref.form, payload: view.payloadBytes };
}

/**
 * Whether the host ended the session while the program was at work on what begins the group, or had
 * nothing to do: there is nothing to compare, and running it might take for ever again.
 */
export function isGivenUp({ head, made, next }: EventGroup): boolean {
  return next !== undefined && isHostEnd(next) && made.length === 0 && !isMade(head);
}

const stateBytesMin = 32;

/** The hash of the state that a `step` event has, if a snapshot was taken there. */
export function recordedState(event: EventView): Uint8Array | undefined {
  if (event.kind !== "step" || event.dataBytes.length <= stateBytesMin) return undefined;
  return decodeStep(event.payloadBytes, event.seq).state;
}

/**
 * The groups of events in order; the first event is the head of the first group, whatever it is.
 */
export function* eventGroups(events: Iterable<EventView>): Generator<EventGroup, void> {
  let head: EventView | undefined;
  let made: EventView[] = [];
  let lastSeq = 0;
  for (const event of events) {
    if (head && event.kind !== "note" && !(isMade(event) && !isHostEnd(event))) {
      yield { head, made, lastSeq, next: event };
      head = undefined;
      made = [];
    }
    lastSeq = event.seq;
    if (event.kind === "note") continue;
    if (head) made.push(event);
    else head = event;
  }
  if (head) yield { head, made, lastSeq, next: undefined };
}

/**
 * Whether `made[index]` of a group has the seq that it gets when it is made again as `seq`. What
 * the program logged in its last turn stands in front of the `end`.
 */
export function isInPlace({ made }: EventGroup, index: number, seq: number): boolean {
  const event = made[index];
  return event !== undefined && (event.seq === seq || (event.kind === "end" && event.seq > seq));
}
