/**
 * What the store says about sessions that nobody runs: whether they are executed ones, and whether
 * and how they have ended.
 */
import { codeOf, ReachError, type SessionId } from "../base/index.ts";
import { type Directory, lastEvent, type Manifest } from "../session/index.ts";
import { endReport } from "./end-report.ts";
import type { EndReport } from "./engine-options.ts";

/** A session as it lies in the store. */
export interface StoredSession {
  readonly manifest: Manifest;
  readonly size: number;
  /** How it ended; `undefined` when it has not. */
  readonly report: EndReport | undefined;
}

/**
 * What there is of an executed session. Throws `NOT_FOUND`, `GONE`, `USAGE` for a recorded one, and
 * what reading throws.
 */
export function storedSession(directory: Directory, id: SessionId): StoredSession {
  const reader = directory.session(id);
  try {
    const { manifest } = reader;
    if (manifest.kind !== "executed" || !manifest.program) {
      throw new ReachError("USAGE", `session ${id} is recorded: no program runs it`, { where: id });
    }
    const { size } = reader;
    const end = lastEvent(reader);
    const report = end?.kind === "end" ? endReport(id, end) : undefined;
    return { manifest, size, report };
  } finally {
    reader.close();
  }
}

/** Whether an error of `storedSession` says that there is nothing to run, now or ever. */
export function isNothingToRun(error: unknown): boolean {
  const code = codeOf(error);
  return code === "NOT_FOUND" || code === "GONE" || code === "USAGE" || code === "SESSION_ENDED";
}
