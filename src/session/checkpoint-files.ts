/**
 * Checkpoints of other data directories that a session has brought along in a bundle:
 * `checkpoint.<16 hex digits>`, named by the SHA-256 of the key. The file holds the key as one line
 * (C2SP vkey) and behind it the signed note as it was. What they say is theirs: whoever knows the
 * key can hold the session against it, whatever this directory has signed since.
 */
import {
  codeOf,
  fromUtf8,
  ReachError,
  type SessionId,
  sha256,
  toHex,
  utf8,
} from "../base/index.ts";
import { type Disk, readFile, replaceFile } from "../disk/index.ts";
import { sessionFolder } from "../log/index.ts";
import { keyText, type OpenedCheckpoint, openCheckpoint, type Verifier } from "../merkle/index.ts";
import { verifierOf } from "./verifier.ts";

/** A signed note with the key that its session came with. */
export interface KeyedNote {
  /** C2SP vkey of whoever signed it. */
  readonly verifierKey: string;
  readonly note: Uint8Array;
}

const namePattern = /^checkpoint\.[0-9a-f]{16}$/;

function nameOf(verifierKey: string): string {
  return `checkpoint.${toHex(sha256(utf8(verifierKey))).slice(0, 16)}`;
}

/** Names of the files with foreign checkpoints in a session's folder. */
export function foreignCheckpointNames(disk: Disk, root: string, id: SessionId): string[] {
  return disk.list(sessionFolder(root, id)).filter((name) => namePattern.test(name));
}

/** Reads one of them. Throws `NOTE_INVALID` when it is not what was written. */
export function readForeignCheckpoint(
  disk: Disk,
  root: string,
  id: SessionId,
  name: string,
): KeyedNote {
  const bytes = readFile(disk, `${sessionFolder(root, id)}/${name}`);
  const lineEnd = bytes.indexOf(0x0a);
  const verifierKey = fromUtf8(bytes.subarray(0, Math.max(lineEnd, 0)));
  if (nameOf(verifierKey) !== name) {
    throw new ReachError("NOTE_INVALID", `${name} does not hold the key that it is named by`, {
      where: `${id}/${name}`,
    });
  }
  return { verifierKey, note: bytes.subarray(lineEnd + 1) };
}

/**
 * Keeps a foreign checkpoint, which verifies, durably; it takes the place of a smaller one of the
 * same key.
 */
export async function keepForeignCheckpoint(
  disk: Disk,
  root: string,
  id: SessionId,
  keyed: KeyedNote,
): Promise<void> {
  const { verifierKey, note } = keyed;
  const path = `${sessionFolder(root, id)}/${nameOf(verifierKey)}`;
  if (openKeyedCheckpoint(keyed, id).size <= foreignSize(disk, root, id, nameOf(verifierKey))) {
    // Whoever wrote it may have been killed before its name was durable.
    await disk.syncFolder(sessionFolder(root, id));
  } else await replaceFile(disk, path, new Uint8Array([...utf8(`${verifierKey}\n`), ...note]));
}

/** Events that a foreign checkpoint here covers; -1 where there is none that can be read. */
export function foreignSize(disk: Disk, root: string, id: SessionId, name: string): number {
  if (!disk.exists(`${sessionFolder(root, id)}/${name}`)) return -1;
  try {
    return openKeyedCheckpoint(readForeignCheckpoint(disk, root, id, name), id).size;
  } catch (error) {
    const code = codeOf(error);
    if (code === "NOTE_INVALID" || code === "SIGNATURE_INVALID") return -1;
    throw error;
  }
}

/**
 * Opens a checkpoint of session `id` with the key it came with; whatever its origin, it has to be
 * one of this session. Throws `NOTE_INVALID` and `SIGNATURE_INVALID`.
 */
export function openKeyedCheckpoint(keyed: KeyedNote, id: SessionId): OpenedCheckpoint {
  return openCheckpointOf(keyed.note, verifierOf(keyed.verifierKey), id);
}

/** Opens a checkpoint of session `id` with a given key. */
export function openCheckpointOf(
  note: Uint8Array,
  verifier: Verifier,
  id: SessionId,
): OpenedCheckpoint {
  const opened = openCheckpoint(note, [verifier]);
  if (opened.origin.endsWith(`/s/${id}`)) return opened;
  throw new ReachError("NOTE_INVALID", `the checkpoint is one of ${opened.origin}`, { where: id });
}

/** Who signed a checkpoint: `reach.local+5ab3c0de`. */
export function signerOf(checkpoint: OpenedCheckpoint): string {
  return checkpoint.note.verified.map(keyText).join(", ");
}
