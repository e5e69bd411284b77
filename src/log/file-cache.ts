/**
 * Files open for writing, the most recently used of them: 10,000 sessions append, the system allows
 * far fewer open files.
 */
import { codeOf } from "../base/index.ts";
import type { Disk, DiskFile } from "../disk/index.ts";

const openFilesMax = 512;
/** After so many files in a row that were there, the next one is opened without a look. */
const foundBeforeTrust = 16;

/** A bounded set of open files by path. Handles are borrowed for one call, never kept. */
export class FileCache {
  readonly #disk: Disk;
  readonly #files = new Map<string, DiskFile>();
  /** Files that were there, one behind the other: a recovery finds nearly all of them. */
  #foundInARow = 0;

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
    const there = this.#openExisting(path);
    if (there) return there;
    create();
    try {
      return this.#disk.open(path, "create");
    } catch (error) {
      if (codeOf(error) === "ALREADY_EXISTS") return this.#disk.open(path, "write");
      throw error;
    }
  }

  /** A look costs as much as opening the file; a failed opening as much as many looks. */
  #openExisting(path: string): DiskFile | undefined {
    const trusts = this.#foundInARow >= foundBeforeTrust;
    try {
      if (trusts || this.#disk.exists(path)) {
        const file = this.#disk.open(path, "write");
        this.#foundInARow += 1;
        return file;
      }
    } catch (error) {
      if (!trusts || codeOf(error) !== "NOT_FOUND") throw error;
    }
    this.#foundInARow = 0;
    return undefined;
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
