/**
 * Which sessions have a folder in a data directory. Other programs leave files of their own there
 * (`.DS_Store`, `Thumbs.db`); what has not the name that Reach gives is none of it.
 */
import { isSessionId, type SessionId } from "../base/index.ts";
import type { Disk } from "../disk/index.ts";

const spreadName = /^[0-9a-f]{2}$/;

/**
 * Ids of all folders of sessions, also of removed ones and those just begun, as they lie: in up to
 * 256 parts, between which others may have the thread.
 */
export function* sessionFolderIds(disk: Disk, root: string): Generator<SessionId[], void> {
  for (const spread of disk.list(`${root}/sessions`)) {
    if (!spreadName.test(spread)) continue;
    yield disk.list(`${root}/sessions/${spread}`).filter((name) => isSessionId(name));
  }
}
