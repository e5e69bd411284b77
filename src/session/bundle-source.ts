/**
 * Where the bytes of a bundle come from: a file, a pipe, or a stream of pieces of any size. Read in
 * order, once; what is asked for is allocated as it arrives, never as it is announced.
 */
import * as fs from "node:fs";
import { concat, messageOf, noBytes, ReachError } from "../base/index.ts";
import { nodeDisk } from "../disk/index.ts";

/** A path, or the bytes themselves in order. */
export type BundleSource = string | AsyncIterable<Uint8Array>;

const pieceBytes = 1024 * 1024;

async function* piecesOfFile(path: string): AsyncGenerator<Uint8Array, void> {
  const file = nodeDisk.open(path, "read");
  try {
    for (let at = 0; ; ) {
      const piece = new Uint8Array(pieceBytes);
      const read = file.read(piece, at);
      if (read === 0) return;
      at += read;
      yield piece.subarray(0, read);
    }
  } finally {
    file.close();
  }
}

/** What has no places to read from, such as a pipe with a name. */
async function* piecesOfPipe(path: string): AsyncGenerator<Uint8Array, void> {
  try {
    yield* fs.createReadStream(path, { highWaterMark: pieceBytes });
  } catch (error) {
    throw new ReachError("IO_FAILED", messageOf(error), { cause: error, where: path });
  }
}

function piecesOf(path: string): AsyncIterable<Uint8Array> {
  const stat = fs.statSync(path, { throwIfNoEntry: false });
  const isPipe = stat !== undefined && !stat.isFile() && !stat.isDirectory();
  return isPipe ? piecesOfPipe(path) : piecesOfFile(path);
}

/** Hands out bytes in the sizes that are asked for. */
export class BundleBytes {
  readonly #pieces: AsyncIterator<Uint8Array>;
  #piece: Uint8Array = noBytes;
  /** Bytes that have been handed out. */
  offset = 0;

  constructor(source: BundleSource) {
    const pieces = typeof source === "string" ? piecesOf(source) : source;
    this.#pieces = pieces[Symbol.asyncIterator]();
  }

  /** The next `size` bytes, fewer only where the source ends. */
  async take(size: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    let missing = size;
    while (missing > 0) {
      if (this.#piece.length === 0 && !(await this.#more())) break;
      const part = this.#piece.subarray(0, missing);
      this.#piece = this.#piece.subarray(part.length);
      parts.push(part);
      missing -= part.length;
    }
    this.offset += size - missing;
    return parts.length === 1 ? (parts[0] as Uint8Array) : concat(...parts);
  }

  async #more(): Promise<boolean> {
    const step = await this.#pieces.next();
    if (step.done) return false;
    this.#piece = step.value;
    return true;
  }

  /** Nothing more is wanted. */
  async close(): Promise<void> {
    await this.#pieces.return?.();
  }
}
