/**
 * Reading a session in order to go on with it. A failed fsync may throw out of the page cache what
 * it was to write: until the file is rebuilt it looks damaged, though nothing is lost, since the
 * journal holds it.
 */
import { codeOf, type ErrorCode, messageOf, ReachError, type SessionId } from "../base/index.ts";
import { checkpointPath, eventLogPath, manifestPath } from "../log/index.ts";
import type { WriteSide } from "./directory-options.ts";
import type { Manifest } from "./manifest.ts";
import { type ReaderContext, SessionReader } from "./session-reader.ts";
import { SessionTail } from "./session-tail.ts";

/** A session to go on with. */
export interface Resumed {
  readonly manifest: Manifest;
  readonly tail: SessionTail;
}

/** What a file that has lost pages is read as. */
const damageCodes: ReadonlySet<ErrorCode | undefined> = new Set<ErrorCode>([
  "CORRUPT",
  "NOTE_INVALID",
  "SIGNATURE_INVALID",
]);

/**
 * A session that nobody writes. Throws `QUARANTINED` and `CORRUPT` when it is damaged,
 * `UNRECOVERED` while a file of it is being rebuilt.
 */
export function resumeSession(context: ReaderContext, id: SessionId, write: WriteSide): Resumed {
  write.journal.checkPlaced();
  try {
    return read(context, id);
  } catch (error) {
    throw errorOf(error, context.root, id, write);
  }
}

function read(context: ReaderContext, id: SessionId): Resumed {
  const reader = new SessionReader(context, id);
  try {
    const { quarantine, manifest, log } = reader;
    if (quarantine) {
      throw new ReachError("QUARANTINED", `session ${id} is read-only: ${quarantine.reason}`, {
        where: `${id}@${quarantine.seq}`,
        hint: "its events up to there are intact; import or fork them into a new session",
      });
    }
    const tail = SessionTail.resume(context.disk, context.root, log, reader.checkpoint());
    return { manifest, tail };
  } finally {
    reader.close();
  }
}

/**
 * What reading has thrown. Where that looks like damage of a file that is being made durable, or
 * could not be, it is `UNRECOVERED`, and rebuilding is tried again.
 */
function errorOf(
  error: unknown,
  root: string,
  id: SessionId,
  { journal, targets }: WriteSide,
): unknown {
  if (!damageCodes.has(codeOf(error))) return error;
  const paths = [eventLogPath(root, id), manifestPath(root, id), checkpointPath(root, id)];
  const unsettled = paths.filter((path) => targets.unsettled(path));
  if (unsettled.length === 0) return error;
  // Whether that works the next attempt will see.
  for (const path of unsettled) journal.makeDurable(path).catch(() => {});
  return new ReachError("UNRECOVERED", `${unsettled[0]} is being rebuilt: ${messageOf(error)}`, {
    cause: error,
    where: id,
    hint: "nothing is lost; try again, and make room or mend the disk if this stays",
  });
}
