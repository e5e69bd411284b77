/**
 * Garbage collection of a data directory: payloads that no living session names, what is left of
 * removals and of writes that a crash interrupted. Never anything that a living session names,
 * whether it is whole, damaged or quarantined.
 */
import type { SessionId } from "../base/index.ts";
import { temporarySuffix } from "../disk/index.ts";
import { blobFolder, bulkFolder, journalFolder, sessionFolder } from "../log/index.ts";
import type { Directory } from "./directory.ts";
import { importsFolder } from "./import-index.ts";
import { LivePayloads } from "./live-payloads.ts";
import { finishRemoval, removeFile } from "./remove.ts";
import { sessionFolderIds } from "./session-folders.ts";
import { tombstonePath } from "./session-reader.ts";
import type { Progress } from "./verify-report.ts";

/** What garbage collection did. */
export interface GarbageReport {
  /** Bytes that the files take less than before. */
  readonly freedBytes: number;
  readonly packsRemoved: number;
  readonly packsWritten: number;
  /** Living sessions, the events in them, and the distinct payloads that they name. */
  readonly sessions: number;
  readonly events: number;
  readonly livePayloads: number;
  /** Named payloads that are not in the store: `verify` says whose they are. */
  readonly missingPayloads: number;
  /** Files that interrupted writes had left. */
  readonly temporaryFiles: number;
}

/** How garbage is collected. */
export interface GarbageOptions {
  readonly onProgress?: (progress: Progress) => void;
}

const progressEvents = 10_000;

/**
 * Gives back the room of everything that is not needed any more; durable when it resolves. Throws
 * `CONFLICT` while sessions are being written, `BLOB_CORRUPT` when a payload that is still named is
 * damaged: then nothing of the store has been removed.
 */
export async function collectGarbage(
  directory: Directory,
  options: GarbageOptions = {},
): Promise<GarbageReport> {
  await directory.settle();
  directory.checkLock();
  const removals = await finishRemovals(directory);
  directory.checkLock();
  const leftovers = removeTemporaryFiles(directory);
  const sessions = directory.sessionIds();
  const live = new LivePayloads(directory.disk, directory.path);
  const present = new PresentPayloads(directory, live, sessions, options);
  const collected = await directory.blobs.collect(present.names(), () => directory.checkLock());
  options.onProgress?.({ done: live.events, total: live.events, unit: "events" });
  return {
    freedBytes: collected.bytesFreed + removals + leftovers.bytes,
    packsRemoved: collected.packsRemoved,
    packsWritten: collected.packsWritten,
    sessions: sessions.length,
    events: live.events,
    livePayloads: live.count,
    missingPayloads: present.missing,
    temporaryFiles: leftovers.files,
  };
}

/** The live names that are in the store; of a missing payload there is nothing to keep. */
class PresentPayloads {
  readonly #directory: Directory;
  readonly #live: LivePayloads;
  readonly #sessions: readonly SessionId[];
  readonly #onProgress: GarbageOptions["onProgress"];
  missing = 0;

  constructor(
    directory: Directory,
    live: LivePayloads,
    sessions: readonly SessionId[],
    { onProgress }: GarbageOptions,
  ) {
    this.#directory = directory;
    this.#live = live;
    this.#sessions = sessions;
    this.#onProgress = onProgress;
  }

  *names(): Generator<Uint8Array, void> {
    let reported = 0;
    for (const id of this.#sessions) {
      for (const name of this.#live.of(id)) {
        if (this.#isMissing(name)) this.missing += 1;
        else yield name;
        const done = this.#live.events;
        if (done - reported < progressEvents) continue;
        reported = done;
        this.#onProgress?.({ done, total: null, unit: "events" });
      }
    }
  }

  /** One whose entry is damaged is not missing: what it consists of may be in other packs. */
  #isMissing(name: Uint8Array): boolean {
    const { blobs } = this.#directory;
    return !blobs.has(name) && blobs.problemsOf(name)[0]?.code !== "BLOB_CORRUPT";
  }
}

/** Removes what crashes have left of removed sessions; returns the bytes. */
async function finishRemovals(directory: Directory): Promise<number> {
  const { disk, path } = directory;
  let bytes = 0;
  for (const id of [...sessionFolderIds(disk, path)].flat()) {
    const left = disk.list(sessionFolder(path, id)).length > 1;
    if (left && disk.exists(tombstonePath(path, id))) bytes += await finishRemoval(directory, id);
  }
  return bytes;
}

/** Nobody is writing, so every file with that ending was given up. */
function removeTemporaryFiles(directory: Directory): { files: number; bytes: number } {
  const { disk, path } = directory;
  const folders = [
    path,
    `${path}/keys`,
    journalFolder(path),
    bulkFolder(path),
    blobFolder(path),
    importsFolder(path),
    ...[...sessionFolderIds(disk, path)].flat().flatMap((id) => {
      const folder = sessionFolder(path, id);
      return [folder, `${folder}/snapshots`];
    }),
  ];
  let files = 0;
  let bytes = 0;
  for (const folder of folders) {
    for (const name of disk.list(folder)) {
      if (!name.endsWith(temporarySuffix)) continue;
      bytes += removeFile(disk, `${folder}/${name}`);
      files += 1;
    }
  }
  return { files, bytes };
}
