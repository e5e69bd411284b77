/**
 * Reading a session in order to go on with it: nobody may be writing it, everything acknowledged
 * must be in its place, and damage is told from files that are being rebuilt.
 */
import { ReachError, type SessionId } from "../base/index.ts";
import { foreignCheckpointNames, foreignSize } from "./checkpoint-files.ts";
import type { WriteSide } from "./directory-options.ts";
import type { Manifest } from "./manifest.ts";
import { watchRebuilding } from "./rebuilding.ts";
import { type ReaderContext, SessionReader } from "./session-reader.ts";
import { SessionTail } from "./session-tail.ts";

/** A session to go on with. */
export interface Resumed {
  readonly manifest: Manifest;
  readonly tail: SessionTail;
}

/**
 * A session that nobody writes. Throws `QUARANTINED` and `CORRUPT` when it is damaged,
 * `UNRECOVERED` while a file of it is being rebuilt; with `toAppend` also `CORRUPT` when others
 * have signed more events of it than are here.
 */
export function resumeSession(
  context: ReaderContext,
  id: SessionId,
  write: WriteSide,
  toAppend: boolean,
): Resumed {
  write.journal.checkPlaced();
  const reported = watchRebuilding(context.root, id, write);
  try {
    const resumed = read(context, id, write.derivedFrom);
    if (toAppend) checkPromised(context, id, resumed.tail.size);
    return resumed;
  } catch (error) {
    throw reported(error);
  }
}

function read(context: ReaderContext, id: SessionId, derivedFrom: number): Resumed {
  const reader = new SessionReader(context, id);
  try {
    const { quarantine, manifest, log } = reader;
    if (quarantine) {
      throw new ReachError("QUARANTINED", `session ${id} is read-only: ${quarantine.reason}`, {
        where: `${id}@${quarantine.seq}`,
        hint: "its events up to there are intact; import or fork them into a new session",
      });
    }
    const { disk, root } = context;
    const tail = SessionTail.resume(disk, root, log, reader.checkpoint(), derivedFrom);
    checkShared(manifest, tail.size);
    return { manifest, tail };
  } finally {
    reader.close();
  }
}

/** A fork began with the events that it shares and its own: with fewer, a seq would come again. */
function checkShared({ id, fork }: Manifest, size: number): void {
  if (!fork || size > fork.at) return;
  const message = `session ${id} has ${size} events, and as a fork it began with ${fork.at + 1}`;
  throw new ReachError("CORRUPT", message, {
    where: `${id}@${size}`,
    hint: "restore its events.log from a copy, or fork its source again",
  });
}

/** What is appended behind too few events would stand in the place of those that were signed. */
function checkPromised({ disk, root }: ReaderContext, id: SessionId, size: number): void {
  for (const name of foreignCheckpointNames(disk, root, id)) {
    const promised = foreignSize(disk, root, id, name);
    if (promised <= size) continue;
    const message = `session ${id} has ${size} events, and ${promised} have been signed elsewhere`;
    throw new ReachError("CORRUPT", message, {
      where: `${id}@${size}`,
      hint: "import the whole of it where it is not yet, or fork it and go on with that",
    });
  }
}

/** An import has failed and left what undoing it will take away: nothing may go on behind it. */
export function notUndone(id: SessionId): ReachError {
  return new ReachError("UNRECOVERED", `an import into session ${id} failed and is not undone`, {
    where: id,
    hint: "make room or mend the disk, then import again or open the directory again",
  });
}

/** The id of a new session is that of a removed one. */
export function usedUp(id: SessionId): ReachError {
  return new ReachError("GONE", `session ${id} has been removed`, {
    where: id,
    hint: "a removed session never comes back, and its id is not used again",
  });
}
