/**
 * The one module that decides how Ed25519 signatures (RFC 8032) are checked: natively where there
 * is Node, elsewhere with @noble/curves, since WebCrypto would have to be awaited. Both accept and
 * refuse the same, also keys and signatures that nobody makes who is honest; tested against each
 * other.
 */
import { ed25519 } from "@noble/curves/ed25519.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { concat, equalBytes, fromHex, toHex } from "../base/index.ts";

interface Builtins {
  getBuiltinModule?(name: string): unknown;
}
interface PublicKeyInput {
  readonly key: Uint8Array;
  readonly format: "der";
  readonly type: "spki";
}
interface NativeCrypto {
  createPublicKey(input: PublicKeyInput): object;
  verify(algorithm: null, message: Uint8Array, key: object, signature: Uint8Array): boolean;
}

const builtins = (globalThis as { process?: Builtins }).process;
const crypto = builtins?.getBuiltinModule?.("node:crypto") as NativeCrypto | undefined;

const spkiPrefix = fromHex("302a300506032b6570032100") as Uint8Array;

/** Public keys as Node holds them: making one costs half of what it takes to check a signature. */
const publicKeys = new Map<string, object>();
const publicKeysMax = 64;

function publicKeyOf({ createPublicKey }: NativeCrypto, bytes: Uint8Array): object {
  const name = String.fromCharCode(...bytes);
  const known = publicKeys.get(name);
  if (known) return known;
  const key = createPublicKey({ key: concat(spkiPrefix, bytes), format: "der", type: "spki" });
  if (publicKeys.size >= publicKeysMax) publicKeys.clear();
  publicKeys.set(name, key);
  return key;
}

/** Checks the signature of `message`; false for any bytes that are none. Never throws. */
export function verifyEd25519(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  if (!crypto) return verifyEd25519Portable(publicKey, message, signature);
  try {
    return crypto.verify(null, message, publicKeyOf(crypto, publicKey), signature);
  } catch {
    return false;
  }
}

const pointBytes = 32;

/**
 * The same in JavaScript: for the browser and as a cross-check. `ed25519.verify` accepts other
 * signatures than OpenSSL in both of its modes: it multiplies by the cofactor, which OpenSSL does
 * not, and a strict one refuses keys of small order. So this is section 5.1.7 as OpenSSL reads it:
 * any spelling of the key, `s` below the order, and `[s]B - [k]A` spelled exactly as `R` is.
 */
export function verifyEd25519Portable(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  const { Point } = ed25519;
  try {
    const r = signature.subarray(0, pointBytes);
    const s = Point.Fn.fromBytes(signature.subarray(pointBytes));
    const k = Point.Fn.create(numberOf(sha512(concat(r, publicKey, message))));
    const challenged = Point.fromBytes(publicKey, true).multiplyUnsafe(k);
    return equalBytes(Point.BASE.multiplyUnsafe(s).subtract(challenged).toBytes(), r);
  } catch {
    return false;
  }
}

/** The number that bytes stand for, the least significant first. */
function numberOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(Uint8Array.from(bytes).reverse())}`);
}
