/**
 * What a backup has besides the files of a data directory, in each workspace:
 *
 *   backup/next/…       what a backup under way has gathered: nothing of it counts yet
 *   backup/apply        it is complete and on its way to its place: until then this is no data
 *   backup/state.json   what the last complete one says of itself; `apply` becomes it
 *
 * So while files are gathered the workspace is the last complete backup, and whatever interrupts
 * the rest, it can be done again from what has been gathered, also without the source.
 */
import { ReachError } from "../../base/index.ts";
import type { Disk } from "../../disk/index.ts";

/** The folder of a backup in its workspace. */
export function backupFolder(root: string): string {
  return `${root}/backup`;
}

/** What has been gathered, laid out as it will be below the workspace. */
export function gatheredFolder(root: string): string {
  return `${backupFolder(root)}/next`;
}

/** There from the moment at which everything is gathered until it is in its place. */
export function applyPath(root: string): string {
  return `${backupFolder(root)}/apply`;
}

/** There once a backup has been completed. */
export function backupStatePath(root: string): string {
  return `${backupFolder(root)}/state.json`;
}

/** Whether this is a backup that has not been completed: neither an earlier one nor a later one. */
export function isIncompleteBackup(disk: Disk, root: string): boolean {
  if (disk.exists(applyPath(root))) return true;
  return disk.exists(gatheredFolder(root)) && !disk.exists(backupStatePath(root));
}

/** Throws `UNRECOVERED` for a backup that has not been completed. */
export function refuseIncompleteBackup(disk: Disk, root: string): void {
  if (!isIncompleteBackup(disk, root)) return;
  throw new ReachError("UNRECOVERED", `the backup in ${root} was interrupted: it is incomplete`, {
    where: root,
    hint: "run the same `reach backup` again: it goes on where it was",
  });
}
