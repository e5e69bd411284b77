/**
 * `reach backup`: the whole data directory to another folder, also while a server writes it; run
 * again, only what is new. What is there afterwards is a data directory.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import type { Command } from "commander";
import { codeOf, ReachError } from "../../base/index.ts";
import { nodeDisk } from "../../disk/index.ts";
import {
  backupData,
  type DataBackupReport,
  Directory,
  type VerifyReport,
  verifySession,
} from "../../session/index.ts";
import type { CommandDefinition } from "../command.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { type Interruption, interruption } from "../interrupt.ts";
import type { Invocation } from "../invocation.ts";
import { byteSize, counted, seconds } from "../quantity.ts";
import { checkDataFolder } from "../settings.ts";
import { verdictWords, verifyExitCode } from "../verify-text.ts";

interface BackupFlags {
  readonly withoutKeys?: boolean;
  readonly verify?: boolean;
}

/** `reach backup`. */
export const backupCommand: CommandDefinition = {
  examples: [
    ["reach backup /mnt/backup/reach", "everything, also while a server writes it"],
    ["reach backup /mnt/backup/reach --verify", "and check all that is there, byte by byte"],
    ["reach --data /mnt/backup/reach ls", "a backup is a data directory"],
  ],
  notes: [
    "The folder is new, empty, or holds an earlier backup of the same directory, and then only " +
      "what is new is copied. Every workspace is in it, and the tokens, and the signing keys " +
      "unless --without-keys says no. Everything acknowledged before it began is in it.",
    "Interrupted, it leaves the last backup as it was, or one that Reach refuses to open; run " +
      "again, it goes on. A session that was removed is removed in the backup as well.",
    "Exit 4 when something is damaged in the data directory, or with --verify in the backup; " +
      "what was good in the backup stays. Once the backup has been opened for writing it is a " +
      "data directory of its own, and takes no more backups.",
    'With --json: {"to", "sessions", "events", "removed", "copiedBytes", "presentBytes", ' +
      '"tokens", "troubles": [{"workspace", "where", "message"}], "ahead", "onlyInBackup", ' +
      '"verified", ...}.',
  ],
  configure(command: Command, start) {
    command
      .argument("<folder>", "where to: on another disk")
      .option("--without-keys", "leave the signing keys out: nothing can be signed from it")
      .option("--verify", "compare everything that is there, then verify every session in it")
      .action((folder: string, flags: BackupFlags) => {
        return start((invocation) => backup(invocation, folder, flags));
      });
  },
};

/** Something that is wrong, and where. */
interface Trouble {
  readonly workspace: string;
  readonly where: string;
  readonly message: string;
}

async function backup(
  invocation: Invocation,
  folder: string,
  flags: BackupFlags,
): Promise<ExitCode> {
  const { output } = invocation;
  const { from, to } = placesOf(invocation, folder);
  const started = performance.now();
  const stop = interruption(() => {});
  try {
    if (!flags.withoutKeys) output.note(keyNote);
    const report = await copy(invocation, from, to, flags, stop);
    const troubles = report.workspaces.flatMap(({ workspace, troubles }) => {
      return troubles.map((trouble) => ({ workspace, ...trouble }));
    });
    const verified = flags.verify ? await verify(invocation, to, report, stop) : undefined;
    await tell(invocation, to, report, troubles, verified, (performance.now() - started) / 1000);
    const bad = troubles.length + (verified?.troubles.length ?? 0) > 0;
    return stop.exitCode ?? (bad ? exitCodes.unverified : exitCodes.ok);
  } finally {
    stop.end();
  }
}

const keyNote =
  "the backup holds the signing key: whoever has it can sign as this directory " +
  "(--without-keys leaves it out)";

/** The folders with no links in them. Throws `USAGE` for what cannot be meant. */
function placesOf({ settings }: Invocation, folder: string): { from: string; to: string } {
  if (settings.workspace.source === "flag") {
    throw new ReachError("USAGE", "a backup is of all workspaces: it takes no --workspace");
  }
  if (folder === "") throw new ReachError("USAGE", "the backup names no folder");
  checkDataFolder(settings);
  const to = path.resolve(folder);
  const found = fs.statSync(to, { throwIfNoEntry: false });
  if (found && !found.isDirectory()) {
    throw new ReachError("USAGE", `${to} is a file`, { hint: "name a folder", where: to });
  }
  return { from: withoutLinks(settings.data.value), to: withoutLinks(to) };
}

/** A path as it is without links, as far as it is there. */
function withoutLinks(file: string): string {
  if (fs.existsSync(file)) return fs.realpathSync(file);
  const above = path.dirname(file);
  return above === file ? file : path.join(withoutLinks(above), path.basename(file));
}

async function copy(
  invocation: Invocation,
  from: string,
  to: string,
  { withoutKeys = false, verify: whole = false }: BackupFlags,
  { signal }: Interruption,
): Promise<DataBackupReport> {
  const progress = invocation.progress("backing up");
  try {
    return await backupData({
      source: nodeDisk,
      from,
      target: nodeDisk,
      to,
      withoutKeys,
      whole,
      signal,
      onProgress: (done) => progress.update({ done, total: null, unit: "bytes" }),
    });
  } finally {
    progress.clear();
  }
}

/** What verifying the backup has found. */
interface Verified {
  readonly sessions: number;
  readonly troubles: readonly Trouble[];
}

async function verify(
  invocation: Invocation,
  to: string,
  { workspaces }: DataBackupReport,
  stop: Interruption,
): Promise<Verified> {
  const troubles: Trouble[] = [];
  let sessions = 0;
  for (const { workspace } of workspaces) {
    const directory = await Directory.open({ path: `${to}/${workspace}`, mode: "read" });
    try {
      for (const id of directory.sessionIds()) {
        const report = await verifyOne(invocation, directory, id, stop);
        if (!report) continue;
        sessions += 1;
        if (verifyExitCode(report) === exitCodes.ok) continue;
        const [problem] = report.problems;
        const about = problem ? `: ${problem.message}` : "";
        troubles.push({ workspace, where: id, message: `${verdictWords(report)}${about}` });
      }
    } finally {
      await directory.close();
    }
  }
  return { sessions, troubles };
}

/** Nothing for a session that has been removed meanwhile: another backup may go to the folder. */
async function verifyOne(
  invocation: Invocation,
  directory: Directory,
  id: string,
  { signal }: Interruption,
): Promise<VerifyReport | undefined> {
  const progress = invocation.progress("verifying");
  try {
    return await verifySession(directory, id, { onProgress: progress.update, signal });
  } catch (error) {
    if (codeOf(error) === "GONE") return undefined;
    throw error;
  } finally {
    progress.clear();
  }
}

async function tell(
  { output }: Invocation,
  to: string,
  report: DataBackupReport,
  troubles: readonly Trouble[],
  verified: Verified | undefined,
  time: number,
): Promise<void> {
  const { workspaces, tokens } = report;
  const sum = (value: (one: DataBackupReport["workspaces"][number]) => number): number => {
    return workspaces.reduce((total, one) => total + value(one), 0);
  };
  const total = {
    sessions: sum(({ sessions }) => sessions),
    events: sum(({ events }) => events),
    removed: sum(({ removed }) => removed),
    copiedBytes: sum(({ copiedBytes }) => copiedBytes),
    presentBytes: sum(({ presentBytes }) => presentBytes),
    tokens,
  };
  const ahead = workspaces.flatMap((one) => one.ahead.map(({ id }) => id));
  const onlyInBackup = workspaces.flatMap((one) => one.onlyInBackup);
  if (output.json) {
    const lists = { troubles, ahead, onlyInBackup, workspaces };
    await output.printObject({ to, ...total, ...lists, verified: verified ?? null });
    return;
  }
  for (const { workspace, where, message } of [...troubles, ...(verified?.troubles ?? [])]) {
    output.note(`${workspace}: ${where}: ${message}`);
  }
  if (ahead.length > 0) {
    output.note(`of ${counted(ahead.length, "session")} the backup has more events: ${ahead[0]}`);
  }
  if (onlyInBackup.length > 0) {
    const these = counted(onlyInBackup.length, "session");
    output.note(`${these} only in the backup, and kept: ${onlyInBackup[0]}`);
  }
  if (output.quiet) return;
  const holds = `${counted(total.sessions, "session")}, ${counted(total.events, "event")}`;
  const copied = `${byteSize(total.copiedBytes)} copied`;
  const present = `${byteSize(total.presentBytes)} there already`;
  const checked = verified ? [`${counted(verified.sessions, "session")} verified`] : [];
  const facts = [copied, present, ...checked, seconds(time)];
  await output.print(`backed up ${holds}   ${facts.join("   ")}`);
}
