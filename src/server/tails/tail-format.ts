/**
 * How events look on a tail. Everything here is made once for all who tail alike: the text of
 * events, with the framing of HTTP around it, so that the same bytes go to every socket.
 */
import { limits } from "../../base/index.ts";
import type { EventView, PayloadSource } from "../../event/index.ts";
import { JsonWriter, type PayloadChoice } from "../pages/json-writer.ts";

/** How events are written for tails; tails whose `key` is the same share what was written. */
export interface TailFormat {
  readonly key: string;
  /** The text of events in a row; the caller's to keep. */
  encode(events: readonly EventView[], blobs: PayloadSource): Buffer;
}

/** Bytes for a socket: as they are, and as a chunk of HTTP/1.1. */
export interface TailBytes {
  readonly plain: Buffer;
  readonly chunked: Buffer;
}

const chunkEnd = Buffer.from("\r\n");

/** The bytes with the framing of a chunk (RFC 9112, 7.1). */
export function tailBytes(plain: Buffer): TailBytes {
  const head = Buffer.from(`${plain.length.toString(16)}\r\n`);
  return { plain, chunked: Buffer.concat([head, plain, chunkEnd]) };
}

/** Server-Sent Events (WHATWG HTML, 9.2): the id of each is its seq. */
export function sseFormat(payload: PayloadChoice): TailFormat {
  const writer = new JsonWriter();
  return {
    key: `sse/${payload}`,
    encode(events, blobs) {
      let left: number = limits.pageBytesMax;
      const fetch = (sha256: Uint8Array, size: number): Uint8Array | undefined => {
        if (size > left) return undefined;
        left -= size;
        return blobs.get(sha256);
      };
      for (const event of events) {
        writer.raw(`id: ${event.seq}\ndata: `);
        writer.event(event, payload, fetch);
        writer.raw("\n\n");
      }
      return writer.take();
    },
  };
}

/** What a tail says of itself, as an event of its own name. */
export interface TailControl {
  /** Seq of the next event. */
  readonly next: number;
  /** Everything that is durable now has been sent. */
  readonly upToDate?: true;
  /** The session has ended: there will be no more. */
  readonly closed?: true;
  /** Why the tail ends here: resume behind `next - 1`. */
  readonly cut?: "slow" | "shutdown" | "damaged" | "removed";
}

/** A control event. */
export function controlEvent(control: TailControl): Buffer {
  return Buffer.from(`event: control\ndata: ${JSON.stringify(control)}\n\n`);
}

/** A comment: keeps connections open that would be closed for saying nothing. */
export const heartbeat: TailBytes = tailBytes(Buffer.from(":\n\n"));

/** The first line of a tail: how long to wait before connecting again. */
export const retryLine: Buffer = Buffer.from("retry: 1000\n\n");
