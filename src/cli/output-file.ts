/**
 * Results that are files: to `-o FILE`, whole or not at all and durable, since sessions are removed
 * once they are exported; or to stdout. A file that is replaced keeps its mode, a new one is for
 * its owner alone. Bytes that would garble a terminal are not sent to one.
 */
import * as fs from "node:fs";
import { dirname } from "node:path";
import { messageOf, ReachError } from "../base/index.ts";
import { nodeDisk } from "../disk/index.ts";
import type { ByteSink } from "../session/index.ts";
import type { Output } from "./output.ts";

/** Where a result goes. */
export interface Target {
  /** The file; `undefined` or `-` for stdout. */
  readonly file: string | undefined;
  /** Whether it is something that a terminal cannot show. */
  readonly binary: boolean;
  /** Ends the work early; what was written to a file goes away then. */
  readonly signal?: AbortSignal;
}

/** Sessions are nobody else's business, in the data directory and outside of it. */
const newFileMode = 0o600;

/** Thrown inside of `produce` when nobody reads stdout any more. */
const outputEnded = new Error("nobody reads the output any more");

/**
 * Runs `produce` with a place to write to. Returns what it returns; `undefined` when whoever reads
 * stdout has gone. A file appears under its name when it is complete.
 */
export async function writeResult<Result>(
  output: Output,
  target: Target,
  produce: (sink: ByteSink) => Promise<Result>,
): Promise<Result | undefined> {
  const { file } = target;
  if (file === undefined || file === "-") return toStdout(output, target, produce);
  const place = placeOf(file);
  return place.replace
    ? replaceFile(place.path, target, produce)
    : fill(place.path, target, produce);
}

async function toStdout<Result>(
  output: Output,
  { binary, signal }: Target,
  produce: (sink: ByteSink) => Promise<Result>,
): Promise<Result | undefined> {
  if (binary && output.terminal) {
    throw new ReachError("USAGE", "this is binary, and would garble the terminal", {
      hint: "write it to a file with -o FILE, or pipe it",
    });
  }
  try {
    return await produce(async (bytes) => {
      throwIfAborted(signal);
      await output.write(bytes);
      if (output.closed) throw outputEnded;
    });
  } catch (error) {
    if (error === outputEnded) return undefined;
    throw error;
  }
}

/** A regular file is replaced as a whole; a device or a pipe is written to. */
function placeOf(file: string): { readonly path: string; readonly replace: boolean } {
  const found = fs.statSync(file, { throwIfNoEntry: false });
  if (!found) return { path: file, replace: true };
  if (found.isDirectory()) {
    throw new ReachError("USAGE", `${file} is a folder`, { hint: "name a file with -o" });
  }
  // Through a link the file itself is replaced, and the link stays.
  return found.isFile()
    ? { path: fs.realpathSync(file), replace: true }
    : { path: file, replace: false };
}

async function replaceFile<Result>(
  path: string,
  target: Target,
  produce: (sink: ByteSink) => Promise<Result>,
): Promise<Result> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    const result = await fill(temporary, target, produce, path);
    await syncFile(temporary);
    const found = fs.statSync(path, { throwIfNoEntry: false });
    if (found) await fs.promises.chmod(temporary, found.mode & 0o7777);
    await fs.promises.rename(temporary, path);
    // The file is whole under its name; where folders cannot be synced, no more can be done.
    await nodeDisk.syncFolder(dirname(path)).catch(() => {});
    return result;
  } catch (error) {
    await fs.promises.rm(temporary, { force: true }).catch(() => {});
    throw fileError(error, path);
  }
}

async function syncFile(path: string): Promise<void> {
  const file = nodeDisk.open(path, "write");
  try {
    await file.sync();
  } finally {
    file.close();
  }
}

/** `named` is what people know the file by. */
async function fill<Result>(
  path: string,
  { signal }: Target,
  produce: (sink: ByteSink) => Promise<Result>,
  named = path,
): Promise<Result> {
  let handle: fs.promises.FileHandle;
  try {
    handle = await fs.promises.open(path, "w", newFileMode);
  } catch (error) {
    throw fileError(error, named);
  }
  try {
    return await produce(async (bytes) => {
      throwIfAborted(signal);
      await writeWhole(handle, bytes, named);
    });
  } finally {
    await handle.close();
  }
}

async function writeWhole(
  handle: fs.promises.FileHandle,
  bytes: Uint8Array,
  path: string,
): Promise<void> {
  try {
    for (let at = 0; at < bytes.length; ) {
      at += (await handle.write(bytes, at, bytes.length - at)).bytesWritten;
    }
  } catch (error) {
    throw fileError(error, path);
  }
}

/** Throws `INTERRUPTED` when the work is to end early. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  throw new ReachError("INTERRUPTED", "interrupted; nothing was written");
}

/** An error of the file system in our words; everything else as it is. */
export function fileError(error: unknown, path: string): unknown {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  if (typeof code !== "string" || !(error as NodeJS.ErrnoException).syscall) return error;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new ReachError("DISK_FULL", `no room on the disk for ${path}`, { cause: error });
  }
  if (code === "ENOENT") {
    const hint = "its folder does not exist: make it first";
    return new ReachError("NOT_FOUND", `cannot write ${path}`, { hint, cause: error });
  }
  // The message of the system also names the call and the file, perhaps one beside this one.
  const reason = messageOf(error).replace(/, \w+ '.*$/s, "");
  return new ReachError("IO_FAILED", `cannot write ${path}: ${reason}`, { cause: error });
}
