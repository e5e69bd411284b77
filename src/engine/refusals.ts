/**
 * The errors with which an engine refuses what it is asked, and what an error that came up means
 * for the session concerned.
 */
import { codeOf, messageOf, ReachError, type SessionId } from "../base/index.ts";

/** For whoever comes after the end. */
export function sessionEnded(id: SessionId): ReachError {
  return new ReachError("SESSION_ENDED", `session ${id} has ended`, {
    where: id,
    hint: "start a new session, or fork this one before its end",
  });
}

/** For whoever comes while the engine closes. */
export function engineClosing(): ReachError {
  return new ReachError("UNAVAILABLE", "the engine is closing and takes nothing more");
}

/** For whoever comes when there is no room. */
export function engineFull(what: string): ReachError {
  return new ReachError("OVERLOADED", `${what}: the engine takes nothing more for now`, {
    hint: "nothing was done: try again in a second",
  });
}

/** Whether an error says that a log took no event, or gave none, and may do so in a moment. */
export function isLogTrouble(error: unknown): boolean {
  const code = codeOf(error);
  return code === "IO_FAILED" || code === "DISK_FULL" || code === "UNRECOVERED";
}

/** Whether an error says that what was sent cannot be an event: it is no trouble of the session. */
export function isSendersFault(error: unknown): boolean {
  return codeOf(error) === "EVENT_INVALID";
}

/** Why a session cannot go on, of anything thrown. */
export function stuckBy(error: unknown): ReachError {
  if (error instanceof ReachError) return error;
  return new ReachError(codeOf(error) ?? "BUG", messageOf(error), { cause: error });
}
