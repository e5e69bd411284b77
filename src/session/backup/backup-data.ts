/**
 * A backup of a whole data directory: each workspace by itself, then the tokens. The folder that
 * it goes to says what it is, and takes one backup at a time.
 */
import { isWorkspaceName, ReachError, utf8 } from "../../base/index.ts";
import { createFolders, type Disk, readFile, replaceFile } from "../../disk/index.ts";
import { DirectoryLock, systemProcesses } from "../../log/index.ts";
import { hasIdentity } from "../keys.ts";
import { applyBackup } from "./apply.ts";
import { type BackupOptions, type BackupReport, backupWorkspace } from "./backup.ts";
import { openIfThere } from "./log-copy.ts";

/** How a data directory is backed up: as its workspaces are. */
export interface DataBackupOptions extends Omit<BackupOptions, "from" | "to"> {
  /** The data directory and the folder of the backup, absolute and without links in them. */
  readonly from: string;
  readonly to: string;
}

/** What a backup of a data directory holds. */
export interface DataBackupReport {
  readonly workspaces: readonly (BackupReport & { readonly workspace: string })[];
  /** Tokens in it. */
  readonly tokens: number;
}

const markName = "backup.json";
const mark = utf8(`${JSON.stringify({ version: 1, what: "a backup made by reach backup" })}\n`);
const accessName = ".access";

/**
 * Backs a data directory up. Throws `USAGE` where one folder lies in the other, `NOT_FOUND` where
 * there is nothing to back up, `CONFLICT` for a folder that holds something else, `LOCKED` while
 * another backup goes to it, and what `backupWorkspace` throws.
 */
export async function backupData(options: DataBackupOptions): Promise<DataBackupReport> {
  const { source, from, target, to } = options;
  checkApart(from, to);
  const workspaces = source.list(from).filter((name) => {
    return isWorkspaceName(name) && hasIdentity(source, `${from}/${name}`);
  });
  if (workspaces.length === 0 && !target.exists(`${to}/${markName}`)) throw nothingAt(from);
  await beginBackup(target, to);
  const lock = await DirectoryLock.acquire(target, to, systemProcesses);
  try {
    // What has been gathered is put in its place whatever has become of the data.
    for (const name of target.list(to)) {
      if (isWorkspaceName(name)) await applyBackup(target, `${to}/${name}`);
    }
    if (workspaces.length === 0) throw nothingAt(from);
    const reports: (BackupReport & { workspace: string })[] = [];
    for (const workspace of workspaces) {
      const paths = { from: `${from}/${workspace}`, to: `${to}/${workspace}` };
      reports.push({ workspace, ...(await backupWorkspace({ ...options, ...paths })) });
    }
    return { workspaces: reports, tokens: await backupTokens(options) };
  } finally {
    await lock.release();
  }
}

function nothingAt(from: string): ReachError {
  return new ReachError("NOT_FOUND", `there is no Reach data directory at ${from}`, {
    where: from,
    hint: "give the folder with --data or REACH_DATA",
  });
}

function checkApart(from: string, to: string): void {
  const isIn = (inner: string, outer: string): boolean => `${inner}/`.startsWith(`${outer}/`);
  if (!isIn(from, to) && !isIn(to, from)) return;
  throw new ReachError("USAGE", `${to} and the data directory ${from} lie in each other`, {
    where: to,
    hint: "name a folder outside of the data directory, on another disk",
  });
}

/** Marks a new or empty folder as a backup. Throws `CONFLICT` for one that holds something else. */
async function beginBackup(disk: Disk, folder: string): Promise<void> {
  const path = `${folder}/${markName}`;
  if (disk.exists(path)) return;
  const foreign = disk.list(folder).filter((name) => name !== "lost+found");
  if (foreign.length > 0 && !foreign.every((name) => name === `${markName}.tmp`)) {
    throw new ReachError("CONFLICT", `${folder} is not empty, and no backup`, {
      where: folder,
      hint: "name a new folder or an empty one",
    });
  }
  await makeFolders(disk, folder);
  await replaceFile(disk, path, mark);
}

async function makeFolders(disk: Disk, folder: string): Promise<void> {
  let there = folder;
  while (there !== "" && !disk.exists(there)) there = there.slice(0, there.lastIndexOf("/"));
  await createFolders(disk, there === "" ? "/" : there, folder);
}

/** Tokens are mirrored: one that has been revoked must not count after a restore. */
async function backupTokens(options: DataBackupOptions): Promise<number> {
  const { source, target } = options;
  const [from, to] = [`${options.from}/${accessName}`, `${options.to}/${accessName}`];
  const names = source.list(from).filter((name) => name.endsWith(".json"));
  const there = target.list(to);
  if (names.length + there.length === 0) return 0;
  await createFolders(target, options.to, to);
  const tokens = new Set<string>();
  for (const name of names) {
    // It may be revoked meanwhile.
    const bytes = openIfThere(() => readFile(source, `${from}/${name}`));
    if (!bytes) continue;
    tokens.add(name);
    const same =
      there.includes(name) && Buffer.compare(readFile(target, `${to}/${name}`), bytes) === 0;
    if (!same) await replaceFile(target, `${to}/${name}`, bytes);
  }
  for (const name of there) if (!tokens.has(name)) target.remove(`${to}/${name}`);
  await target.syncFolder(to);
  return tokens.size;
}
