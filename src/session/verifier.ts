/**
 * Public keys as people hand them on (C2SP vkey), as verifiers of signed notes. Free of Node, so
 * that a browser checks signatures with the same code.
 */
import {
  ed25519Note,
  formatVerifierKey,
  parseVerifierKey,
  type Verifier,
} from "../merkle/index.ts";
import { verifyEd25519 } from "./ed25519.ts";

/** The verifier of a public key given as text. Throws `NOTE_INVALID` for anything else. */
export function verifierOf(verifierKey: string): Verifier {
  const { name, publicKey } = parseVerifierKey(verifierKey);
  return ed25519Note(name, publicKey, verifyEd25519);
}

/** Whether a text is a public key in the one spelling that keys are written in. */
export function isPlainKey(verifierKey: string): boolean {
  try {
    const { name, publicKey } = parseVerifierKey(verifierKey);
    return formatVerifierKey(name, publicKey) === verifierKey;
  } catch {
    return false;
  }
}
