/**
 * The SHA-256 of a source while it is imported. That of a large file is taken in a thread of its
 * own: the pieces are read into shared memory, where the thread finds them without a copy, and
 * which is used again when it is done with them. That also spares the collector 1 MiB a piece.
 */
import { Buffer } from "node:buffer";
import os from "node:os";
import { assert, type Sha256Stream, sha256Stream } from "../base/index.ts";
import { SideThread } from "../threads/index.ts";
import type { HashAnswer, HashOrder } from "./hash-thread.ts";
import { type Source, sourcePieceBytes, type TakeBuffer } from "./source.ts";

/** A smaller source is hashed before a thread has started. */
const threadBytesMin = 16 * 1024 * 1024;
/** One is being cut, one read ahead; the others the thread may be behind. */
const buffersMin = 4;

/** Takes the hash of one source. */
export class SourceHash {
  readonly #stream: Sha256Stream = sha256Stream();
  #thread: SideThread<HashOrder, HashAnswer> | undefined;
  #buffers = 0;
  readonly #free: SharedArrayBuffer[] = [];
  /** Where the pieces lie that the thread has been sent; nothing for one that was copied. */
  readonly #sent: (SharedArrayBuffer | undefined)[] = [];
  #sha256: Uint8Array | undefined;

  constructor(inThread: boolean) {
    if (!inThread) return;
    this.#thread = new SideThread("entries/hash-thread.js", "hashes the source", ({ sha256 }) => {
      const buffer = this.#sent.shift();
      if (buffer) this.#free.push(buffer);
      this.#sha256 = sha256;
    });
  }

  /** The hash of a source, in a thread where that is worth it. */
  static of({ size, files }: Source): SourceHash {
    const isLarge = size !== null && size >= threadBytesMin && !files;
    return new SourceHash(isLarge && os.availableParallelism() > 1);
  }

  /** Where the source is to read its pieces to. */
  get take(): TakeBuffer | undefined {
    return this.#thread && (() => this.#take());
  }

  async #take(): Promise<Uint8Array> {
    // Where nothing is with the thread, whoever reads holds them all: then there is one more.
    while (this.#free.length === 0 && this.#sent.length > 0 && this.#buffers >= buffersMin) {
      await this.#thread?.answered(this.#sent.length - 1);
    }
    const free = this.#free.pop();
    if (free) return Buffer.from(free);
    this.#buffers += 1;
    return Buffer.from(new SharedArrayBuffer(sourcePieceBytes));
  }

  /** The next bytes of the source. Nobody looks at them afterwards. */
  update(piece: Uint8Array): void {
    const thread = this.#thread;
    if (!thread) {
      this.#stream.update(piece);
      return;
    }
    const { buffer } = piece;
    const isShared = buffer instanceof SharedArrayBuffer;
    this.#sent.push(isShared ? buffer : undefined);
    thread.send({ bytes: isShared ? piece : piece.slice() });
  }

  /** The hash of all bytes, once. Throws `WORKER_FAILED`. */
  async digest(): Promise<Uint8Array> {
    const thread = this.#thread;
    if (!thread) return this.#stream.digest();
    this.#sent.push(undefined);
    thread.send({});
    await thread.answered();
    assert(this.#sha256 !== undefined, "the last answer is the hash");
    await this.close();
    return this.#sha256;
  }

  /** Ends the thread, if it is still there. */
  async close(): Promise<void> {
    await this.#thread?.close();
    this.#thread = undefined;
  }
}
