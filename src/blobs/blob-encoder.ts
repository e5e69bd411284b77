/**
 * Turns a blob into entries: its chunks, the nodes of its chunk list, and, where it has more than
 * one chunk, a `blob` entry that names it. What the store knows already is left out.
 */
import {
  assert,
  limits,
  ReachError,
  sha256,
  sha256Into,
  sha256Stream,
  toHex,
} from "../base/index.ts";
import type { BlobCut, BlobName } from "./blobs.ts";
import { blobContent, ListBuilder } from "./chunk-list.ts";
import { firstCut, isHead, nextCut, StreamChunker } from "./chunker.ts";
import { entryKinds } from "./pack-format.ts";

const hashBytes = 32;

/** Where entries go. */
export interface EntrySink {
  /** Whether the bytes with this hash are stored where this writer may count on them. */
  knowsBytes(hash: Uint8Array): boolean;
  /** Whether a whole blob of that name is. */
  knowsBlob(name: Uint8Array): boolean;
  /** Whether exactly that `blob` entry is. */
  knowsEntry(name: Uint8Array, content: Uint8Array): boolean;
  /** Takes an entry; the arrays are only valid during the call. */
  add(kind: number, hash: Uint8Array, content: Uint8Array): void;
}

function keep(sink: EntrySink, kind: number, hash: Uint8Array, content: Uint8Array): void {
  if (!sink.knowsBytes(hash)) sink.add(kind, hash, content);
}

function newList(sink: EntrySink): ListBuilder {
  return new ListBuilder((node) => {
    const hash = sha256(node);
    keep(sink, entryKinds.list, hash, node);
    return hash;
  });
}

function finish(sink: EntrySink, name: Uint8Array, size: number, list: ListBuilder): void {
  const content = blobContent(size, list.finish());
  if (!sink.knowsEntry(name, content)) sink.add(entryKinds.blob, name, content);
}

/** Cuts a blob that is in memory, and hashes it and its chunks: all that needs nothing else. */
export function cutBlob(bytes: Uint8Array): BlobCut {
  return { sha256: sha256(bytes), ...cutChunks(bytes) };
}

function cutChunks(bytes: Uint8Array): Omit<BlobCut, "sha256"> {
  const ends = [firstCut(bytes, bytes.length)];
  for (let end = ends[0] as number; end < bytes.length; ) {
    end = nextCut(bytes, end, bytes.length);
    ends.push(end);
  }
  const hashes = new Uint8Array(ends.length * hashBytes);
  let start = 0;
  ends.forEach((end, i) => {
    sha256Into(bytes.subarray(start, end), hashes, i * hashBytes);
    start = end;
  });
  return { ends, hashes };
}

/** Stores a blob that is in memory; `cut` is what `cutBlob` makes of it, if that is known. */
export function encodeBlob(bytes: Uint8Array, sink: EntrySink, cut?: BlobCut): BlobName {
  const name = { sha256: cut?.sha256 ?? sha256(bytes), size: bytes.length };
  if (sink.knowsBlob(name.sha256)) return name;
  const { ends, hashes } = cut ?? cutChunks(bytes);
  if (ends.length === 1) {
    keep(sink, entryKinds.chunk, name.sha256, bytes);
    return name;
  }
  const list = newList(sink);
  let start = 0;
  ends.forEach((end, i) => {
    const hash = hashes.subarray(i * hashBytes, (i + 1) * hashBytes);
    keep(sink, entryKinds.chunk, hash, bytes.subarray(start, end));
    list.add(hash, end - start);
    if (i === 0 && isHead(end)) list.setHeadApart();
    start = end;
  });
  finish(sink, name.sha256, name.size, list);
  return name;
}

/** Stores a blob that comes in pieces: the same entries as `encodeBlob`, in bounded memory. */
export class BlobStreamEncoder {
  readonly #sink: EntrySink;
  readonly #list: ListBuilder;
  readonly #whole = sha256Stream();
  readonly #chunker = new StreamChunker((chunk) => this.#chunk(chunk), firstCut);
  #size = 0;
  #chunks = 0;
  #finished = false;

  constructor(sink: EntrySink) {
    this.#sink = sink;
    this.#list = newList(sink);
  }

  push(bytes: Uint8Array): void {
    assert(!this.#finished, "nothing is pushed to a finished blob");
    this.#size += bytes.length;
    if (this.#size > limits.blobBytesMax) {
      throw new ReachError("BLOB_TOO_LARGE", `a blob holds at most ${limits.blobBytesMax} bytes`);
    }
    this.#whole.update(bytes);
    this.#chunker.push(bytes);
  }

  finish(): BlobName {
    assert(!this.#finished, "a blob is finished once");
    this.#finished = true;
    this.#chunker.finish();
    const name = this.#whole.digest();
    if (this.#chunks === 0) keep(this.#sink, entryKinds.chunk, name, new Uint8Array(0));
    if (this.#chunks > 1) finish(this.#sink, name, this.#size, this.#list);
    return { sha256: name, size: this.#size };
  }

  #chunk(chunk: Uint8Array): void {
    const hash = sha256(chunk);
    keep(this.#sink, entryKinds.chunk, hash, chunk);
    this.#list.add(hash, chunk.length);
    if (this.#chunks === 0 && isHead(chunk.length)) this.#list.setHeadApart();
    this.#chunks += 1;
  }
}

/** Stops a caller that passes something else than a SHA-256. */
export function checkName(name: Uint8Array): void {
  if (name.length === 32) return;
  throw new ReachError("USAGE", `${toHex(name)} is not the name of a blob: it has no 32 bytes`);
}
