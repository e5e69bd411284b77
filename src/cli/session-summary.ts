/**
 * A session in a few words, for `ls`, `show` and `doctor`. Cheap: the end of its log is looked at
 * and the size of its files, not its events. A damaged session has a summary as well.
 */
import * as fs from "node:fs";
import { codeOf, messageOf, type SessionId } from "../base/index.ts";
import { readBulkMarker, sessionFolder } from "../log/index.ts";
import { type Directory, lastEvent, type SessionReader } from "../session/index.ts";

/** What is shown of a session; `null` where it cannot be read. */
export interface SessionSummary {
  readonly id: SessionId;
  readonly name: string;
  /** The format it was imported from; empty for others. */
  readonly format: string;
  readonly kind: string;
  /** The program that it runs, with its version; `null` for a recorded one. */
  readonly program: string | null;
  /** Milliseconds since the epoch. */
  readonly created: number | null;
  readonly events: number | null;
  /**
   * Bytes of its folder; payloads above 4 KiB lie in the store that all sessions share. `null` for
   * one of a server.
   */
  readonly bytes: number | null;
  /** Events under the newest signed checkpoint. */
  readonly signed: number | null;
  /** Whether what there is of it can be relied on. */
  readonly status: SessionStatus;
  /**
   * Of an executed session, `ended` or `open`; a server tells what an open one does. `null` for
   * others, and where that cannot be read.
   */
  readonly phase: string | null;
  /** How an executed session ended: `done`, `failed`, `cancelled`, `infrastructure`. */
  readonly outcome: string | null;
  /** What is wrong, in words. */
  readonly problem: string | null;
}

/** The summary of a session of the data directory. */
export type LocalSummary = SessionSummary & { readonly bytes: number };

/**
 * `ok`; `importing`: a bulk import is under way or was interrupted; `quarantined`: read-only since
 * damage was found; `unrecovered`: the journal holds what is missing of it, and the next writer
 * brings it back; `damaged`: it cannot be read to its end.
 */
export type SessionStatus = "ok" | "importing" | "quarantined" | "unrecovered" | "damaged";

/** The summary of one session; never throws for what is wrong with the session. */
export function summarise(directory: Directory, id: SessionId): LocalSummary {
  const bytes = folderBytes(sessionFolder(directory.path, id));
  let session: SessionReader;
  try {
    session = directory.session(id);
  } catch (error) {
    const code = codeOf(error);
    if (code === undefined) throw error;
    const status = code === "UNRECOVERED" ? "unrecovered" : "damaged";
    return { ...unknown, id, bytes, status, problem: messageOf(error) };
  }
  try {
    return { ...readable(directory, session), bytes };
  } finally {
    session.close();
  }
}

const unknown = {
  name: "",
  format: "",
  kind: "",
  program: null,
  created: null,
  events: null,
  signed: null,
  phase: null,
  outcome: null,
} as const;

function readable(directory: Directory, session: SessionReader): Omit<SessionSummary, "bytes"> {
  const { id, manifest, quarantine } = session;
  const { name, format, kind, created } = manifest;
  const runs = manifest.program;
  const program = runs ? `${runs.name} ${runs.version}`.trim() : null;
  const importing = readBulkMarker(directory.disk, directory.path, id) !== undefined;
  const { size: events, problem: logProblem } = session.extent;
  const checkpoint = signedSize(session);
  const signed = checkpoint.size;
  const standing = quarantine ? { phase: null, outcome: null } : standingOf(session);
  const about = { id, name, format, kind, program, created, events, signed, ...standing };
  if (quarantine) {
    const problem = `${quarantine.reason}, from event ${quarantine.seq} on`;
    return { ...about, status: "quarantined", problem };
  }
  // A torn end is what a reader sees while the writer of the session is at work.
  const torn = logProblem && session.log.error(logProblem).code === "UNRECOVERED";
  const problem = (torn ? undefined : logProblem?.message) ?? checkpoint.problem;
  if (problem !== undefined) return { ...about, status: "damaged", problem };
  return { ...about, status: importing ? "importing" : "ok", problem: null };
}

/** Where an executed session stands, as far as its log tells. */
function standingOf(session: SessionReader): Pick<SessionSummary, "phase" | "outcome"> {
  if (session.manifest.kind !== "executed") return { phase: null, outcome: null };
  try {
    const last = lastEvent(session);
    return last?.kind === "end"
      ? { phase: "ended", outcome: last.type }
      : { phase: "open", outcome: null };
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return { phase: null, outcome: null };
  }
}

function signedSize(session: SessionReader): { size: number | null; problem?: string } {
  try {
    return { size: session.checkpoint()?.size ?? null };
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return { size: null, problem: messageOf(error) };
  }
}

/** Bytes of the files below a folder; files that vanish meanwhile count nothing. */
export function folderBytes(folder: string): number {
  let bytes = 0;
  try {
    for (const entry of fs.readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const stat = fs.statSync(`${entry.parentPath}/${entry.name}`, { throwIfNoEntry: false });
      bytes += stat?.size ?? 0;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  return bytes;
}
