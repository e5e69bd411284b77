/**
 * The events of a bundle that withholds some of them. One behind the other, in the order of their
 * seqs and without a gap:
 *
 *   event      u16 size   u8 0   its bytes      as in a batch: 0 and the bytes are what is hashed
 *   withheld   u16 32     u8 1   32 bytes       the hash of the leaf that the event is
 *
 * The root over them is the one that was signed. What is withheld cannot be guessed from its hash:
 * every event has a salt, and such a bundle leaves out the secret that salts are made of.
 */
import { concat, readU16, writeU16 } from "../base/index.ts";
import type { EventView } from "../event/index.ts";
import { hashBytes } from "../merkle/index.ts";
import { bundleError } from "./bundle-format.ts";
import { importNoteType } from "./layout.ts";

const framingBytes = 3;
const prefixes = { event: 0, withheld: 1 } as const;

/** The type of the note in front of an input that was sent with an `Idempotency-Key`. */
export const keyNoteType = "idempotency";

/**
 * Whether an event holds a hash of what other events say, by which those could be guessed: of the
 * source of an import, of a request, of the state. It is withheld as soon as another one is.
 */
export function hashesOthers(event: EventView): boolean {
  const { kind, type } = event;
  if (kind === "note") return type === importNoteType || type === keyNoteType;
  if (kind !== "step") return false;
  const { data } = event;
  return typeof data === "object" && data !== null && "state" in data;
}

function framed(prefix: number, bytes: Uint8Array): Uint8Array {
  const framing = new Uint8Array(framingBytes);
  writeU16(framing, 0, bytes.length);
  framing[2] = prefix;
  return concat(framing, bytes);
}

/** An event that is there. */
export function shownEvent(event: Uint8Array): Uint8Array {
  return framed(prefixes.event, event);
}

/** One that is not, by the hash of its leaf. */
export function withheldEvent(leafHash: Uint8Array): Uint8Array {
  return framed(prefixes.withheld, leafHash);
}

/** Hears of the events of a section, in order. */
export interface RedactedEventsSink {
  /** An event lies from `start` to `end`, with the 0 in front of it that is hashed as well. */
  shown(start: number, end: number): void;
  withheld(leafHash: Uint8Array): void;
}

/** Reads a section from a stranger. Throws `BUNDLE_INVALID` for what is none. */
export function readRedactedEvents(content: Uint8Array, sink: RedactedEventsSink): void {
  for (let at = 0; at < content.length; ) {
    const start = at + framingBytes;
    const end = start > content.length ? start : start + readU16(content, at);
    if (end > content.length) throw bundleError("a section of events is cut off");
    const prefix = content[start - 1];
    if (prefix === prefixes.event) sink.shown(start, end);
    else if (prefix === prefixes.withheld && end - start === hashBytes) {
      sink.withheld(content.subarray(start, end));
    } else throw bundleError("a section of events is not valid");
    at = end;
  }
}
