/**
 * The start of an event log: magic, format version, and whose log it is. Batches follow at offset
 * 64, one behind the other, up to the end of the file.
 */
import {
  crc32,
  equalBytes,
  readU32,
  type SessionId,
  sessionIdOf,
  utf8,
  writeU32,
} from "../base/index.ts";

const magic = utf8("REACHLOG");
const version = 1;

/** Offset of the first batch of an event log. */
export const eventLogStart = 64;

/** The header of the event log of the session with these 16 bytes as its id. */
export function encodeEventLogHeader(identity: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(eventLogStart);
  bytes.set(magic, 0);
  writeU32(bytes, 8, version);
  bytes.set(identity, 16);
  writeU32(bytes, eventLogStart - 4, crc32(bytes.subarray(0, eventLogStart - 4)));
  return bytes;
}

/** Why a header cannot be used, in words, or the session it belongs to. */
export type EventLogHeader = { readonly id: SessionId } | { readonly problem: string };

/** Reads a header: its magic, its version, its CRC, its session. */
export function decodeEventLogHeader(bytes: Uint8Array): EventLogHeader {
  if (bytes.length < eventLogStart) return { problem: "the file is shorter than its header" };
  if (!equalBytes(bytes.subarray(0, 8), magic)) return { problem: "this is no event log" };
  if (readU32(bytes, eventLogStart - 4) !== crc32(bytes.subarray(0, eventLogStart - 4))) {
    return { problem: "its header is damaged" };
  }
  const found = readU32(bytes, 8);
  if (found !== version) return { problem: `format version ${found}, this program reads 1` };
  return { id: sessionIdOf(bytes.subarray(16, 32)) };
}
