/**
 * Where things lie in a data directory: the one place that knows the names, and how journal
 * entries name sessions and packs.
 */
import { readU64, type SessionId, sessionIdOf, writeU64 } from "../base/index.ts";

/**
 * Folder of a session; `<ss>` spreads ids over 256 folders (the last byte of a UUIDv7 is random).
 */
export function sessionFolder(root: string, id: SessionId): string {
  return `${root}/sessions/${id.slice(-2)}/${id}`;
}

/** The transcript of a session. */
export function eventLogPath(root: string, id: SessionId): string {
  return `${sessionFolder(root, id)}/events.log`;
}

/** What a session is: id, kind, salt secret, program, origin. */
export function manifestPath(root: string, id: SessionId): string {
  return `${sessionFolder(root, id)}/manifest.cbor`;
}

/** The newest signed checkpoint of a session. */
export function checkpointPath(root: string, id: SessionId): string {
  return `${sessionFolder(root, id)}/checkpoint`;
}

/** Whether that is the path of the newest checkpoint of some session. */
export function isCheckpointPath(path: string): boolean {
  return path.endsWith("/checkpoint");
}

/** The folder of the journal. */
export function journalFolder(root: string): string {
  return `${root}/journal`;
}

/** The folder of the packs. */
export function blobFolder(root: string): string {
  return `${root}/blobs`;
}

/** The 16 bytes that name a pack in a journal entry. */
export function packIdBytes(pack: number): Uint8Array {
  const bytes = new Uint8Array(16);
  writeU64(bytes, 0, pack);
  return bytes;
}

/** The pack that a journal entry names. */
export function packOfIdBytes(bytes: Uint8Array): number {
  return readU64(bytes, 0);
}

/** The session that a journal entry names. */
export function sessionOfIdBytes(bytes: Uint8Array): SessionId {
  return sessionIdOf(bytes);
}
