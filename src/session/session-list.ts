/**
 * Which sessions there are: those that are whole or growing; neither what is left of those that
 * were removed, nor what an import has begun that has acknowledged nothing yet.
 */
import type { SessionId } from "../base/index.ts";
import type { Disk } from "../disk/index.ts";
import { eventLogPath, isBeginning, manifestPath } from "../log/index.ts";
import { sessionFolderIds } from "./session-folders.ts";
import { isRemoved } from "./session-reader.ts";

/** Ids as they lie: 256 parts, between which others may have the thread. */
export function* sessionIdsByFolder(disk: Disk, root: string): Generator<SessionId[], void> {
  for (const ids of sessionFolderIds(disk, root)) yield ids.filter((id) => isThere(disk, root, id));
}

function isThere(disk: Disk, root: string, id: SessionId): boolean {
  if (isRemoved(disk, root, id)) return false;
  if (disk.exists(eventLogPath(root, id))) return true;
  return disk.exists(manifestPath(root, id)) && !isBeginning(disk, root, id);
}
