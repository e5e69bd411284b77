/**
 * Opening a data directory for writing: the lock first, then the key, then the folders, then
 * recovery, and the journal goes on where recovery has put it.
 */
import { limits, messageOf, systemEntropy } from "../base/index.ts";
import { PackBlobs } from "../blobs/index.ts";
import { type Disk, folderOf, nodeDisk } from "../disk/index.ts";
import {
  blobFolder,
  bulkFolder,
  DirectoryLock,
  DirectoryTargets,
  highestEpoch,
  Journal,
  journalFolder,
  PlacingDisk,
  systemProcesses,
} from "../log/index.ts";
import { refuseIncompleteBackup } from "./backup/backup-folder.ts";
import type { DirectoryOptions, WriteSide } from "./directory-options.ts";
import { type Identity, openIdentity } from "./keys.ts";
import { type RecoveryReport, recoverDirectory } from "./recover-directory.ts";

/** A directory that has been opened for writing, and what was found on the way. */
export interface OpenedForWriting {
  readonly identity: Identity;
  readonly write: WriteSide;
  readonly report: RecoveryReport;
}

/** Takes the lock of a directory, makes it where it is missing, and recovers it. */
export async function openForWriting(options: DirectoryOptions): Promise<OpenedForWriting> {
  const disk = options.disk ?? nodeDisk;
  const { path } = options;
  const entropy = options.entropy ?? systemEntropy;
  const onTrouble = options.onTrouble ?? (() => {});
  refuseIncompleteBackup(disk, path);
  await makeFolder(disk, path);
  const processes = options.processes ?? systemProcesses;
  // Segments are in the order of their epochs, even if the lock files have been lost.
  const epochUsed = highestEpoch(disk.list(journalFolder(path)));
  const lock = await DirectoryLock.acquire(disk, path, processes, options.takeOver, epochUsed);
  try {
    const origin = options.origin ?? "reach.local";
    const identity = await openIdentity(disk, path, origin, () => entropy(32));
    for (const folder of [journalFolder(path), bulkFolder(path), blobFolder(path)]) {
      disk.createFolder(folder);
    }
    disk.createFolder(`${path}/sessions`);
    await disk.syncFolder(path);
    const { sizes = {} } = options;
    const blobs = await PackBlobs.open(disk, blobFolder(path), "write", sizes);
    const checkLock = (): void => lock.check();
    const targets = new DirectoryTargets(disk, path, blobs, onTrouble, checkLock);
    const { start, report } = await recoverDirectory({
      disk,
      path,
      epoch: lock.epoch,
      entropy,
      targets,
      blobs,
      sizes,
      checkLock,
    });
    const folder = journalFolder(path);
    const { onSync, placeLater, restLater, derivedFrom = 0 } = options;
    const journal = new Journal(
      { disk, folder, lock, entropy, targets, sizes, onTrouble, onSync, placeLater, restLater },
      start,
    );
    const journaledBytesMax = sizes.journaledPayloadBytesMax ?? limits.blobJournalBytesMax;
    const write = {
      disk: new PlacingDisk(disk, path, journal.placements),
      lock,
      journal,
      targets,
      blobs,
      journaledBytesMax,
      derivedFrom,
    };
    return { identity, write, report };
  } catch (error) {
    await lock.release().catch((again: unknown) => onTrouble(messageOf(again)));
    throw error;
  }
}

/** Folders above a directory that a process killed earlier may have created and not synced. */
const foldersAbove = 2;

/** Creates the folder of a directory, durable with the folders above it that may be new. */
async function makeFolder(disk: Disk, path: string, above: number = foldersAbove): Promise<void> {
  const parent = folderOf(path);
  if (parent === path || (above === 0 && disk.exists(path))) return;
  await makeFolder(disk, parent, Math.max(above - 1, 0));
  disk.createFolder(path);
  await disk.syncFolder(parent);
}
