// Ed25519 of `node:crypto` over raw 32-byte keys, in the form that `src/merkle` wants it passed in.

import { createPrivateKey, createPublicKey, sign, verify } from "node:crypto";
import { ed25519Note, ed25519Signer, type Signer, type Verifier } from "../../src/merkle/index.ts";

const spkiPrefix = Buffer.from("302a300506032b6570032100", "hex");
const pkcs8Prefix = Buffer.from("302e020100300506032b657004220420", "hex");

/** The public key of a private one. */
export function publicKeyOf(seed: Uint8Array): Uint8Array {
  const spki = createPublicKey(privateKey(seed)).export({ format: "der", type: "spki" });
  return new Uint8Array(spki.subarray(spkiPrefix.length));
}

/** A signer called `name`. */
export function signerOf(name: string, seed: Uint8Array): Signer {
  const key = privateKey(seed);
  return ed25519Signer(name, publicKeyOf(seed), (message) => sign(null, message, key));
}

/** A verifier of signatures by `name`. */
export function verifierOf(name: string, publicKey: Uint8Array): Verifier {
  const der = Buffer.concat([spkiPrefix, publicKey]);
  const key = createPublicKey({ key: der, format: "der", type: "spki" });
  return ed25519Note(name, publicKey, (_, message, signature) =>
    verify(null, message, key, signature),
  );
}

function privateKey(seed: Uint8Array) {
  const der = Buffer.concat([pkcs8Prefix, seed]);
  return createPrivateKey({ key: der, format: "der", type: "pkcs8" });
}
