/**
 * Where an import reads from: a file, a folder of files, a stream. What can be opened again can be
 * compared with an earlier import and read on from there.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import { ReachError } from "../base/index.ts";
import { folderSource } from "./folder-source.ts";
import type { ImportProblem } from "./importer.ts";
import { unreadable } from "./unreadable.ts";

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
  /** How many they are. */
  readonly fileCount?: number;
  /** What a person should hear of, besides what the bytes show. */
  readonly problems?: readonly string[];
}

/** What is to be told of a source as a whole, as problems of its first byte. */
export function sourceProblems({ problems = [] }: Source): ImportProblem[] {
  return problems.map((message) => ({ line: null, offset: 0, message }));
}

/** Bytes that are read from a file at a time. */
export const sourcePieceBytes: number = 1024 * 1024;

/** Gives out memory of `sourcePieceBytes` that a piece can be read into. */
export type TakeBuffer = () => Promise<Uint8Array>;

const ownMemory: TakeBuffer = () => Promise.resolve(Buffer.allocUnsafeSlow(sourcePieceBytes));

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

/**
 * A file, a pipe with a name, or a folder whose files, in the order of their names and numbers, are
 * one source.
 */
export function fileSource(file: string): Source {
  let stat: fs.Stats;
  try {
    stat = fs.statSync(file);
  } catch (error) {
    throw unreadable(file, error);
  }
  const name = path.basename(path.resolve(file));
  if (stat.isDirectory()) return folderSource(file, name);
  if (!stat.isFile()) return streamSource(name, readOnce(file));
  const open: Source["open"] = (offset, take) => readFrom(file, offset, take);
  return { name, size: stat.size, reopenable: true, open };
}

/** What has no places to read from, such as a pipe. */
async function* readOnce(file: string): AsyncGenerator<Uint8Array> {
  try {
    yield* fs.createReadStream(file, { highWaterMark: sourcePieceBytes });
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
