/**
 * What is computed from the bytes of a source alone while it is imported, by order, in a thread of
 * its own (`source-thread.ts`): the SHA-256 of all of it, and how payloads in it are stored. That
 * is a fifth of the work of an import. Where the thread dies the same goes on here.
 */
import { type Sha256Stream, sha256Stream } from "../base/index.ts";
import { type BlobCut, cutBlob } from "../blobs/index.ts";
import type { Answering } from "../threads/index.ts";

/** The next bytes of the source. */
export interface SourceOrder {
  readonly bytes: Uint8Array;
  /** Where payloads lie in the memory of `bytes`, each its start and its end. */
  readonly spans?: readonly number[] | undefined;
}

/** How much of the source there was by then, in bytes, and what that hashes to. */
export interface SourcePrefix {
  readonly size: number;
  readonly sha256: Uint8Array;
}

/** The answer to an order. */
export interface SourceAnswer extends SourcePrefix {
  /** What each of the payloads is stored as; missing where `spans` was. */
  readonly cuts?: readonly BlobCut[];
}

/** Answers orders, going on behind the `size` bytes that `hash` has been given. */
export function sourceWork(
  hash: Sha256Stream = sha256Stream(),
  size = 0,
): Answering<SourceOrder, SourceAnswer> {
  let read = size;
  return ({ bytes, spans }) => {
    hash.update(bytes);
    read += bytes.length;
    const prefix = { size: read, sha256: Uint8Array.from(hash.digest()) };
    return spans ? { ...prefix, cuts: cutsOf(bytes.buffer, spans) } : prefix;
  };
}

function cutsOf(memory: ArrayBufferLike, spans: readonly number[]): BlobCut[] {
  const cuts: BlobCut[] = [];
  for (let i = 0; i < spans.length; i += 2) {
    const start = spans[i] as number;
    cuts.push(cutBlob(new Uint8Array(memory, start, (spans[i + 1] as number) - start)));
  }
  return cuts;
}
