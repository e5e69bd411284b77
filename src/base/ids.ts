/**
 * Session ids: UUIDv7 (RFC 9562), so that they sort by the time of creation. The canonical text is
 * also what a folder is named by, so the check is the guard of every path made of an id.
 */
import { parse, stringify, v7, validate } from "uuid";
import { toHex } from "./bytes.ts";
import type { Clock, Entropy } from "./clock.ts";
import { ReachError } from "./errors.ts";

/** A UUID in its canonical lower-case text form. */
export type SessionId = string;

/** A new session id. */
export function newSessionId(clock: Clock, entropy: Entropy): SessionId {
  return v7({ msecs: clock(), random: entropy(16) });
}

/** Whether `text` is a session id in canonical form: also the guard for use in a path. */
export function isSessionId(text: string): boolean {
  return validate(text) && text === text.toLowerCase();
}

/** The 16 bytes of an id; throws `USAGE` if `id` is none. */
export function sessionIdBytes(id: SessionId): Uint8Array {
  if (!isSessionId(id)) {
    throw new ReachError("USAGE", `"${id}" is not a session id`, {
      hint: "a session id is a UUID in lower case, as `reach ls` shows it",
    });
  }
  return parse(id);
}

const hexPairs = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** The id of the first 16 bytes; throws `CORRUPT` when they are no UUID. */
export function sessionIdOf(bytes: Uint8Array): SessionId {
  const version = (bytes[6] ?? 0) >>> 4;
  const isVariant = bytes.length >= 16 && (bytes[8] as number) >>> 6 === 2;
  if (isVariant && version >= 1 && version <= 8) return textOf(bytes);
  try {
    return stringify(bytes);
  } catch {
    const hex = toHex(bytes.subarray(0, 16));
    throw new ReachError("CORRUPT", `bytes that should be a session id are none: ${hex}`);
  }
}

/** A recovery names every entry of the journal: the check of the text costs five times as much. */
function textOf(bytes: Uint8Array): SessionId {
  const pairs = (from: number, to: number): string => {
    let text = "";
    for (let i = from; i < to; i++) text += hexPairs[bytes[i] as number];
    return text;
  };
  return `${pairs(0, 4)}-${pairs(4, 6)}-${pairs(6, 8)}-${pairs(8, 10)}-${pairs(10, 16)}`;
}

/** Whether a workspace can have this name: its folder has it, and servers offer it. */
export function isWorkspaceName(name: string): boolean {
  return /^[\w-][\w.-]{0,63}$/.test(name);
}

/** Throws `USAGE` for what is no name of a workspace. */
export function checkWorkspaceName(name: string): void {
  if (isWorkspaceName(name)) return;
  throw new ReachError("USAGE", `${name} is no name of a workspace`, {
    hint: "up to 64 letters, digits, `-`, `_` and `.`, which it does not begin with",
  });
}
