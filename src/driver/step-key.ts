/**
 * The key of a step's randomness: derived from the secret of the session in which the step began
 * and from the place at which it did, so that a step draws the same again and no two steps agree.
 */
import { concat, sha256, utf8, writeU64 } from "../base/index.ts";

const domain = utf8("reach/step/v1\0");

/** The 32-byte key of the step whose first event has seq `firstSeq`. */
export function stepKey(secret: Uint8Array, firstSeq: number): Uint8Array {
  const place = new Uint8Array(8);
  writeU64(place, 0, firstSeq);
  return sha256(concat(domain, secret, place));
}

/** Whose secret counts from which seq on: a fork goes on with its own from its first new step. */
export interface StepSecret {
  readonly from: number;
  readonly secret: Uint8Array;
}

/** The key of a step of a session that has these secrets, in the order of their seqs. */
export function keyOfStep(secrets: readonly StepSecret[], firstSeq: number): Uint8Array {
  const owner = secrets.findLast(({ from }) => from <= firstSeq);
  return stepKey((owner ?? (secrets[0] as StepSecret)).secret, firstSeq);
}
