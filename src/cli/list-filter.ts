/**
 * Which sessions `reach ls` shows: `--status` and `--program`. A server is asked for what it can
 * tell apart by itself; the rest is looked at here.
 */
import { codeOf, ReachError, type SessionId } from "../base/index.ts";
import type { ListOptions } from "../client/index.ts";
import type { Directory } from "../session/index.ts";
import type { SessionSummary } from "./session-summary.ts";
import { closest, didYouMean } from "./suggest.ts";

/** How executed sessions end. */
const outcomes = ["done", "failed", "cancelled", "infrastructure"];
/** What a session is asked for by, in the data directory and of a server. */
const everywhere = ["open", "ended", ...outcomes, "recorded", "quarantined", "damaged"];
const localOnly = ["importing", "unrecovered"];
/** Only what runs a session knows these. */
const remoteOnly = ["queued", "running", "waiting", "parked", "stuck"];
/** Names of a server, where it says the same in other words or in fewer. */
const askedFor: ReadonlyMap<string, string | undefined> = new Map([
  ["open", undefined],
  ["quarantined", "read-only"],
  ...outcomes.map((outcome) => [outcome, "ended"] as const),
]);

/** What is shown. */
export interface ListFilter {
  readonly status?: string;
  readonly program?: string;
}

/** Throws `USAGE` for a status that no session can have where it is looked for. */
export function checkStatus(status: string | undefined, remote: boolean): void {
  const known = [...everywhere, ...(remote ? remoteOnly : localOnly)];
  if (status === undefined || known.includes(status)) return;
  if (!remote && remoteOnly.includes(status)) {
    throw new ReachError("USAGE", `whether a session is ${status} is for a server to say`, {
      hint: "--status open has all that have not ended; --url asks a server",
    });
  }
  throw new ReachError("USAGE", `${status} is no status of a session`, {
    hint: didYouMean(closest(status, known)) ?? `there are ${known.join(", ")}`,
  });
}

/** What a server is asked for: at least what is shown. */
export function askedOf({ status, program }: ListFilter): ListOptions {
  const asked = status !== undefined && askedFor.has(status) ? askedFor.get(status) : status;
  return {
    ...(asked === undefined ? {} : { status: asked }),
    ...(program === undefined ? {} : { program }),
  };
}

/** Whether a session has this status. */
export function hasStatus(session: SessionSummary, wanted: string | undefined): boolean {
  const { kind, phase, outcome, status } = session;
  if (wanted === undefined) return true;
  if (wanted === "open") return phase !== null && phase !== "ended";
  if (wanted === "recorded") return kind === "recorded" && status === "ok";
  return [phase, outcome, status].includes(wanted);
}

/** Whether a session of the data directory runs a program of this name. */
export function runsProgram(directory: Directory, id: SessionId, name: string): boolean {
  try {
    const session = directory.session(id);
    session.close();
    return session.manifest.program?.name === name;
  } catch (error) {
    // What cannot be read does not say what it ran.
    if (codeOf(error) === undefined) throw error;
    return false;
  }
}
