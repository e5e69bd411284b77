/**
 * The body of an upload, kept on the disk while it is imported: what has arrived can be read from
 * any place, as often as it takes to compare it with an earlier import. Memory holds one piece of
 * it. The file has no name: it is gone with the process, however that ends.
 */
import * as fs from "node:fs";
import { messageOf, ReachError } from "../../base/index.ts";
import type { Source } from "../../importers/index.ts";

/** Bytes that are read at a time: what is done with them takes a few milliseconds. */
const pieceBytes = 128 * 1024;
/** The body may be so many bytes ahead of who reads it; then its client has to wait. */
const aheadBytesMax = 8 * 1024 * 1024;

/** Gives out memory for a piece. */
type Take = NonNullable<Parameters<Source["open"]>[1]>;

/** How the body ended: whole, or cut off. */
type End = "whole" | "cut";

/** One body on its way. */
export class UploadSpool {
  readonly #file: fs.promises.FileHandle;
  #written = 0;
  /** Bytes that somebody has read, at least once. */
  #read = 0;
  #end: End | undefined;
  #failure: unknown;
  #waiting: (() => void)[] = [];
  #closed = false;
  /** Called when somebody has read a body that was cut off to its end. */
  onCutReached: () => void = () => {};

  private constructor(file: fs.promises.FileHandle) {
    this.#file = file;
  }

  /** A spool in `folder`, which is made when it is not there. */
  static async open(folder: string): Promise<UploadSpool> {
    const path = `${folder}/upload.${crypto.randomUUID()}`;
    let file: fs.promises.FileHandle | undefined;
    try {
      fs.mkdirSync(folder, { recursive: true });
      file = await fs.promises.open(path, "wx+", 0o600);
      fs.unlinkSync(path);
      return new UploadSpool(file);
    } catch (error) {
      await file?.close().catch(() => {});
      throw spoolError(error);
    }
  }

  /** Bytes that have arrived. */
  get written(): number {
    return this.#written;
  }

  /** Whether the body waits for who reads it, and not the other way round. */
  get ahead(): boolean {
    return this.#written - this.#read >= aheadBytesMax;
  }

  /** Whether everything has arrived, or nothing more will. */
  get ended(): boolean {
    return this.#end !== undefined;
  }

  /** Appends bytes; resolves when there is room for more. Throws what the disk says. */
  async write(bytes: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < bytes.length; ) {
        const left = bytes.length - at;
        const { bytesWritten } = await this.#file.write(bytes, at, left, this.#written);
        at += bytesWritten;
        this.#written += bytesWritten;
      }
    } catch (error) {
      throw spoolError(error);
    }
    this.#wake();
    while (this.ahead && !this.ended && !this.#closed) await this.#change();
  }

  /** Nothing more will come. */
  end(how: End): void {
    this.#end ??= how;
    this.#wake();
  }

  /** Whoever reads further than what is there gets this error. */
  fail(error: unknown): void {
    this.#failure ??= error;
    this.end("cut");
  }

  /**
   * The bytes from `offset` on, as they come, in pieces that are full but for the last one. Where
   * the body is cut off they end with an empty piece, behind which nobody is to go on.
   */
  async *bytes(offset: number, take: Take = ownMemory): AsyncGenerator<Uint8Array> {
    for (let position = offset; ; ) {
      while (this.#written - position < pieceBytes && !this.ended) await this.#change();
      if (this.#failure !== undefined) throw this.#failure;
      const length = Math.min(this.#written - position, pieceBytes);
      if (length <= 0) {
        if (this.#end !== "cut") return;
        this.onCutReached();
        yield new Uint8Array(0);
        return;
      }
      const memory = await take();
      const piece = await this.#readInto(memory.subarray(0, length), position);
      position += piece.length;
      this.#read = Math.max(this.#read, position);
      this.#wake();
      yield piece;
    }
  }

  async #readInto(memory: Uint8Array, position: number): Promise<Uint8Array> {
    try {
      const { bytesRead } = await this.#file.read(memory, 0, memory.length, position);
      if (bytesRead === memory.length) return memory;
    } catch (error) {
      throw spoolError(error);
    }
    throw new ReachError("IO_FAILED", "an upload that is being imported has lost bytes");
  }

  /** Resolves when bytes have come or gone, or nothing more will. */
  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  /** Gives the room on the disk back. Nobody reads any more. */
  async close(): Promise<void> {
    this.#closed = true;
    this.end("cut");
    await this.#file.close();
  }
}

const ownMemory: Take = () => Promise.resolve(Buffer.allocUnsafeSlow(pieceBytes));

function spoolError(error: unknown): ReachError {
  const { code } = error as NodeJS.ErrnoException;
  const full = code === "ENOSPC" || code === "EDQUOT";
  const what = full ? "the disk has no room for an upload" : "an upload cannot be kept";
  return new ReachError(full ? "DISK_FULL" : "IO_FAILED", `${what}: ${messageOf(error)}`, {
    cause: error,
    ...(full ? { hint: "make room, then send it again" } : {}),
  });
}

/** What has been uploaded, as an importer reads it; `size` where the client has said it. */
export function spoolSource(spool: UploadSpool, name: string, size: number | null): Source {
  return {
    name,
    size,
    reopenable: true,
    open: (offset, take) => spool.bytes(offset, take),
  };
}
