/**
 * Files that are whole or not there: written under another name, synced, renamed, and the folder
 * synced. If we crash before the rename the old file stands, after it the new one.
 */
import type { Disk } from "./disk.ts";

/** Ending of files that are being written; whoever opens a data directory removes left-overs. */
export const temporarySuffix = ".tmp";

/**
 * Throws when another writer has taken over the data directory. Asked in the same turn in which a
 * file is created, renamed or removed under a temporary name: that name is the other one's as well.
 */
export type LockCheck = () => void;

/** Removes what was begun under a temporary name, unless it may be another writer's by now. */
export function dropTemporary(disk: Disk, temporary: string, checkLock: LockCheck): void {
  try {
    checkLock();
  } catch {
    return;
  }
  disk.remove(temporary);
}

/** Name of the folder that holds `path`. */
export function folderOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "." : slash === 0 ? "/" : path.slice(0, slash);
}

/** All bytes of a file. */
export function readFile(disk: Disk, path: string): Uint8Array {
  const file = disk.open(path, "read");
  try {
    const bytes = new Uint8Array(file.size());
    return bytes.subarray(0, file.read(bytes, 0));
  } finally {
    file.close();
  }
}

/**
 * Durably gives `path` the content `bytes`, atomically replacing what was there. What `checkLock`
 * throws leaves the old file.
 */
export async function replaceFile(
  disk: Disk,
  path: string,
  bytes: Uint8Array,
  checkLock: LockCheck = () => {},
): Promise<void> {
  const temporary = path + temporarySuffix;
  checkLock();
  disk.remove(temporary);
  const file = disk.open(temporary, "create");
  try {
    file.write(bytes, 0);
    await file.sync();
    checkLock();
  } catch (error) {
    file.close();
    dropTemporary(disk, temporary, checkLock);
    throw error;
  }
  file.close();
  disk.rename(temporary, path);
  await disk.syncFolder(folderOf(path));
}

/**
 * Makes sure that `path` is there, durable like all folders above it, down from `root`. A folder
 * that exists may have been created by a process that was killed before it could sync.
 */
export async function createFolders(disk: Disk, root: string, path: string): Promise<void> {
  if (path === root) return;
  const parent = folderOf(path);
  await createFolders(disk, root, parent);
  disk.createFolder(path);
  await disk.syncFolder(parent);
}

/** Makes the names in `folder` durable, and in every folder above it up to `root`. */
export async function syncFolders(disk: Disk, root: string, folder: string): Promise<void> {
  await disk.syncFolder(folder);
  if (folder !== root && folder.length > root.length) {
    await syncFolders(disk, root, folderOf(folder));
  }
}

/**
 * Durably replaces `path` by its own first `size` bytes, as a new file: a writer that still holds
 * the old one open writes into nothing. `checkLock` as for `replaceFile`.
 */
export async function cutFile(
  disk: Disk,
  path: string,
  size: number,
  checkLock: LockCheck = () => {},
): Promise<void> {
  checkLock();
  const source = disk.open(path, "read");
  const temporary = path + temporarySuffix;
  disk.remove(temporary);
  const target = disk.open(temporary, "create");
  try {
    const window = new Uint8Array(Math.min(size, 1024 * 1024));
    for (let position = 0; position < size; ) {
      const want = window.subarray(0, Math.min(window.length, size - position));
      const read = source.read(want, position);
      if (read === 0) break;
      target.write(want.subarray(0, read), position);
      position += read;
    }
    await target.sync();
    checkLock();
  } finally {
    source.close();
    target.close();
  }
  disk.rename(temporary, path);
  await disk.syncFolder(folderOf(path));
}
