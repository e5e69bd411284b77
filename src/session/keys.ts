/**
 * The identity of a data directory: an Ed25519 key and the origin it signs for. `keys/signing.key`
 * holds both; `reach.json` repeats the public part and can be written again from the key.
 */
import * as crypto from "node:crypto";
import { codeOf, equalBytes, fromUtf8, ReachError, utf8 } from "../base/index.ts";
import { createFolders, type Disk, readFile, replaceFile, syncFolders } from "../disk/index.ts";
import {
  ed25519Signer,
  formatSignerKey,
  formatVerifierKey,
  parseSignerKey,
  parseVerifierKey,
  type Signer,
  type Verifier,
} from "../merkle/index.ts";
import { isIncompleteBackup, refuseIncompleteBackup } from "./backup/backup-folder.ts";
import { verifierOf } from "./verifier.ts";

const pkcs8Prefix = Buffer.from("302e020100300506032b657004220420", "hex");
const keyBytes = 32;
const formatVersion = 1;

/** Who signs in a data directory, and how that is checked. */
export interface Identity {
  readonly origin: string;
  /** The public key as text (C2SP vkey): what an auditor needs. */
  readonly verifierKey: string;
  readonly verifier: Verifier;
  /** There only for whoever may write. */
  readonly signer: Signer | undefined;
}

/** The identity that was made last: a directory is often opened again by the same process. */
let latest: { seed: Uint8Array; identity: Identity & { signer: Signer } } | undefined;

function identityOfSeed(origin: string, seed: Uint8Array): Identity & { signer: Signer } {
  const known = latest && latest.identity.origin === origin && equalBytes(latest.seed, seed);
  if (latest && known) return latest.identity;
  const identity = makeIdentity(origin, seed);
  latest = { seed: seed.slice(), identity };
  return identity;
}

function makeIdentity(origin: string, seed: Uint8Array): Identity & { signer: Signer } {
  const key = crypto.createPrivateKey({
    key: Buffer.concat([pkcs8Prefix, seed]),
    format: "der",
    type: "pkcs8",
  });
  const spki = crypto.createPublicKey(key).export({ format: "der", type: "spki" });
  const publicKey = new Uint8Array(spki.subarray(-keyBytes));
  const verifierKey = formatVerifierKey(origin, publicKey);
  return {
    origin,
    verifierKey,
    verifier: verifierOf(verifierKey),
    signer: ed25519Signer(origin, publicKey, (message) => crypto.sign(null, message, key)),
  };
}

/** The private key. */
export function keyPath(root: string): string {
  return `${root}/keys/signing.key`;
}

/** What a data directory says of itself: format, origin, public key. */
export function identityPath(root: string): string {
  return `${root}/reach.json`;
}

/** Whether a data directory has been set up at `root`, or a backup of one been begun. */
export function hasIdentity(disk: Disk, root: string): boolean {
  if (disk.exists(identityPath(root)) || disk.exists(keyPath(root))) return true;
  return isIncompleteBackup(disk, root);
}

/**
 * The identity to write with; made and durable before anything else is written when there is none.
 * `seed` gives the 32 random bytes of a new key.
 */
export async function openIdentity(
  disk: Disk,
  root: string,
  origin: string,
  seed: () => Uint8Array,
): Promise<Identity> {
  if (!disk.exists(keyPath(root))) {
    if (disk.exists(identityPath(root))) throw missingKey(root);
    const fresh = seed();
    const { verifierKey } = identityOfSeed(origin, fresh);
    const { publicKey } = parseVerifierKey(verifierKey);
    await createFolders(disk, root, `${root}/keys`);
    await replaceFile(disk, keyPath(root), utf8(`${formatSignerKey(origin, publicKey, fresh)}\n`));
  }
  if (!disk.exists(identityPath(root))) {
    // The key may come from a process that was killed before it was durable.
    await syncFolders(disk, root, `${root}/keys`);
  }
  const identity = readSigner(disk, root);
  const content = `${JSON.stringify({
    format: formatVersion,
    origin: identity.origin,
    publicKey: identity.verifierKey,
  })}\n`;
  const path = identityPath(root);
  const found = disk.exists(path) ? fromUtf8(readFile(disk, path)) : "";
  if (found !== content) {
    refuseOther(found, path, identity);
    await replaceFile(disk, path, utf8(content));
  }
  return identity;
}

/** The private key. Throws `CORRUPT` when it is damaged: it must not become another key. */
function readSigner(disk: Disk, root: string): Identity & { signer: Signer } {
  try {
    const { name, keyId, seed } = parseSignerKey(fromUtf8(readFile(disk, keyPath(root))));
    const identity = identityOfSeed(name, seed);
    if (identity.verifier.keyId === keyId) return identity;
  } catch (error) {
    if (codeOf(error) !== "NOTE_INVALID") throw error;
  }
  throw new ReachError("CORRUPT", `${keyPath(root)} is damaged: nothing can be signed`, {
    where: root,
    hint: keyHint,
  });
}

const keyHint = "put the key back from a backup; until then sessions can be read and verified";

function missingKey(root: string): ReachError {
  return new ReachError("CORRUPT", `${keyPath(root)} is missing: nothing can be signed`, {
    where: root,
    hint: keyHint,
  });
}

/**
 * The identity that the text of `reach.json` gives, `undefined` where it is damaged. Throws
 * `FORMAT_UNSUPPORTED` when a later version has written the directory.
 */
function parseIdentity(text: string, path: string): Identity | undefined {
  let value: { format?: unknown; origin?: unknown; publicKey?: unknown } | null;
  try {
    value = JSON.parse(text) as typeof value;
  } catch {
    return undefined;
  }
  const { format, origin, publicKey } = value ?? {};
  if (typeof format === "number" && format !== formatVersion) {
    throw new ReachError("FORMAT_UNSUPPORTED", `${path} has format ${format}`, {
      where: path,
      hint: "a newer Reach wrote it; use that or a later one",
    });
  }
  try {
    const verifierKey = String(publicKey);
    const verifier = verifierOf(verifierKey);
    if (verifier.name !== origin || format !== formatVersion) return undefined;
    return { origin: verifier.name, verifierKey, verifier, signer: undefined };
  } catch {
    return undefined;
  }
}

/** Throws when `reach.json` is not a damaged one of this key, but one of somebody else. */
function refuseOther(text: string, path: string, identity: Identity): void {
  const other = parseIdentity(text, path);
  if (!other || other.verifierKey === identity.verifierKey) return;
  throw new ReachError("CORRUPT", `${path} names another key than keys/signing.key holds`, {
    where: path,
    hint: "put back the file that belongs here; sessions are signed by the key in reach.json",
  });
}

/**
 * The identity to read with: the public part alone. Throws `NOT_FOUND` where there is none,
 * `UNRECOVERED` in a backup that was interrupted.
 */
export function readIdentity(disk: Disk, root: string): Identity {
  refuseIncompleteBackup(disk, root);
  const path = identityPath(root);
  if (!disk.exists(path)) {
    throw new ReachError("NOT_FOUND", `there is no Reach data directory at ${root}`, {
      where: root,
      hint: "give the folder with --data or REACH_DATA, or import something first",
    });
  }
  const identity = parseIdentity(fromUtf8(readFile(disk, path)), path);
  if (identity) return identity;
  throw new ReachError("CORRUPT", `${path} is damaged`, {
    where: path,
    hint: "open the directory for writing: the file is written again from keys/signing.key",
  });
}

/** Signs raw text with an identity's key: 64 bytes. Throws `READ_ONLY` without one. */
export function signText(identity: Identity, text: Uint8Array): Uint8Array {
  if (!identity.signer) throw new ReachError("READ_ONLY", "opened for reading: nothing is signed");
  return identity.signer.sign(text);
}
