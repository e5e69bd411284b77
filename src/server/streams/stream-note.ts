/**
 * What a stream's session holds beside the messages: notes, which are shown and never folded. They
 * are all that is known of a stream, so a stream is as durable as its log.
 *
 *   stream/opened    seq 0: what the stream is            stream/closed   there will be no more
 *   stream/sequence  the last Stream-Seq of a writer      stream/deleted  it has been deleted
 *   stream/forking   a fork of it begins: its session     stream/forked   a fork is complete
 */
import { encodeValue, type SessionId } from "../../base/index.ts";
import type { NewEvent } from "../../session/index.ts";

/** Where a fork comes from. */
export interface StreamOrigin {
  /** Name of the source. */
  readonly name: string;
  readonly source: SessionId;
  /** The place up to which it has the messages of the source. */
  readonly at: number;
  /** Messages, or bytes of the next one, that it has beyond. */
  readonly beyond: number;
}

/** What a stream is, written once when it begins. */
export interface StreamConfig {
  readonly name: string;
  readonly contentType: string;
  /** Seconds without a reader or a writer after which it goes; `null` for never. */
  readonly ttl: number | null;
  /** The time at which it goes, as it was asked for; `null` for never. */
  readonly expiresAt: string | null;
  /** What was asked for where a fork inherits: a second request is compared with it. */
  readonly asked: { readonly ttl: number | null; readonly expiresAt: string | null };
  readonly origin: StreamOrigin | null;
}

/** Who closed a stream: the same producer may ask again. */
export interface ClosingProducer {
  readonly id: number;
  readonly epoch: number;
  readonly sequence: number;
}

/** The data of each note. */
export interface StreamNotes {
  "stream/opened": StreamConfig;
  "stream/closed": { readonly producer: ClosingProducer | null };
  "stream/sequence": string;
  "stream/deleted": { readonly why: "deleted" | "expired" };
  "stream/forking": { readonly fork: SessionId };
  "stream/forked": null;
}

/** The type of a note. */
export type StreamNoteType = keyof StreamNotes;

/** Type of the events that hold messages. */
export const messageType = "message";

/** What the manifests of streams call their format. */
export const streamFormat = "stream";

/** A note as it is appended. */
export function streamNote<Type extends StreamNoteType>(
  type: Type,
  data: StreamNotes[Type],
  time: number,
): NewEvent {
  return { kind: "note", type, time, ref: null, form: "cbor", bytes: encodeValue(data) };
}
