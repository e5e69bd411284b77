/**
 * Bundles as files: how one is recognised, also among the arguments that may name sessions, and
 * what is said about one that has been imported.
 */
import * as fs from "node:fs";
import { ReachError } from "../base/index.ts";
import { type BundleImport, holdsBundle } from "../session/index.ts";
import { shortHash } from "./import-text.ts";
import { byteSize, counted, seconds } from "./quantity.ts";
import { isBeginning, wantedId } from "./sessions.ts";
import { twoColumns } from "./table.ts";
import { oneLine } from "./terminal-text.ts";
import { keyRemark, verdictWords } from "./verify-text.ts";

/** More bytes than say whether a file is a bundle. */
const headBytes = 32;

/** Whether the file is a bundle, by its first bytes; what cannot be read is none. */
export function isBundleFile(file: string): boolean {
  let fd: number;
  try {
    if (!fs.statSync(file).isFile()) return false;
    fd = fs.openSync(file, "r");
  } catch {
    return false;
  }
  try {
    const head = Buffer.alloc(headBytes);
    return holdsBundle(head.subarray(0, fs.readSync(fd, head, 0, head.length, 0)));
  } finally {
    fs.closeSync(fd);
  }
}

/**
 * Whether an argument names a file that should hold a bundle: every path to a file does, also one
 * to a pipe. Else it is a session. Throws `USAGE` for a folder, `NOT_FOUND` for what is neither.
 */
export function namesBundle(target: string): boolean {
  const found = fs.statSync(target, { throwIfNoEntry: false });
  if (found && !found.isDirectory()) return true;
  // Sessions lie in folders that are called like them.
  if (isBeginning(wantedId(target))) return false;
  if (found) {
    throw new ReachError("USAGE", `${target} is a folder, not a bundle`, {
      hint: "name a file, or a session of the data directory that --data names",
    });
  }
  throw new ReachError("NOT_FOUND", `there is no session and no file ${oneLine(target)}`, {
    hint: "check the path; `reach ls` shows the sessions of this data directory",
  });
}

/** The lines about a bundle that was imported. `id` is the shortened id of its session. */
export function bundleLines(imported: BundleImport, id: string): string[] {
  const { report } = imported;
  const headline = headlineOf(imported);
  const verdict = `  ${verdictWords(report)}`;
  const pairs = [
    [headline, `id    ${id}`],
    [verdict, `root  ${shortHash(report.root)}`],
  ] as const;
  return [...twoColumns(pairs), `  ${keyRemark(report)}`];
}

function headlineOf({ events, unchanged, repaired, restoredFrom, report }: BundleImport): string {
  const all = counted(events, "event");
  const payloads = repaired > 0 ? [counted(repaired, "payload")] : [];
  if (unchanged) {
    const back = payloads.map((some) => `, and ${some} of it again`).join("");
    return `unchanged: the ${all} of it are here already${back}`;
  }
  if (restoredFrom !== null) {
    const lost = counted(events - restoredFrom, "event");
    return `restored ${[lost, ...payloads].join(" and ")} of ${all}`;
  }
  const size = byteSize(report.bytes);
  return `imported ${all} (${size}) from a bundle in ${seconds(report.seconds)}`;
}
