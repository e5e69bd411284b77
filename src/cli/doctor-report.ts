/**
 * What `reach doctor` looks at: this machine, the settings, the data directory and its sessions.
 * Everything is read only, and a directory that cannot be opened is a finding, not an error.
 */
import * as fs from "node:fs";
import process from "node:process";
import { codeOf, type ErrorCode, messageOf, type SessionId } from "../base/index.ts";
import { nodeDisk } from "../disk/index.ts";
import {
  blobFolder,
  currentHolder,
  describeHolder,
  type Holder,
  journalFolder,
  parseSegmentName,
  sessionsInBulk,
  systemProcesses,
} from "../log/index.ts";
import { Directory, hasIdentity } from "../session/index.ts";
import { folderBytes, type SessionSummary, summarise } from "./session-summary.ts";
import type { Settings } from "./settings.ts";
import { workspacesIn } from "./workspaces.ts";

/** `in use`: a writer is alive. `unrecovered`: one has gone without closing. */
export type JournalState = "clean" | "in use" | "unrecovered";

/** What is known of the data directory. */
export interface DirectoryHealth {
  readonly path: string;
  readonly exists: boolean;
  /** Why it cannot be opened, if it cannot. */
  readonly problem: { readonly code: ErrorCode; readonly message: string } | null;
  /** Public key of its checkpoints, for `verify --key`. */
  readonly verifierKey: string | null;
  /** Who writes it now. */
  readonly holder: Holder | null;
  readonly journal: { readonly state: JournalState; readonly segments: number };
  /** Files with what recovery has cut from the journal of a writer that crashed. */
  readonly tornFiles: readonly string[];
  readonly blobBytes: number;
  /** Bytes that this user may still write to the disk; `null` where nobody tells. */
  readonly freeBytes: number | null;
  readonly sessions: { readonly count: number; readonly events: number; readonly bytes: number };
  /** Sessions whose imports were interrupted and have yet to be recovered. */
  readonly interrupted: readonly SessionId[];
  /** Sessions that are not all right, apart from those. */
  readonly troubled: readonly SessionSummary[];
}

/** All of it. */
export interface DoctorReport {
  readonly version: string;
  readonly node: { readonly version: string };
  readonly settings: readonly SettingLine[];
  /** The workspaces that are there; the report is about one of them. */
  readonly workspaces: readonly string[];
  readonly directory: DirectoryHealth;
}

/** A setting with its origin. */
export interface SettingLine {
  readonly setting: string;
  readonly value: string;
  /** `flag`, `environment`, `configuration` or `default`. */
  readonly source: string;
  /** Which flag, variable or file. */
  readonly name: string;
}

/** Looks at everything. */
export async function examine(settings: Settings, version: string): Promise<DoctorReport> {
  const { data, workspace, folder, colour, config } = settings;
  return {
    version,
    node: { version: process.versions.node },
    settings: [
      { setting: "data", ...data },
      { setting: "workspace", ...workspace },
      { setting: "colour", ...colour },
      { setting: "config", ...config },
    ],
    workspaces: workspacesIn(data.value),
    directory: await examineDirectory(folder, data.value),
  };
}

async function examineDirectory(path: string, data: string): Promise<DirectoryHealth> {
  const freeBytes = freeBytesAt(fs.existsSync(path) ? path : fs.existsSync(data) ? data : ".");
  const nothing = {
    path,
    verifierKey: null,
    holder: null,
    journal: { state: "clean", segments: 0 },
    tornFiles: [],
    blobBytes: 0,
    freeBytes,
    sessions: { count: 0, events: 0, bytes: 0 },
    interrupted: [],
    troubled: [],
  } as const;
  const file = [data, path].find((at) => fs.existsSync(at) && !fs.statSync(at).isDirectory());
  if (file !== undefined) {
    const message = `the data directory ${file} is a file`;
    return { ...nothing, exists: false, problem: { code: "USAGE", message } };
  }
  if (!hasIdentity(nodeDisk, path)) return { ...nothing, exists: false, problem: null };
  try {
    return { ...nothing, exists: true, problem: null, ...(await openAndLook(path)) };
  } catch (error) {
    const code = codeOf(error);
    if (code === undefined) throw error;
    return { ...nothing, exists: true, problem: { code, message: messageOf(error) } };
  }
}

async function openAndLook(path: string): Promise<Partial<DirectoryHealth>> {
  const holder = (await currentHolder(nodeDisk, path, systemProcesses)) ?? null;
  const names = nodeDisk.list(journalFolder(path));
  const segments = names.filter((name) => parseSegmentName(name)).length;
  const state = holder ? "in use" : segments > 0 ? "unrecovered" : "clean";
  const directory = await Directory.open({ path, mode: "read" });
  try {
    const all = directory.sessionIds().map((id) => summarise(directory, id));
    return {
      verifierKey: directory.identity.verifierKey,
      holder,
      journal: { state, segments },
      tornFiles: names
        .filter((name) => name.endsWith(".torn"))
        .map((name) => `${journalFolder(path)}/${name}`),
      blobBytes: folderBytes(blobFolder(path)),
      sessions: {
        count: all.length,
        events: all.reduce((sum, { events }) => sum + (events ?? 0), 0),
        bytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
      },
      interrupted: holder ? [] : sessionsInBulk(nodeDisk, path),
      troubled: all.filter(({ status }) => status !== "ok" && status !== "importing"),
    };
  } finally {
    await directory.close();
  }
}

/** Who writes the directory, in words. */
export function holderText(holder: Holder | null): string {
  return describeHolder(holder ?? undefined);
}

function freeBytesAt(path: string): number | null {
  try {
    const { bavail, bsize } = fs.statfsSync(path);
    return bavail * bsize;
  } catch {
    return null;
  }
}
