/**
 * Reading a stream: the messages from a place on, as far as one answer holds them, and whether
 * there is more.
 */
import { limits } from "../../base/index.ts";
import type { SessionReader } from "../../session/index.ts";
import { messageType } from "./stream-note.ts";
import type { StreamState } from "./stream-state.ts";

/** Messages of one answer at most, and bytes after which it ends. */
const messagesMax = 10_000;
const bytesMax: number = limits.pageBytesMax / 2;

/** Messages in a row. */
export interface StreamPiece {
  readonly messages: readonly Uint8Array[];
  /** The place behind the last of them. */
  readonly next: number;
  /** Nothing more is durable now. */
  readonly upToDate: boolean;
  /** Nothing more will ever come. */
  readonly closed: boolean;
}

/** The messages from `from` on that `state` has looked at. */
export function readPiece(reader: SessionReader, state: StreamState, from: number): StreamPiece {
  const messages: Uint8Array[] = [];
  const { tail, size } = state;
  let next = Math.min(from, tail);
  let bytes = 0;
  // The place 0 is before everything, and event 0 is never a message.
  for (const event of next < tail ? reader.events(Math.max(next, 1), size) : []) {
    if (event.kind !== "emit" || event.type !== messageType) continue;
    const payload = event.payloadBytes;
    if (messages.length > 0 && bytes + payload.length > bytesMax) break;
    // A copy: what was read lies in a window that is used again.
    messages.push(Uint8Array.from(payload));
    bytes += payload.length;
    next = event.seq + 1;
    if (next >= tail || messages.length >= messagesMax) break;
  }
  const upToDate = next >= tail;
  return { messages, next, upToDate, closed: upToDate && state.closed !== undefined };
}
