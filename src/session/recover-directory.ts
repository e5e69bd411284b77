/**
 * What opening a directory for writing recovers: the journal, interrupted bulk imports, and which
 * sessions damage has hit. Those become read-only with their intact prefix; all others go on.
 */
import {
  type Entropy,
  messageOf,
  ReachError,
  type SessionId,
  sessionIdOf,
  utf8,
} from "../base/index.ts";
import type { PackBlobs } from "../blobs/index.ts";
import {
  cutFile,
  type Disk,
  folderOf,
  replaceFile,
  syncFolders,
  temporarySuffix,
} from "../disk/index.ts";
import {
  type BulkWatermark,
  bulkFolder,
  bulkMarkerPath,
  type DirectoryEntry,
  EventLog,
  entryKinds,
  eventLogPath,
  type JournalDamage,
  type JournalSizes,
  type JournalStart,
  type JournalTargets,
  journalFolder,
  placedBytes,
  type Recovery,
  readWatermark,
  recoverJournal,
  sessionFolder,
  sessionsInBulk,
  type TornTail,
} from "../log/index.ts";
import { settleRemovals } from "./removal-marks.ts";
import { sessionFolderIds } from "./session-folders.ts";
import { isRemoved, quarantinePath, readQuarantine } from "./session-reader.ts";

/** What recovery did, for people and for `reach doctor`. */
export interface RecoveryReport {
  /** Groups of the journal that were written to their places. */
  readonly groups: number;
  /** Sessions that the journal held something of: all that changed since it was last emptied. */
  readonly sessions: readonly SessionId[];
  readonly torn: TornTail | undefined;
  readonly damage: readonly JournalDamage[];
  /** Sessions that became read-only, with the first event that may be wrong. */
  readonly quarantined: readonly { readonly id: SessionId; readonly seq: number }[];
  /** Interrupted imports that were cut back to what had been acknowledged. */
  readonly cut: readonly { readonly id: SessionId; readonly size: number }[];
}

interface Options {
  readonly disk: Disk;
  readonly path: string;
  readonly epoch: number;
  readonly entropy: Entropy;
  readonly targets: JournalTargets;
  readonly blobs: PackBlobs;
  readonly sizes?: Partial<JournalSizes>;
  /** Throws `FENCED` when another writer has taken over. */
  checkLock(): void;
}

/** Recovers everything; the lock is held. Running it again after a crash gives the same. */
export async function recoverDirectory(
  options: Options,
): Promise<{ start: JournalStart; report: RecoveryReport }> {
  const { path } = options;
  await settleRemovals(options.disk, path);
  const bulks = await recoverBulks(options);
  const folder = journalFolder(path);
  const recovery = await recoverJournal({ ...options, folder });
  const short = bulks.filter(({ size, wanted }) => size < wanted);
  const quarantined = [
    ...short.map(({ id, size }) => ({ id, seq: size })),
    ...(await quarantineHit(options, recovery)),
  ];
  const cut = bulks.map(({ id, size }) => ({ id, size }));
  const { groups, torn, damage } = recovery;
  const sessions = [...recovery.sessions];
  return { start: recovery.start, report: { groups, sessions, torn, damage, quarantined, cut } };
}

/** A session that an interrupted import was cut from. */
interface CutSession {
  readonly id: SessionId;
  /** Events that it has now, and those that were acknowledged: more where its log is damaged. */
  readonly size: number;
  readonly wanted: number;
}

/** Cuts interrupted imports back to their watermarks. */
async function recoverBulks(options: Options): Promise<CutSession[]> {
  const cut: CutSession[] = [];
  const { disk, path } = options;
  // A writer that sleeps and wakes up cannot make a marker of these any more.
  for (const name of disk.list(bulkFolder(path))) {
    if (name.endsWith(temporarySuffix)) disk.remove(`${bulkFolder(path)}/${name}`);
  }
  // A marker whose removal was seen and not durable would come back, and cut what comes now.
  await disk.syncFolder(bulkFolder(path));
  for (const id of sessionsInBulk(disk, path)) {
    const one = await recoverBulk(options, id);
    if (one) cut.push(one);
  }
  return cut;
}

/**
 * Ends a bulk import that did not end by itself: log and pack become new files that hold what was
 * acknowledged; a session of which nothing was goes. A log that ends before that becomes read-only.
 * Returns the events left, `undefined` when no session was concerned. If we crash in between, doing
 * it again gives the same.
 */
export async function recoverBulk(
  { disk, path, blobs, checkLock }: Pick<Options, "disk" | "path" | "blobs" | "checkLock">,
  id: SessionId,
): Promise<CutSession | undefined> {
  checkLock();
  const watermark = readWatermark(disk, path, id);
  const log = eventLogPath(path, id);
  const folder = sessionFolder(path, id);
  let cut: CutSession | undefined;
  if (watermark) {
    const pack = blobs.packs().find((one) => one.pack === watermark.pack);
    const written = pack?.kind === "bulk" || pack?.kind === "unknown";
    if (written) await blobs.cut(watermark.pack, watermark.packSize, checkLock);
    checkLock();
    if (watermark.size === 0) await removeUnborn(disk, folder);
    else if (disk.exists(log)) {
      await cutFile(disk, log, watermark.end, checkLock);
      disk.remove(`${folder}/events.idx`);
      disk.remove(`${folder}/tree.log`);
      cut = await acknowledgedOf(disk, path, id, watermark);
    }
  }
  checkLock();
  disk.remove(bulkMarkerPath(path, id));
  await disk.syncFolder(bulkFolder(path));
  return cut;
}

/** How much of what an import acknowledged is there; what is missing was durable, so is damage. */
async function acknowledgedOf(
  disk: Disk,
  path: string,
  id: SessionId,
  { end, size: wanted }: BulkWatermark,
): Promise<CutSession> {
  const log = new EventLog(disk, eventLogPath(path, id), "", id, true);
  try {
    if (log.fileBytes >= end) return { id, size: wanted, wanted };
    const { size } = log.extent();
    const reason = `its log ends before what an import acknowledged, ${wanted} events`;
    await quarantine(disk, path, id, size, reason);
    return { id, size, wanted };
  } finally {
    log.close();
  }
}

/** Removes what there is of a session that never had an acknowledged event. */
async function removeUnborn(disk: Disk, folder: string): Promise<void> {
  if (!disk.exists(folder)) return;
  for (const name of disk.list(folder)) disk.remove(`${folder}/${name}`);
  disk.removeFolder(folder);
  await disk.syncFolder(folderOf(folder));
}

/**
 * Finds the sessions that damage of the journal has hit and whose files do not have what it held.
 */
async function quarantineHit(
  options: Options,
  recovery: Recovery,
): Promise<{ id: SessionId; seq: number }[]> {
  const hit = new Map<SessionId, { seq: number; reason: string }>();
  for (const { path, offset, entries } of recovery.damage) {
    const where = `the journal is damaged (${path} at byte ${offset})`;
    if (!entries) {
      for (const [id, seq] of unproven(options)) hit.set(id, { seq, reason: where });
      continue;
    }
    for (const entry of entries) noteHit(options, entry, where, hit);
  }
  const quarantined: { id: SessionId; seq: number }[] = [];
  for (const [id, { seq, reason }] of hit) {
    await quarantine(options.disk, options.path, id, seq, reason);
    quarantined.push({ id, seq });
  }
  return quarantined;
}

function noteHit(
  { disk, targets }: Options,
  entry: DirectoryEntry,
  reason: string,
  hit: Map<SessionId, { seq: number; reason: string }>,
): void {
  if (entry.kind === entryKinds.pack || placedBytes(disk, targets, entry)) return;
  const id = sessionIdOf(entry.id);
  const earlier = hit.get(id);
  if (!earlier || entry.firstSeq < earlier.seq) hit.set(id, { seq: entry.firstSeq, reason });
}

/** Sessions that may miss events at their end: no checkpoint says that they are complete. */
function unproven({ disk, path }: Options): [SessionId, number][] {
  const found: [SessionId, number][] = [];
  for (const ids of sessionFolderIds(disk, path)) {
    for (const id of ids) {
      if (isRemoved(disk, path, id)) continue;
      if (!disk.exists(eventLogPath(path, id))) continue;
      const log = new EventLog(disk, eventLogPath(path, id), "", id, true);
      try {
        const { size } = log.extent();
        if (signedSize(disk, path, id) !== size) found.push([id, size]);
      } finally {
        log.close();
      }
    }
  }
  return found;
}

/** Size in a session's checkpoint as it stands, unverified; -1 without one. */
function signedSize(disk: Disk, root: string, id: SessionId): number {
  const path = `${sessionFolder(root, id)}/checkpoint`;
  if (!disk.exists(path)) return -1;
  const file = disk.open(path, "read");
  try {
    const bytes = new Uint8Array(file.size());
    file.read(bytes, 0);
    return Number(new TextDecoder().decode(bytes).split("\n")[1] ?? -1);
  } finally {
    file.close();
  }
}

/** Makes a session read-only, durably; one that is already keeps its first reason. */
export async function quarantine(
  disk: Disk,
  root: string,
  id: SessionId,
  seq: number,
  reason: string,
): Promise<void> {
  if (!disk.exists(sessionFolder(root, id))) return;
  try {
    if (readQuarantine(disk, root, id)) {
      // Whoever wrote it may have been killed before it was durable.
      await disk.syncFolder(sessionFolder(root, id));
      return;
    }
    const content = `${JSON.stringify({ seq, reason })}\n`;
    await syncFolders(disk, root, sessionFolder(root, id));
    await replaceFile(disk, quarantinePath(root, id), utf8(content));
  } catch (error) {
    throw new ReachError("IO_FAILED", `session ${id} is damaged: ${messageOf(error)}`, {
      cause: error,
      where: `${id}@${seq}`,
    });
  }
}
