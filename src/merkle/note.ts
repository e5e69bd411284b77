/**
 * C2SP signed notes (https://c2sp.org/signed-note): a text and lines of signatures below it.
 * Nothing in a note may be believed before `openNote` has returned it. The keys come in as ports,
 * so that this folder stays free of any one implementation of Ed25519.
 */
import { assert, concat, fromUtf8Strict, ReachError, utf8 } from "../base/index.ts";
import { fromBase64, toBase64 } from "./base64.ts";

/** One signature line. */
export interface NoteSignature {
  readonly name: string;
  /** The unsigned 32-bit number that, with the name, says which key signed. */
  readonly keyId: number;
  /** The signature itself, without the key id before it. */
  readonly signature: Uint8Array;
}

/** A note as it is written down; `text` ends in a newline. */
export interface Note {
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/** A note of which at least one known key vouches for the text. */
export interface VerifiedNote {
  readonly text: string;
  /** One signature of each known key, however often it signed; all of them have been checked. */
  readonly verified: readonly NoteSignature[];
  /** Those of unknown keys: they say nothing. */
  readonly unverified: readonly NoteSignature[];
}

/** Signs the UTF-8 of a note's text with one key. Deterministic, synchronous. */
export interface Signer {
  readonly name: string;
  readonly keyId: number;
  sign(message: Uint8Array): Uint8Array;
}

/** Checks signatures of one key; returns false for any bytes that are none, and never throws. */
export interface Verifier {
  readonly name: string;
  readonly keyId: number;
  verify(message: Uint8Array, signature: Uint8Array): boolean;
}

/** The specification asks to accept 16 at least, and golang.org/x/mod accepts as many as this. */
const noteSignaturesMax = 100;
/** Room for those signatures, were each a post-quantum one of 5 kB, and a text. */
const noteBytesMax = 1024 * 1024;
const keyIdBytes = 4;
const linePrefix = "\u2014 ";

/** Whether `name` can name a key: not empty, no Unicode space, no plus, no control character. */
export function isKeyName(name: string): boolean {
  return name.length > 0 && !/[\p{White_Space}+]/u.test(name) && isPlainText(name);
}

/**
 * The parts of a note, nothing verified. Throws `NOTE_INVALID` for bytes that are no signed note:
 * no UTF-8, control characters, no signature, a malformed line, more than 100 signatures, 1 MiB.
 */
export function parseNote(bytes: Uint8Array): Note {
  if (bytes.length > noteBytesMax) throw invalidNote(`it is longer than ${noteBytesMax} bytes`);
  const whole = noteText(bytes);
  if (!isPlainText(whole)) throw invalidNote("it contains control characters");
  const split = whole.lastIndexOf("\n\n");
  if (split < 0 || !whole.endsWith("\n") || split + 2 === whole.length) {
    throw invalidNote("it has no signature lines after an empty line");
  }
  const lines = whole.slice(split + 2, -1).split("\n");
  if (lines.length > noteSignaturesMax) {
    throw invalidNote(`it has more than ${noteSignaturesMax} signatures`);
  }
  return { text: whole.slice(0, split + 1), signatures: lines.map(parseSignature) };
}

/** The bytes of a note. A text that cannot be signed, or no signature, is a `BUG`. */
export function formatNote(note: Note): Uint8Array {
  assert(note.text.endsWith("\n") && isPlainText(note.text), "a note is lines of plain text");
  assert(fromUtf8Strict(utf8(note.text)) === note.text, "a note is Unicode text");
  assert(note.signatures.length > 0, "a note has a signature");
  const lines = note.signatures.map(({ name, keyId, signature }) => {
    assert(isKeyName(name), "a key name has no spaces and no plus");
    return `${linePrefix}${name} ${toBase64(concat(encodeKeyId(keyId), signature))}\n`;
  });
  return utf8(`${note.text}\n${lines.join("")}`);
}

/** The note that says `text` (ending in a newline), signed with every one of `signers`. */
export function signNote(text: string, signers: readonly Signer[]): Uint8Array {
  const message = utf8(text);
  const signatures = signers.map((signer) => {
    return { name: signer.name, keyId: signer.keyId, signature: signer.sign(message) };
  });
  return formatNote({ text, signatures });
}

/**
 * Reads a note and verifies every signature whose key is among `verifiers`. Throws `NOTE_INVALID`
 * as `parseNote` does, and `SIGNATURE_INVALID` if a known key's signature is wrong, even beside
 * right ones, or if no known key has signed.
 */
export function openNote(bytes: Uint8Array, verifiers: readonly Verifier[]): VerifiedNote {
  const note = parseNote(bytes);
  const message = utf8(note.text);
  const verified = new Map<Verifier, NoteSignature>();
  const unverified: NoteSignature[] = [];
  for (const signature of note.signatures) {
    const verifier = verifierOf(signature, verifiers);
    if (!verifier) {
      unverified.push(signature);
      continue;
    }
    if (!verifier.verify(message, signature.signature)) {
      throw new ReachError("SIGNATURE_INVALID", `the signature of ${keyText(verifier)} is wrong`, {
        hint: "The text was changed, or signed by somebody else: do not trust it.",
      });
    }
    verified.set(verifier, signature);
  }
  if (verified.size === 0) throw unknownKeys(note, verifiers);
  return { text: note.text, verified: [...verified.values()], unverified };
}

/** The 4 bytes of a key id, big-endian. */
function encodeKeyId(keyId: number): Uint8Array {
  const bytes = new Uint8Array(keyIdBytes);
  new DataView(bytes.buffer).setUint32(0, keyId);
  return bytes;
}

/** The key id in the first 4 of `bytes`, big-endian. */
export function decodeKeyId(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(0);
}

/** A key as people see it: its name, a plus, its id in hexadecimal. */
export function keyText(key: { readonly name: string; readonly keyId: number }): string {
  return `${key.name}+${key.keyId.toString(16).padStart(2 * keyIdBytes, "0")}`;
}

function noteText(bytes: Uint8Array): string {
  try {
    return fromUtf8Strict(bytes);
  } catch (cause) {
    throw invalidNote("it is not UTF-8", cause);
  }
}

function parseSignature(line: string): NoteSignature {
  const [, name, base64] = /^\u2014 ([^ ]+) ([^ ]+)$/u.exec(line) ?? [];
  const bytes = base64 === undefined ? undefined : fromBase64(base64);
  if (name === undefined || !isKeyName(name) || !bytes || bytes.length <= keyIdBytes) {
    throw invalidNote("a signature line is malformed");
  }
  return { name, keyId: decodeKeyId(bytes), signature: bytes.slice(keyIdBytes) };
}

function verifierOf(line: NoteSignature, verifiers: readonly Verifier[]): Verifier | undefined {
  const matching = verifiers.filter(
    ({ name, keyId }) => name === line.name && keyId === line.keyId,
  );
  if (matching.length > 1) {
    throw new ReachError("NOTE_INVALID", `two of the known keys are called ${keyText(line)}`);
  }
  return matching[0];
}

/** No ASCII control character except the newline. */
function isPlainText(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 && code !== 0x0a) return false;
  }
  return true;
}

function invalidNote(detail: string, cause?: unknown): ReachError {
  return new ReachError("NOTE_INVALID", `these bytes are no signed note: ${detail}`, { cause });
}

function unknownKeys(note: Note, verifiers: readonly Verifier[]): ReachError {
  const signed = note.signatures.slice(0, 4).map(keyText).join(", ");
  const known = verifiers.map(keyText).join(", ") || "none";
  return new ReachError("SIGNATURE_INVALID", `no known key has signed: signed by ${signed}`, {
    hint: `Known keys: ${known}. Check which key this log is supposed to use.`,
  });
}
