/**
 * `--key`: the key that somebody trusts, as text (C2SP vkey). It is looked at before any work
 * begins.
 */
import { messageOf, ReachError } from "../base/index.ts";
import { verifierOf } from "../session/index.ts";

/** Throws `USAGE` when a key was given that is none. */
export function checkKey(key: string | undefined): void {
  if (key === undefined) return;
  try {
    verifierOf(key);
  } catch (cause) {
    throw new ReachError("USAGE", `--key: ${messageOf(cause)}`, {
      hint: "`reach doctor` prints the key of a data directory",
      cause,
    });
  }
}
