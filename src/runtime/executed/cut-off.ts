/**
 * Where the log of a session may end in the middle of an activation. What a program makes of one
 * event is appended in batches, and a crash may keep the later ones from the log. An activation
 * that fits one batch is there as a whole or not at all.
 */
import { limits } from "../../base/index.ts";
import { type Batch, eventBytesBound } from "../../event/index.ts";
import type { MadeOperation } from "../../replay/index.ts";

/** Larger payloads were appended one by one, each waited for, by early versions. */
const aloneBytesMin = limits.blobJournalBytesMax / 2;

/** Whether events of this activation may be missing behind `last`, the last batch of the log. */
export function mayBeCutOff(made: readonly MadeOperation[], last: Batch | undefined): boolean {
  // A bundle may have brought the events in other batches.
  if (made.length >= limits.batchEventsMax) return true;
  const sizes = made.map(({ data }) => Math.min(data.length, limits.payloadInlineBytesMax));
  const bytes = sizes.reduce((sum, size) => sum + eventBytesBound(size), 0);
  if (bytes >= limits.batchBytesMax) return true;
  if (made.some(({ data }) => data.length > aloneBytesMin)) return true;
  if (!last) return false;
  const room = limits.batchBytesMax - (last.end - last.bodyStart);
  return (
    last.count >= limits.batchEventsMax || room < eventBytesBound(limits.payloadInlineBytesMax)
  );
}
