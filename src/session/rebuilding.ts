/**
 * Damage that is none: a failed fsync may throw out of the page cache what it was to write. Until
 * the file is rebuilt it looks damaged to the process that writes, though nothing is lost, since
 * the journal holds it. Whoever opened the event log before that goes on to see the old file.
 */
import { codeOf, type ErrorCode, messageOf, ReachError, type SessionId } from "../base/index.ts";
import { checkpointPath, eventLogPath, manifestPath } from "../log/index.ts";
import type { WriteSide } from "./directory-options.ts";

/** What an error of reading a session is to be reported as. */
export type ErrorReport = <E>(error: E) => E | ReachError;

/** What a file that has lost pages is read as. */
const damageCodes: ReadonlySet<ErrorCode | undefined> = new Set<ErrorCode>([
  "CORRUPT",
  "NOTE_INVALID",
  "SIGNATURE_INVALID",
]);

/**
 * Called before the files of session `id` are opened. What it returns makes `UNRECOVERED` of what
 * looks like damage of a file that is being made durable, could not be, or has been rebuilt
 * meanwhile; and rebuilding is tried again where nobody is at it.
 */
export function watchRebuilding(
  root: string,
  id: SessionId,
  { journal, targets }: Pick<WriteSide, "journal" | "targets">,
): ErrorReport {
  const log = eventLogPath(root, id);
  const paths = [log, manifestPath(root, id), checkpointPath(root, id)];
  // The other two are opened anew each time they are looked at.
  const rebuilds = targets.rebuilds(log);
  return (error) => {
    if (!damageCodes.has(codeOf(error))) return error;
    const unsettled = paths.filter((path) => targets.unsettled(path));
    const replaced = targets.rebuilds(log) !== rebuilds;
    if (unsettled.length === 0 && !replaced) return error;
    // Whether that works the next attempt will see.
    for (const path of unsettled) {
      if (targets.stuck(path)) journal.makeDurable(path).catch(() => {});
    }
    const what = unsettled[0] ? `${unsettled[0]} is being` : `${log} has been`;
    return new ReachError("UNRECOVERED", `${what} rebuilt: ${messageOf(error)}`, {
      cause: error,
      where: id,
      hint: "nothing is lost; try again, and make room or mend the disk if this stays",
    });
  };
}
