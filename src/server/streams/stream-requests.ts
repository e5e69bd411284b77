/**
 * What is asked of streams, and what is answered, without anything of HTTP: between the routes and
 * what does the work.
 */
import type { AppendProducer } from "../appends.ts";
import type { Stream } from "./stream-store.ts";

/** A stream that is to begin. */
export interface NewStream {
  /** `undefined`: bytes, or what the source of a fork has. */
  readonly contentType: string | undefined;
  readonly ttl: number | null;
  readonly expiresAt: string | null;
  readonly closed: boolean;
  readonly body: Uint8Array;
  readonly fork: ForkRequest | undefined;
}

/** Where a fork leaves its source. */
export interface ForkRequest {
  readonly name: string;
  /** `undefined`: at the end. */
  readonly at: number | undefined;
  /** Messages, or bytes of the next one, beyond. */
  readonly beyond: number;
}

/** An append. */
export interface StreamAppend {
  readonly body: Uint8Array;
  readonly contentType: string | undefined;
  readonly sequence: string | undefined;
  readonly producer: AppendProducer | undefined;
  readonly close: boolean;
}

/** What became of an append. */
export interface StreamAppended {
  /** Place behind the last message. */
  readonly next: number;
  readonly closed: boolean;
  /** It had been appended before. */
  readonly duplicate: boolean;
  /** The highest number of the producer's epoch. */
  readonly sequence: number | undefined;
}

/** What a name is: a stream, one that only its forks keep, or nothing. */
export type Standing =
  | { readonly is: "stream"; readonly stream: Stream }
  | { readonly is: "kept"; readonly stream: Stream }
  | { readonly is: "nothing" };
