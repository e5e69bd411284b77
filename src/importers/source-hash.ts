/**
 * The SHA-256 of a source while it is imported. That of a large file is taken in a thread of its
 * own: the pieces are read into shared memory, where the thread finds them without a copy, and
 * which is used again when its answer has come. The thread also cuts the large payloads in them.
 */
import os from "node:os";
import { equalBytes, ReachError, type Sha256Stream, sha256Stream } from "../base/index.ts";
import type { BlobCut } from "../blobs/index.ts";
import { type Answering, SideThread } from "../threads/index.ts";
import { type Source, sourcePieceBytes, type TakeBuffer } from "./source.ts";
import {
  type SourceAnswer,
  type SourceOrder,
  type SourcePrefix,
  sourceWork,
} from "./source-orders.ts";

/** A smaller source is hashed before a thread has started. */
const threadBytesMin = 16 * 1024 * 1024;
/** One is being cut, one read ahead; the others the thread may be behind. */
const buffersMax = 4;

/**
 * The SHA-256 of the first bytes of a source, up to each of `sizes`, which ascend; none for those
 * that it does not have. `stream` has hashed what is up to the last one afterwards.
 */
export async function hashPrefixes(
  source: Source,
  sizes: readonly number[],
  stream: Sha256Stream = sha256Stream(),
): Promise<Uint8Array[]> {
  const hashes: Uint8Array[] = [];
  let read = 0;
  for await (const piece of source.open(0)) {
    let from = 0;
    for (let size = sizes[hashes.length]; size !== undefined && size <= read + piece.length; ) {
      stream.update(piece.subarray(from, size - read));
      from = size - read;
      hashes.push(stream.digest());
      size = sizes[hashes.length];
    }
    if (hashes.length === sizes.length) break;
    stream.update(piece.subarray(from));
    read += piece.length;
  }
  return hashes;
}

/** The error for a source that has other bytes when it is read once more. */
export function changedSource({ name }: Source): ReachError {
  return new ReachError("SOURCE_UNREADABLE", `${name} changed while it was imported`, {
    where: name,
    hint: "nothing of it was kept; import it again",
  });
}

/** Takes the hash of one source. */
export class SourceHash {
  readonly #source: Source;
  readonly #stream: Sha256Stream = sha256Stream();
  readonly #thread: SideThread<SourceOrder, SourceAnswer> | undefined;
  /** What answers orders where there is no thread. */
  readonly #here: Answering<SourceOrder, SourceAnswer> = sourceWork(this.#stream);
  /** What has been answered last. */
  #hashed: SourcePrefix = { size: 0, sha256: this.#stream.digest() };
  /** Bytes so far. */
  #size = 0;
  #beginning: SourcePrefix | undefined;
  /** Hears, in order, how the payloads of each piece are cut for which `update` was given spans. */
  onCut: (cuts: readonly BlobCut[]) => void = () => undefined;

  constructor(source: Source, inThread: boolean) {
    this.#source = source;
    if (!inThread) return;
    this.#thread = new SideThread<SourceOrder, SourceAnswer>({
      file: "entries/source-thread.js",
      what: "hashes the source",
      memory: { bytes: sourcePieceBytes, pieces: buffersMax, readBack: true },
      onAnswer: (answer) => this.#take(answer),
      goOn: () => this.#goOn(),
    });
  }

  /** The hash of a source, in a thread where that is worth it. */
  static of(source: Source): SourceHash {
    const { size, files } = source;
    const isLarge = size !== null && size >= threadBytesMin && !files;
    return new SourceHash(source, isLarge && os.availableParallelism() > 1);
  }

  /** Where the source is to read its pieces to. */
  get take(): TakeBuffer | undefined {
    const thread = this.#thread;
    return thread && (() => memoryOf(thread));
  }

  /** With what the source has to begin, so that `digest` does not throw. Called before `update`. */
  begins(beginning: SourcePrefix): void {
    this.#beginning = beginning;
  }

  #take({ size, sha256, cuts }: SourceAnswer): void {
    this.#hashed = { size, sha256 };
    const beginning = this.#beginning;
    if (size === beginning?.size && !equalBytes(sha256, beginning.sha256)) {
      throw changedSource(this.#source);
    }
    if (cuts) this.onCut(cuts);
  }

  /**
   * The next bytes of the source. Nobody looks at them afterwards, unless `spans` says where in
   * their memory, which is shared, payloads lie that are to be cut: then until `onCut` is called.
   */
  update(piece: Uint8Array, spans?: readonly number[]): void {
    const end = (this.#beginning?.size ?? 0) - this.#size;
    const parted = end > 0 && end < piece.length ? end : 0;
    if (parted > 0) this.#add({ bytes: piece.subarray(0, parted) }, false);
    this.#add({ bytes: piece.subarray(parted), spans }, true);
  }

  /** `last`: nothing that follows lies in the same memory. */
  #add(order: SourceOrder, last: boolean): void {
    const { bytes } = order;
    const { buffer } = bytes;
    this.#size += bytes.length;
    if (!this.#thread) this.#take(this.#here(order));
    else if (buffer instanceof SharedArrayBuffer) {
      this.#thread.send(order, last ? new Uint8Array(buffer) : undefined);
    } else this.#thread.send({ bytes: bytes.slice() });
  }

  /**
   * The hash of all bytes so far. Throws `SOURCE_UNREADABLE` when the source has changed while it
   * was read, `WORKER_FAILED` when this is closed meanwhile.
   */
  async digest(): Promise<Uint8Array> {
    await this.#thread?.answered();
    return this.#hashed.sha256;
  }

  /** The thread has died. What it had hashed is read once more, and is to be what it was. */
  async #goOn(): Promise<Answering<SourceOrder, SourceAnswer>> {
    const stream = this.#stream;
    const { size } = this.#hashed;
    const [again] = await hashPrefixes(this.#source, [size], stream);
    if (size > 0 && !(again && equalBytes(again, this.#hashed.sha256))) {
      throw changedSource(this.#source);
    }
    return sourceWork(stream, size);
  }

  /** Ends the thread, if there is one. */
  async close(): Promise<void> {
    await this.#thread?.close();
  }
}

/** Memory for a piece: while the thread is behind, there is none. */
async function memoryOf(thread: SideThread<SourceOrder, SourceAnswer>): Promise<Uint8Array> {
  for (;;) {
    const memory = thread.take();
    if (memory) return memory;
    await thread.answered(thread.waiting - 1);
  }
}
