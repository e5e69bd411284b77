/**
 * Where the record of an activation may end before the activation did. What one made is appended in
 * a row, batch by batch: a crash, or a look at a session under way, leaves whole batches, hence an
 * activation is torn only behind a full one; behind notes, only its `end` can be missing. Logs of
 * early versions may be torn anywhere in an activation with a large payload: it was stored apart.
 */
import { limits } from "../../base/index.ts";
import { isHostEnd, isMade, type MadeOperation } from "../../replay/index.ts";
import type { OpenSession } from "../open-sessions.ts";
import type { EventGroup } from "./event-group.ts";

const appendedAloneBytes = limits.blobJournalBytesMax / 2;

/** Whether the log goes on with what shows that the activation was over. */
export function isComplete({ next }: EventGroup): boolean {
  return next !== undefined && !isHostEnd(next);
}

/** What is known about the end of a record. */
export interface CutOffOptions {
  /** Whether the record can end behind this event. */
  readonly endsBehind: (seq: number) => boolean;
  /** Whether the program is the recorded one. */
  readonly comparesStates: boolean;
}

/**
 * Whether `made` may go on behind what is recorded of it. Where the program is the recorded one,
 * that is believed of all that may be; other code may make more because it is other code.
 */
export function mayBeCutOff(
  group: EventGroup,
  made: readonly MadeOperation[],
  { endsBehind, comparesStates }: CutOffOptions,
): boolean {
  if (isComplete(group)) return false;
  const { head, lastSeq } = group;
  const last = group.made.at(-1) ?? (isMade(head) ? head : undefined);
  // Nothing of the activation is there: it was not over, or its host was ended for it.
  if (!last || endsBehind(last.seq)) return true;
  // What was logged in the last turn is there, and the end behind it is not.
  const [missing, ...more] = made.slice(group.made.length);
  if (missing?.kind === "end" && more.length === 0 && endsBehind(lastSeq)) return true;
  // A bundle may have brought the events in other batches.
  const count = comparesStates ? made.length : group.made.length + 1;
  if (count >= limits.batchEventsMax) return true;
  return comparesStates && made.some(({ data }) => data.length > appendedAloneBytes);
}

/** Whether the event is the last one of a batch that had no room for more. */
export function fillsBatch({ log }: OpenSession, seq: number): boolean {
  for (const { firstSeq, count } of log.batches(seq, seq + 1)) {
    return count >= limits.batchEventsMax && firstSeq + count === seq + 1;
  }
  return false;
}
