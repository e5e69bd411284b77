/**
 * Files open for writing, the most recently used of them: 10,000 sessions append, the system allows
 * far fewer open files.
 */
import type { ReachError } from "../base/index.ts";
import type { Disk, DiskFile } from "../disk/index.ts";

const openFilesMax = 512;

/** A bounded set of open files by path. Handles are borrowed for one call, never kept. */
export class FileCache {
  readonly #disk: Disk;
  readonly #files = new Map<string, DiskFile>();

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  /** The file at `path`, opened for writing; created by `create` first when there is none. */
  use(path: string, create: () => void): DiskFile {
    const open = this.#files.get(path);
    if (open) {
      this.#files.delete(path);
      this.#files.set(path, open);
      return open;
    }
    const file = this.#openOrCreate(path, create);
    this.#files.set(path, file);
    if (this.#files.size > openFilesMax) {
      const [oldest] = this.#files.keys();
      if (oldest !== undefined) this.forget(oldest);
    }
    return file;
  }

  #openOrCreate(path: string, create: () => void): DiskFile {
    if (this.#disk.exists(path)) return this.#disk.open(path, "write");
    create();
    try {
      return this.#disk.open(path, "create");
    } catch (error) {
      if ((error as ReachError).code === "ALREADY_EXISTS") return this.#disk.open(path, "write");
      throw error;
    }
  }

  /** Closes the file at `path`, if it is open: before it is replaced or removed. */
  forget(path: string): void {
    const file = this.#files.get(path);
    if (!file) return;
    this.#files.delete(path);
    file.close();
  }

  /** Closes everything. */
  close(): void {
    for (const path of [...this.#files.keys()]) this.forget(path);
  }
}
