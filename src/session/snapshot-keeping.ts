/**
 * Keeping snapshots: the encoded states go through the journal like any payload, one group for as
 * many as come together, then the signed records beside the session, which are only a cache.
 */
import { ReachError, type SessionId, sha256 } from "../base/index.ts";
import type { StagedBlob } from "../blobs/index.ts";
import { entryKinds, type JournalEntry, packIdBytes, sessionFolder } from "../log/index.ts";
import { appendSnapshots, type Snapshot, snapshotPath, snapshotText } from "../snapshots/index.ts";
import type { WriteSide } from "./directory-options.ts";
import { signText } from "./keys.ts";
import { type ReaderContext, sessionOrigin, tombstonePath } from "./session-reader.ts";

/** A snapshot with the encoded state that it is about. */
export interface KeptSnapshot extends Snapshot {
  readonly state: Uint8Array;
}

/**
 * Stores the states of `snapshots`, durable, and appends their signed records. Throws `GONE` for a
 * session that has been removed, perhaps while it was replayed: nothing of it comes back.
 */
export async function keepSnapshots(
  context: ReaderContext,
  write: WriteSide,
  putLarge: (bytes: Uint8Array) => Promise<unknown>,
  id: SessionId,
  program: Uint8Array,
  snapshots: readonly KeptSnapshot[],
): Promise<void> {
  const origin = sessionOrigin(context, id);
  await Promise.all(snapshots.map(({ state }) => keepPayload(write, putLarge, state)));
  const records = snapshots.map((snapshot) => {
    const text = snapshotText(origin, program, snapshot);
    return { ...snapshot, signature: signText(context.identity, text) };
  });
  const path = snapshotPath(sessionFolder(context.root, id), program);
  write.lock.check();
  if (context.disk.exists(tombstonePath(context.root, id))) {
    throw new ReachError("GONE", `session ${id} has been removed`, { where: id });
  }
  appendSnapshots(context.disk, path, program, records);
}

/**
 * Makes a payload that no event names durable, through the journal or, a large one, past it;
 * returns its name.
 */
export async function keepPayload(
  write: WriteSide,
  putLarge: (bytes: Uint8Array) => Promise<unknown>,
  bytes: Uint8Array,
): Promise<Uint8Array> {
  if (bytes.length > write.journaledBytesMax) await putLarge(bytes);
  else await commitBlob(write, bytes);
  return sha256(bytes);
}

/** Commits a payload that no event names. */
async function commitBlob({ journal, blobs }: WriteSide, bytes: Uint8Array): Promise<void> {
  const staged = blobs.stage(bytes);
  const entries = packEntries(staged);
  if (entries.length === 0) return;
  try {
    await journal.commit(entries);
  } catch (error) {
    blobs.abandon(staged);
    throw error;
  }
}

/** Journal entries of a staged payload. */
export function packEntries(staged: StagedBlob): JournalEntry[] {
  return staged.entries.map(({ pack, offset, bytes }) => {
    return { kind: entryKinds.pack, id: packIdBytes(pack), firstSeq: 0, count: 0, offset, bytes };
  });
}
