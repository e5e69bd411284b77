/**
 * Whether a `step` or an `end` came out again. The state hash of a step is left out here: whether
 * a snapshot is taken is the host's affair, and the states are compared by themselves. What the
 * engine throws is worded differently from version to version, so of that only the name counts.
 */
import { decodeValue, encodeValue, equalBytes } from "../../base/index.ts";
import type { EventView } from "../../event/index.ts";
import { holdsPayload, isSameOperation, type MadeOperation } from "../../replay/index.ts";
import { sameFailure } from "../../sandbox/index.ts";

/** Whether a recorded event is what was made now. */
export function cameOutAgain(recorded: EventView, made: MadeOperation): boolean {
  if (isSameOperation(recorded, made)) return true;
  if (made.kind !== "step" && made.kind !== "end") return false;
  const sameHeader =
    recorded.kind === made.kind &&
    recorded.type === made.type &&
    recorded.time === made.time &&
    recorded.ref === null;
  if (!sameHeader) return false;
  if (made.kind === "end") return isSameEnd(recorded, made.data);
  return equalBytes(stateless(recorded.payloadBytes), stateless(made.data));
}

/** The record of a step without what stands in it because a snapshot follows. */
export function stateless(data: Uint8Array): Uint8Array {
  const { state: _, open: __, ...rest } = decodeValue(data) as Readonly<Record<string, unknown>>;
  return encodeValue(rest);
}

interface EndData {
  readonly error?: { readonly name: string; readonly message: string; readonly code?: string };
}

function isSameEnd(recorded: EventView, data: Uint8Array): boolean {
  if (holdsPayload(recorded, data)) return true;
  const before = (recorded.data as EndData | null)?.error;
  const now = (decodeValue(data) as EndData | null)?.error;
  if (!before || !now) return false;
  return sameFailure({ ...before, code: before.code }, { ...now, code: now.code });
}
