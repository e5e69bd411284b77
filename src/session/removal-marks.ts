/**
 * `bulk/<session>.gone`: the tombstone of that session is being given its name. If the process is
 * killed before that name is durable, the next one shows the session as removed, and makes sure
 * that it is, before a power loss can bring it back. The mark itself need not be durable: after a
 * power loss a tombstone that is there is on the disk.
 */
import { isSessionId, type SessionId } from "../base/index.ts";
import type { Disk } from "../disk/index.ts";
import { bulkFolder, sessionFolder } from "../log/index.ts";

const ending = ".gone";

function markPath(root: string, id: SessionId): string {
  return `${bulkFolder(root)}/${id}${ending}`;
}

/** Notes that a tombstone is about to get its name. */
export function markRemoval(disk: Disk, root: string, id: SessionId): void {
  const path = markPath(root, id);
  if (!disk.exists(path)) disk.open(path, "create").close();
}

/** The tombstone is durable. */
export function unmarkRemoval(disk: Disk, root: string, id: SessionId): void {
  disk.remove(markPath(root, id));
}

/** Makes durable what a writer that was killed had begun to remove. */
export async function settleRemovals(disk: Disk, root: string): Promise<void> {
  for (const name of disk.list(bulkFolder(root))) {
    const id = name.slice(0, -ending.length);
    if (!name.endsWith(ending) || !isSessionId(id)) continue;
    if (disk.exists(sessionFolder(root, id))) await disk.syncFolder(sessionFolder(root, id));
    unmarkRemoval(disk, root, id);
  }
}
