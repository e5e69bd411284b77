/**
 * Damage that is none, as a reader in another process sees it: what the journal holds is not yet
 * durable in its place, and a power loss may have left any part of it there. Until the next writer
 * has brought it to its place it is not recovered, and neither damaged nor missing.
 */
import { codeOf, type ErrorCode, messageOf, ReachError, type SessionId } from "../base/index.ts";
import type { PackBlobs } from "../blobs/index.ts";
import type { Disk } from "../disk/index.ts";
import type { PayloadSource } from "../event/index.ts";
import { type EntryKind, entryKinds, journalHoldings, journalMendsPacks } from "../log/index.ts";
import type { ErrorReport } from "./rebuilding.ts";

/** What a file is read as that lacks something of what was written to it. */
const lossCodes: ReadonlySet<ErrorCode | undefined> = new Set<ErrorCode>([
  "CORRUPT",
  "NOT_FOUND",
  "NOTE_INVALID",
  "SIGNATURE_INVALID",
]);

/**
 * For readers of a directory with a journal: makes `UNRECOVERED` of errors of reading session `id`
 * where the journal holds what is damaged or missing. What it does not hold is damage.
 */
export function watchRecovery(disk: Disk, root: string, id: SessionId): ErrorReport {
  return (error) => {
    const code = codeOf(error);
    if (!lossCodes.has(code)) return error;
    const first = journalHoldings(disk, root, id).get(kindOf(error as ReachError, code, id));
    if (first === undefined || first > (seqOf(error as ReachError, id) ?? first)) return error;
    return unrecovered(error, id);
  };
}

/**
 * The same for payloads: `UNRECOVERED` of errors of reading one as long as the journal holds bytes
 * of packs that are not in their place. With `once` that is looked up once: it means reading all of
 * the journal.
 */
export function watchPayloads(
  disk: Disk,
  root: string,
  blobs: PackBlobs,
  once = false,
): ErrorReport {
  let isMended: boolean | undefined;
  return (error) => {
    const code = codeOf(error);
    if (code !== "BLOB_MISSING" && code !== "BLOB_CORRUPT") return error;
    if (!once) isMended = undefined;
    isMended ??= journalMendsPacks(disk, root, (pack) => blobs.pathOfPack(pack));
    return isMended ? unrecovered(error, (error as ReachError).where) : error;
  };
}

/** Payloads, with errors of reading them as `reported` has them. */
export function watchedPayloads(blobs: PackBlobs, reported: ErrorReport): PayloadSource {
  return {
    get(sha256) {
      try {
        return blobs.get(sha256);
      } catch (error) {
        throw reported(error);
      }
    },
  };
}

function unrecovered(cause: unknown, where: string | undefined): ReachError {
  return new ReachError("UNRECOVERED", `not yet in its place: ${messageOf(cause)}`, {
    cause,
    ...(where === undefined ? {} : { where }),
    hint: "open the data directory for writing, or run `reach doctor --recover`",
  });
}

/** Seq of the first event that cannot be read, as the error of a log names it. */
function seqOf({ where }: ReachError, id: SessionId): number | undefined {
  return where?.startsWith(`${id}@`) ? Number(where.slice(id.length + 1)) : undefined;
}

/** Which kind of file an error is about. */
function kindOf(error: ReachError, code: ErrorCode | undefined, id: SessionId): EntryKind {
  if (code === "NOTE_INVALID" || code === "SIGNATURE_INVALID") return entryKinds.checkpoint;
  const ofLog = seqOf(error, id) !== undefined || (code === "NOT_FOUND" && error.where !== id);
  return ofLog ? entryKinds.events : entryKinds.manifest;
}
