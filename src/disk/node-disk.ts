/**
 * The file system of this machine. The only code of Reach that may call fsync or fdatasync.
 * Reads and writes go to the page cache and are synchronous; only syncs leave the thread.
 */
import * as fs from "node:fs";
import { promisify } from "node:util";
import { messageOf, ReachError } from "../base/index.ts";
import type { Disk, DiskFile, OpenMode } from "./disk.ts";

const fdatasync = promisify(fs.fdatasync);
const fsync = promisify(fs.fsync);

const openFlags = { read: "r", write: "r+", create: "wx+" } as const;

/** A `ReachError` for a failed system call on `path`. */
function systemError(error: unknown, path: string): ReachError {
  if (error instanceof ReachError) return error;
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new ReachError("DISK_FULL", `no room on the disk for ${path}`, {
      cause: error,
      where: path,
      hint: "free some room; appends go on by themselves once there is",
    });
  }
  const kind = code === "ENOENT" ? "NOT_FOUND" : code === "EEXIST" ? "ALREADY_EXISTS" : "IO_FAILED";
  return new ReachError(kind, messageOf(error), { cause: error, where: path });
}

function attempt<T>(path: string, operation: () => T): T {
  try {
    return operation();
  } catch (error) {
    throw systemError(error, path);
  }
}

async function attemptAsync<T>(path: string, operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    throw systemError(error, path);
  }
}

class NodeFile implements DiskFile {
  readonly path: string;
  readonly #descriptor: number;
  #open = true;
  /** Syncs under way: the descriptor stays until they have ended. */
  #syncs = 0;

  constructor(path: string, fd: number) {
    this.path = path;
    this.#descriptor = fd;
  }

  /** The descriptor of an open file: a closed one's number may be another file's by now. */
  get #fd(): number {
    if (this.#open) return this.#descriptor;
    throw new ReachError("IO_FAILED", `${this.path} has been closed`, { where: this.path });
  }

  size(): number {
    return attempt(this.path, () => fs.fstatSync(this.#fd).size);
  }

  read(into: Uint8Array, position: number): number {
    return attempt(this.path, () => {
      let done = 0;
      while (done < into.length) {
        const read = fs.readSync(this.#fd, into, done, into.length - done, position + done);
        if (read === 0) break;
        done += read;
      }
      return done;
    });
  }

  write(bytes: Uint8Array, position: number): void {
    attempt(this.path, () => {
      let done = 0;
      while (done < bytes.length) {
        done += fs.writeSync(this.#fd, bytes, done, bytes.length - done, position + done);
      }
    });
  }

  async sync(): Promise<void> {
    const fd = this.#fd;
    this.#syncs += 1;
    try {
      await attemptAsync(this.path, () => fdatasync(fd));
    } finally {
      this.#syncs -= 1;
      if (!this.#open && this.#syncs === 0) this.#release();
    }
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    if (this.#syncs === 0) this.#release();
  }

  #release(): void {
    attempt(this.path, () => fs.closeSync(this.#descriptor));
  }
}

/** The real disk. Files are created with mode 0600, folders with 0700: transcripts are private. */
export const nodeDisk: Disk = {
  open(path: string, mode: OpenMode): DiskFile {
    return attempt(path, () => new NodeFile(path, fs.openSync(path, openFlags[mode], 0o600)));
  },

  exists(path: string): boolean {
    // `existsSync` says no of what it cannot look at. Asked with each commit, so nothing is thrown.
    return attempt(path, () => {
      try {
        return fs.statSync(path, { throwIfNoEntry: false }) !== undefined;
      } catch (error) {
        // What is above it is a file.
        if ((error as NodeJS.ErrnoException).code === "ENOTDIR") return false;
        throw error;
      }
    });
  },

  list(path: string): string[] {
    return attempt(path, () => {
      try {
        return fs.readdirSync(path).sort();
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
        throw error;
      }
    });
  },

  createFolder(path: string): void {
    attempt(path, () => {
      try {
        fs.mkdirSync(path, { mode: 0o700 });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
        if (fs.statSync(path).isDirectory()) return;
        throw new ReachError("ALREADY_EXISTS", `${path} is there and is no folder`, {
          cause: error,
          where: path,
          hint: "move it away, or name another folder",
        });
      }
    });
  },

  rename(from: string, to: string): void {
    attempt(to, () => fs.renameSync(from, to));
  },

  remove(path: string): void {
    attempt(path, () => fs.rmSync(path, { force: true }));
  },

  removeFolder(path: string): void {
    attempt(path, () => {
      try {
        fs.rmdirSync(path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      }
    });
  },

  async syncFolder(path: string): Promise<void> {
    await attemptAsync(path, async () => {
      const fd = fs.openSync(path, "r");
      try {
        await fsync(fd);
      } finally {
        fs.closeSync(fd);
      }
    });
  },
};
