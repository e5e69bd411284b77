/**
 * Ed25519 keys for signed notes: key ids, the text form of public keys (C2SP "vkey") and of private
 * ones (as golang.org/x/mod/sumdb/note writes them), and keys as `Signer` and `Verifier`. The
 * cryptography itself is passed in: two functions over raw keys, as every platform has them.
 */
import { assert, concat, fromHex, ReachError, sha256, utf8 } from "../base/index.ts";
import { fromBase64, toBase64 } from "./base64.ts";
import { decodeKeyId, isKeyName, keyText, type Signer, type Verifier } from "./note.ts";

/** A public key with its name. */
export interface VerifierKey {
  readonly name: string;
  readonly keyId: number;
  /** 32 bytes (RFC 8032). */
  readonly publicKey: Uint8Array;
}

/** A private key with its name. */
export interface SignerKey {
  readonly name: string;
  readonly keyId: number;
  /** The 32 bytes that RFC 8032 calls the private key. */
  readonly seed: Uint8Array;
}

/** Ed25519 over raw bytes: whether `signature` is that of `message`; must not throw. */
export type VerifyRaw = (
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
) => boolean;

/** Ed25519 over raw bytes: the 64-byte signature of `message`. */
export type SignRaw = (message: Uint8Array) => Uint8Array;

const ed25519Type = 0x01;
const keyBytes = 32;
const signatureBytes = 64;
const signerKeyPrefix = "PRIVATE+KEY+";

/** SHA-256(name || newline || 0x01 || public key), its first 4 bytes as a big-endian number. */
export function ed25519KeyId(name: string, publicKey: Uint8Array): number {
  return decodeKeyId(sha256(concat(utf8(`${name}\n`), typed(publicKey))));
}

/** A public key as text: `<name>+<key id>+<base64>`. */
export function formatVerifierKey(name: string, publicKey: Uint8Array): string {
  assertKey(name, publicKey);
  return `${keyText({ name, keyId: ed25519KeyId(name, publicKey) })}+${toBase64(typed(publicKey))}`;
}

/** Reads what `formatVerifierKey` wrote; throws `NOTE_INVALID` for anything but an Ed25519 key. */
export function parseVerifierKey(text: string): VerifierKey {
  const { name, keyId, key } = parseKey(text.trim(), "a verifier key");
  if (keyId !== ed25519KeyId(name, key)) {
    throw invalidKey("a verifier key", "its key id does not belong to its name and key");
  }
  return { name, keyId, publicKey: key };
}

/** A private key as text: `PRIVATE+KEY+<name>+<key id>+<base64>`. Keep it secret. */
export function formatSignerKey(name: string, publicKey: Uint8Array, seed: Uint8Array): string {
  assertKey(name, publicKey);
  assertKey(name, seed);
  const keyId = ed25519KeyId(name, publicKey);
  return `${signerKeyPrefix}${keyText({ name, keyId })}+${toBase64(typed(seed))}`;
}

/**
 * Reads what `formatSignerKey` wrote; throws `NOTE_INVALID` otherwise. Whoever has derived the
 * public key should compare `keyId` with `ed25519KeyId`.
 */
export function parseSignerKey(text: string): SignerKey {
  const trimmed = text.trim();
  if (!trimmed.startsWith(signerKeyPrefix)) {
    throw invalidKey("a signer key", `it does not begin with ${signerKeyPrefix}`);
  }
  const { name, keyId, key } = parseKey(trimmed.slice(signerKeyPrefix.length), "a signer key");
  return { name, keyId, seed: key };
}

/** The verifier of an Ed25519 public key, on top of a platform's `verifyRaw`. */
export function ed25519Note(name: string, publicKey: Uint8Array, verifyRaw: VerifyRaw): Verifier {
  assertKey(name, publicKey);
  return {
    name,
    keyId: ed25519KeyId(name, publicKey),
    verify: (message, signature) =>
      signature.length === signatureBytes && verifyRaw(publicKey, message, signature),
  };
}

/** The signer of an Ed25519 key, on top of a platform's `signRaw`, which holds the private key. */
export function ed25519Signer(name: string, publicKey: Uint8Array, signRaw: SignRaw): Signer {
  assertKey(name, publicKey);
  return {
    name,
    keyId: ed25519KeyId(name, publicKey),
    sign(message) {
      const signature = signRaw(message);
      assert(signature.length === signatureBytes, "an Ed25519 signature is 64 bytes long");
      return signature;
    },
  };
}

function parseKey(text: string, what: string): { name: string; keyId: number; key: Uint8Array } {
  const [, name = "", hex = "", base64 = ""] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/u.exec(text) ?? [];
  const id = fromHex(hex);
  const material = fromBase64(base64);
  if (!isKeyName(name) || !id || !material) {
    throw invalidKey(what, "it should be <name>+<8 hexadecimal digits>+<base64>");
  }
  if (material[0] !== ed25519Type || material.length !== 1 + keyBytes) {
    throw invalidKey(what, "it is not an Ed25519 key");
  }
  return { name, keyId: decodeKeyId(id), key: material.slice(1) };
}

function typed(key: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(ed25519Type), key);
}

function assertKey(name: string, key: Uint8Array): void {
  assert(isKeyName(name), "a key name has no spaces and no plus");
  assert(key.length === keyBytes, "an Ed25519 key is 32 bytes long");
}

function invalidKey(what: string, detail: string): ReachError {
  return new ReachError("NOTE_INVALID", `this is not ${what}: ${detail}`);
}
