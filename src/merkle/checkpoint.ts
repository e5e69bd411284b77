/**
 * Checkpoints (https://c2sp.org/tlog-checkpoint): origin, tree size and root of a session's tree,
 * as the text of a signed note. Reach writes no extension lines (nobody could audit them) and
 * tolerates those of others.
 */
import { assert, ReachError } from "../base/index.ts";
import { fromBase64, toBase64 } from "./base64.ts";
import { hashBytes, isHash } from "./hasher.ts";
import { openNote, type Signer, signNote, type VerifiedNote, type Verifier } from "./note.ts";
import { isTreeSize } from "./subtree.ts";

/** What a log commits to when it signs. */
export interface Checkpoint {
  /** Names the log; for a session `<origin>/<workspace>/s/<id>`. */
  readonly origin: string;
  /** Number of leaves, up to 2^53-1. */
  readonly size: number;
  /** 32 bytes. */
  readonly root: Uint8Array;
}

/** A checkpoint as it was read; the extension lines mean nothing to Reach. */
export interface ReadCheckpoint extends Checkpoint {
  readonly extensions: readonly string[];
}

/** A checkpoint that a known key has signed. */
export interface OpenedCheckpoint extends ReadCheckpoint {
  readonly note: VerifiedNote;
}

/** The text to sign: three lines. An origin that is no single plain line is a `BUG`. */
export function formatCheckpoint(checkpoint: Checkpoint): string {
  const { origin, size, root } = checkpoint;
  assert(origin.length > 0 && !origin.includes("\n"), "an origin is one line that is not empty");
  assert(isTreeSize(size) && isHash(root), "a checkpoint has a tree size and a 32-byte root");
  return `${origin}\n${size}\n${toBase64(root)}\n`;
}

/**
 * Reads the text of a checkpoint; nothing is verified. Throws `NOTE_INVALID` if it is none, and for
 * a size above 2^53-1, which the specification allows and Reach does not count to.
 */
export function parseCheckpoint(text: string): ReadCheckpoint {
  const lines = text.split("\n");
  const [origin, digits = "", base64 = "", ...extensions] = lines.slice(0, -1);
  if (!origin || lines.length < 4 || lines.at(-1) !== "") {
    throw invalidCheckpoint("it should be an origin, a size and a root, each on its line");
  }
  if (!/^(0|[1-9][0-9]*)$/.test(digits) || !isTreeSize(Number(digits))) {
    throw invalidCheckpoint("its second line is not a tree size up to 2^53-1");
  }
  const root = fromBase64(base64);
  if (root?.length !== hashBytes) throw invalidCheckpoint("its third line is not a SHA-256 hash");
  if (extensions.includes("")) throw invalidCheckpoint("it has an empty line");
  return { origin, size: Number(digits), root, extensions };
}

/** The bytes of a checkpoint signed by every one of `signers`: what `checkpoint` files hold. */
export function signCheckpoint(checkpoint: Checkpoint, signers: readonly Signer[]): Uint8Array {
  return signNote(formatCheckpoint(checkpoint), signers);
}

/**
 * Reads a signed checkpoint and verifies it. With `origin`, only a checkpoint of that log is
 * accepted: one key may sign for many. Throws `NOTE_INVALID` and `SIGNATURE_INVALID` as `openNote`.
 */
export function openCheckpoint(
  bytes: Uint8Array,
  verifiers: readonly Verifier[],
  origin?: string,
): OpenedCheckpoint {
  const note = openNote(bytes, verifiers);
  const checkpoint = parseCheckpoint(note.text);
  if (origin !== undefined && checkpoint.origin !== origin) {
    throw invalidCheckpoint(`it is one of ${checkpoint.origin}, not of ${origin}`);
  }
  return { ...checkpoint, note };
}

function invalidCheckpoint(detail: string): ReachError {
  return new ReachError("NOTE_INVALID", `this note is no such checkpoint: ${detail}`);
}
