/**
 * SHA-256 of a source while it is imported. Of a large one it is taken in a thread of its own: it
 * needs every byte, and nobody waits for it before the end. The bytes are copied into a few buffers
 * that go back and forth, which costs a fraction of hashing them.
 */
import { type Sha256Stream, sha256Stream } from "../base/index.ts";
import { SideThread } from "../threads/index.ts";

/** A thread takes 30 ms of a processor to start: below this it is not worth it. */
const threadSourceBytesMin = 32 * 1024 * 1024;
const bufferBytes = 1024 * 1024;
const buffersMax = 16;

/** Bytes to hash, a part of a buffer that comes back; none: asks for the hash so far. */
export interface HashOrder {
  readonly buffer: Uint8Array;
  readonly length: number;
}

/** A buffer that is free again, or the hash. */
export interface HashAnswer {
  readonly buffer: Uint8Array;
  readonly isDigest: boolean;
}

/** SHA-256 of bytes that come in pieces. */
export interface SourceHash {
  /** Takes the next piece, a copy; resolves when there is room for more. */
  update(bytes: Uint8Array): Promise<void>;
  /** The hash of everything. Throws `WORKER_FAILED`. */
  digest(): Promise<Uint8Array>;
  /** Ends the thread, if there is one. */
  close(): Promise<void>;
}

/** A hash for a source of `size` bytes, where that is known. */
export function sourceHash(size: number | null): SourceHash {
  const large = size !== null && size >= threadSourceBytesMin;
  return large ? new ThreadHash() : hashHere(sha256Stream());
}

/** A hash that is taken in this thread. */
export function hashHere(stream: Sha256Stream): SourceHash {
  return {
    update: async (bytes) => stream.update(bytes),
    digest: async () => stream.digest(),
    close: async () => undefined,
  };
}

class ThreadHash implements SourceHash {
  readonly #thread = new SideThread<HashOrder, HashAnswer>(
    "importers/hash-thread.js",
    "hashes the source",
    ({ buffer, isDigest }) => {
      if (isDigest) this.#digest = buffer;
      else this.#free.push(buffer);
    },
  );
  readonly #free: Uint8Array[] = [];
  #buffers = 0;
  #filling: Uint8Array | undefined;
  #filled = 0;
  #digest: Uint8Array | undefined;

  async update(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      this.#filling ??= await this.#nextBuffer();
      const piece = bytes.subarray(at, at + bufferBytes - this.#filled);
      this.#filling.set(piece, this.#filled);
      this.#filled += piece.length;
      at += piece.length;
      if (this.#filled === bufferBytes) this.#send();
    }
  }

  async #nextBuffer(): Promise<Uint8Array> {
    if (this.#free.length === 0 && this.#buffers < buffersMax) {
      this.#buffers += 1;
      return new Uint8Array(bufferBytes);
    }
    await this.#thread.answered(buffersMax - 1);
    return this.#free.pop() as Uint8Array;
  }

  #send(): void {
    const buffer = this.#filling;
    if (!buffer) return;
    this.#thread.send({ buffer, length: this.#filled }, [buffer]);
    this.#filling = undefined;
    this.#filled = 0;
  }

  async digest(): Promise<Uint8Array> {
    this.#send();
    this.#thread.send({ buffer: new Uint8Array(0), length: 0 });
    await this.#thread.answered();
    return this.#digest as Uint8Array;
  }

  async close(): Promise<void> {
    await this.#thread.close();
  }
}
