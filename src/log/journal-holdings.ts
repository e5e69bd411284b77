/**
 * What the journal holds of a session, for readers in other processes: until recovery or the writer
 * that is alive has made it durable in its place, it may be missing or torn, and is no damage.
 */
import { codeOf, equalBytes, type SessionId, sessionIdBytes } from "../base/index.ts";
import type { Disk } from "../disk/index.ts";
import { type EntryKind, entryKinds, parseSegmentName } from "./journal-frame.ts";
import { journalFolder } from "./paths.ts";
import { groupsOf, readSegment } from "./segment.ts";

/** What the journal holds of one session: of each kind, the least seq (0 where there is none). */
export type JournalHoldings = ReadonlyMap<EntryKind, number>;

/** Everything, where a segment cannot be read: only recovery can tell. */
const anything: JournalHoldings = new Map(Object.values(entryKinds).map((kind) => [kind, 0]));

/** What the journal of the data directory `root` holds of session `id`. Reads all of it. */
export function journalHoldings(disk: Disk, root: string, id: SessionId): JournalHoldings {
  const folder = journalFolder(root);
  const identity = sessionIdBytes(id);
  const held = new Map<EntryKind, number>();
  for (const name of disk.list(folder)) {
    if (!parseSegmentName(name)) continue;
    const segment = segmentIfThere(disk, `${folder}/${name}`);
    if (!segment?.header) return anything;
    for (const { entries } of groupsOf(segment.bytes, segment.header.salt, segment.bytes.length)) {
      for (const { kind, id: entryId, firstSeq } of entries) {
        if (kind === entryKinds.pack || !equalBytes(entryId, identity)) continue;
        held.set(kind, Math.min(firstSeq, held.get(kind) ?? firstSeq));
      }
    }
  }
  return held;
}

/** A segment, or `undefined` when its writer has removed it meanwhile. */
function segmentIfThere(disk: Disk, path: string): ReturnType<typeof readSegment> | undefined {
  try {
    return readSegment(disk, path);
  } catch (error) {
    if (codeOf(error) === "NOT_FOUND") return undefined;
    throw error;
  }
}
