/**
 * What the journal holds of a session, and of packs, for readers in other processes: until recovery
 * or the writer that is alive has made it durable in its place, it may be missing or torn, and is
 * no damage.
 */
import { codeOf, equalBytes, type SessionId, sessionIdBytes } from "../base/index.ts";
import type { Disk } from "../disk/index.ts";
import {
  type EntryKind,
  entryKinds,
  type JournalEntry,
  parseSegmentName,
} from "./journal-frame.ts";
import { journalFolder, packOfIdBytes } from "./paths.ts";
import { groupsOf, readSegment } from "./segment.ts";

/** What the journal holds of one session: of each kind, the least seq (0 where there is none). */
export type JournalHoldings = ReadonlyMap<EntryKind, number>;

/** Everything, where a segment cannot be read: only recovery can tell. */
const anything: JournalHoldings = new Map(Object.values(entryKinds).map((kind) => [kind, 0]));

/** What the journal of the data directory `root` holds of session `id`. Reads all of it. */
export function journalHoldings(disk: Disk, root: string, id: SessionId): JournalHoldings {
  const identity = sessionIdBytes(id);
  const held = new Map<EntryKind, number>();
  for (const entry of heldEntries(disk, root)) {
    if (!entry) return anything;
    const { kind, firstSeq } = entry;
    if (kind === entryKinds.pack || !equalBytes(entry.id, identity)) continue;
    held.set(kind, Math.min(firstSeq, held.get(kind) ?? firstSeq));
  }
  return held;
}

/**
 * Whether the journal holds bytes of a pack that are not in their place: what is missing there may
 * be among them. `pathOf` says where a pack is. Reads all of the journal.
 */
export function journalMendsPacks(
  disk: Disk,
  root: string,
  pathOf: (pack: number) => string,
): boolean {
  for (const entry of heldEntries(disk, root)) {
    if (!entry) return true;
    if (entry.kind !== entryKinds.pack) continue;
    if (!isInPlace(disk, pathOf(packOfIdBytes(entry.id)), entry)) return true;
  }
  return false;
}

function isInPlace(disk: Disk, path: string, { offset, bytes }: JournalEntry): boolean {
  if (!disk.exists(path)) return false;
  const file = disk.open(path, "read");
  try {
    const there = new Uint8Array(bytes.length);
    return file.read(there, offset) === bytes.length && equalBytes(there, bytes);
  } finally {
    file.close();
  }
}

/** The entries of all segments; `undefined` stands for those of one that cannot be read. */
function* heldEntries(disk: Disk, root: string): Generator<JournalEntry | undefined, void> {
  const folder = journalFolder(root);
  for (const name of disk.list(folder)) {
    if (!parseSegmentName(name)) continue;
    const segment = segmentIfThere(disk, `${folder}/${name}`);
    if (!segment?.header) yield undefined;
    else {
      const { bytes, header } = segment;
      for (const { entries } of groupsOf(bytes, header.salt, bytes.length)) yield* entries;
    }
  }
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
