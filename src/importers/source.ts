/**
 * Where an import reads from: a file, a folder of files, a stream. What can be opened again can be
 * compared with an earlier import and read on from there.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import { codeOf, messageOf, ReachError } from "../base/index.ts";

/** Bytes to import. */
export interface Source {
  /** What people call it: the file's name. */
  readonly name: string;
  /** Bytes in all, where that is known. */
  readonly size: number | null;
  /** Whether `open` may be called more than once. */
  readonly reopenable: boolean;
  /**
   * The bytes from `offset` on, in pieces of any size. A source that can reads them into what
   * `take` gives out, by default memory of their own.
   */
  open(offset: number, take?: TakeBuffer): AsyncIterable<Uint8Array>;
  /** For a folder that holds one record per file: the files in order. */
  files?(): AsyncIterable<Uint8Array>;
}

/** Bytes that are read from a file at a time. */
export const sourcePieceBytes: number = 1024 * 1024;

/** Gives out memory of `sourcePieceBytes` that a piece can be read into. */
export type TakeBuffer = () => Promise<Uint8Array>;

const ownMemory: TakeBuffer = () => Promise.resolve(Buffer.allocUnsafeSlow(sourcePieceBytes));

function unreadable(file: string, error: unknown): unknown {
  // Not of the file: the thread that hashes what is read has failed.
  if (codeOf(error) !== undefined) return error;
  const code = (error as NodeJS.ErrnoException).code;
  const missing = code === "ENOENT";
  const message = missing ? `there is no file ${file}` : `cannot read ${file}: ${messageOf(error)}`;
  return new ReachError(missing ? "NOT_FOUND" : "SOURCE_UNREADABLE", message, {
    cause: error,
    where: file,
    hint: missing ? "check the path" : "check its permissions, and that it is a file",
  });
}

async function* readFrom(
  file: string,
  offset: number,
  take: TakeBuffer = ownMemory,
): AsyncGenerator<Uint8Array> {
  let handle: fs.promises.FileHandle;
  try {
    handle = await fs.promises.open(file, "r");
  } catch (error) {
    throw unreadable(file, error);
  }
  // The next piece is read by another thread while this one is being worked on.
  let position = offset;
  const read = async (): Promise<Uint8Array> => {
    const buffer = await take();
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
    position += bytesRead;
    return buffer.subarray(0, bytesRead);
  };
  const readNext = (): Promise<Uint8Array> => {
    const piece = read();
    // It may fail while nobody waits for it; then its turn comes all the same.
    piece.catch(() => undefined);
    return piece;
  };
  let next = readNext();
  try {
    for (;;) {
      const piece = await next;
      if (piece.length === 0) return;
      next = readNext();
      yield piece;
    }
  } catch (error) {
    throw unreadable(file, error);
  } finally {
    await next.catch(() => undefined);
    await handle.close();
  }
}

/** A file, or a folder whose files, in the order of their names, are one source. */
export function fileSource(file: string): Source {
  let stat: fs.Stats;
  try {
    stat = fs.statSync(file);
  } catch (error) {
    throw unreadable(file, error);
  }
  const name = path.basename(path.resolve(file));
  if (!stat.isDirectory()) {
    const size = stat.isFile() ? stat.size : null;
    const open: Source["open"] = (offset, take) => readFrom(file, offset, take);
    return { name, size, reopenable: stat.isFile(), open };
  }
  return folderSource(file, name);
}

function folderSource(folder: string, name: string): Source {
  const names = fs.readdirSync(folder, { withFileTypes: true });
  const files = names
    .filter((entry) => entry.isFile() && !entry.name.startsWith("."))
    .map((entry) => path.join(folder, entry.name))
    .sort();
  if (files.length === 0) {
    throw new ReachError("SOURCE_UNREADABLE", `the folder ${folder} holds no files`, {
      where: folder,
    });
  }
  const sizes = files.map((file) => fs.statSync(file).size);
  const size = sizes.reduce((sum, one) => sum + one, 0);
  async function* whole(): AsyncGenerator<Uint8Array> {
    for (const file of files) yield await readWhole(file);
  }
  async function* open(offset: number): AsyncGenerator<Uint8Array> {
    let skip = offset;
    for await (const bytes of whole()) {
      if (skip < bytes.length) yield bytes.subarray(skip);
      skip = Math.max(0, skip - bytes.length);
    }
  }
  return { name, size, reopenable: true, open, files: whole };
}

async function readWhole(file: string): Promise<Uint8Array> {
  try {
    return await fs.promises.readFile(file);
  } catch (error) {
    throw unreadable(file, error);
  }
}

/** Bytes that can be read only once, such as standard input. */
export function streamSource(name: string, stream: AsyncIterable<Uint8Array>): Source {
  let opened = false;
  return {
    name,
    size: null,
    reopenable: false,
    open(offset) {
      if (opened || offset > 0) {
        throw new ReachError("SOURCE_UNREADABLE", `${name} can be read only once`);
      }
      opened = true;
      return stream;
    },
  };
}
