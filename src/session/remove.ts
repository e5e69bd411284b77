/**
 * Removing a session. What stays is a tombstone with its last checkpoint, so that nobody can put
 * another session in its place, and whoever holds the checkpoint can be told what became of it.
 * The tombstone is durable before the first file goes: if we crash before, the session is all
 * there; after, it is gone for every reader, and `collectGarbage` finishes the work.
 */
import { codeOf, fromUtf8, ReachError, type SessionId, utf8 } from "../base/index.ts";
import { type Disk, readFile, replaceFile } from "../disk/index.ts";
import { checkpointPath, sessionFolder } from "../log/index.ts";
import { foreignCheckpointNames, readForeignCheckpoint } from "./checkpoint-files.ts";
import type { Directory } from "./directory.ts";
import { markRemoval, unmarkRemoval } from "./removal-marks.ts";
import { hasFiles, tombstonePath } from "./session-reader.ts";

/** What is left of a removed session, as `tombstone` holds it in JSON. */
export interface Tombstone {
  readonly version: 1;
  readonly id: SessionId;
  /** When it was removed: ISO 8601, UTC. */
  readonly removed: string;
  /** Its last checkpoint, a signed note as text; `null` where none had been signed. */
  readonly checkpoint: string | null;
}

/**
 * Removes a session for good. Its payloads go with the next `collectGarbage`. Throws `NOT_FOUND`,
 * `GONE` for one that has been removed, `CONFLICT` while sessions are being written.
 */
export async function removeSession(
  directory: Directory,
  id: SessionId,
  removed: number = Date.now(),
): Promise<void> {
  await directory.settle();
  await removeUnwritten(directory, id, removed);
}

/**
 * The same for a session without a writer, while others are written. The journal may still hold
 * events of it: a recovery puts them beside the tombstone, where nobody sees them, and
 * `collectGarbage` removes them. Throws `NOT_FOUND`, `GONE`.
 */
export async function removeUnwritten(
  directory: Directory,
  id: SessionId,
  removed: number = Date.now(),
): Promise<void> {
  const { disk, path } = directory;
  if (disk.exists(tombstonePath(path, id))) {
    if ((await finishRemoval(directory, id)) > 0) return;
    throw new ReachError("GONE", `session ${id} has been removed already`, { where: id });
  }
  if (!hasFiles(disk, path, id)) {
    throw new ReachError("NOT_FOUND", `there is no session ${id}`, {
      where: id,
      hint: "`reach ls` shows the sessions of this data directory",
    });
  }
  const tombstone: Tombstone = {
    version: 1,
    id,
    removed: new Date(removed).toISOString(),
    checkpoint: lastCheckpoint(disk, path, id),
  };
  const content = utf8(`${JSON.stringify(tombstone)}\n`);
  directory.checkLock();
  markRemoval(disk, path, id);
  await replaceFile(disk, tombstonePath(path, id), content, () => directory.checkLock());
  unmarkRemoval(disk, path, id);
  await finishRemoval(directory, id);
}

/** The newest checkpoint as it stands, of this directory or, failing that, of another one. */
function lastCheckpoint(disk: Disk, root: string, id: SessionId): string | null {
  const own = checkpointPath(root, id);
  if (disk.exists(own)) return fromUtf8(readFile(disk, own));
  for (const name of foreignCheckpointNames(disk, root, id)) {
    try {
      return fromUtf8(readForeignCheckpoint(disk, root, id, name).note);
    } catch {
      // A damaged one says nothing.
    }
  }
  return null;
}

/** Removes the files of a session that has its tombstone; returns the bytes that they had. */
export async function finishRemoval(directory: Directory, id: SessionId): Promise<number> {
  const { disk, path } = directory;
  directory.checkLock();
  directory.forgetSession(id);
  const folder = sessionFolder(path, id);
  const snapshots = `${folder}/snapshots`;
  const tombstone = tombstonePath(path, id);
  let bytes = 0;
  for (const name of disk.list(snapshots)) bytes += removeUnlessOthers(disk, snapshots, name);
  if (disk.list(snapshots).length === 0) disk.removeFolder(snapshots);
  for (const name of disk.list(folder)) {
    const file = `${folder}/${name}`;
    if (file !== tombstone && file !== snapshots) bytes += removeUnlessOthers(disk, folder, name);
  }
  await disk.syncFolder(folder);
  return bytes;
}

/** The endings of the files that Reach has among those of a session; they all have to go. */
const ownEnding = /(\.(cbor|log|idx|tmp)|^checkpoint(\.[0-9a-f]+)?|^quarantine\.json)$/;

/** Removes a file, also one of others; a folder that another program has made there stays. */
function removeUnlessOthers(disk: Disk, folder: string, name: string): number {
  try {
    return removeFile(disk, `${folder}/${name}`);
  } catch (error) {
    if (codeOf(error) !== "IO_FAILED" || ownEnding.test(name)) throw error;
    return 0;
  }
}

/** Removes a file; returns the bytes it had. */
export function removeFile(disk: Disk, path: string): number {
  const file = disk.open(path, "read");
  const size = file.size();
  file.close();
  disk.remove(path);
  return size;
}
