/**
 * A simulated disk as one of several processes sees it: that process can be put to sleep, as a
 * machine under load or a debugger may do it, while others go on with the same files. What it was
 * waiting for has happened when it wakes.
 */
import type { Disk, DiskFile, OpenMode } from "../../src/disk/index.ts";

/** The disk of one process. */
export class ProcessDisk implements Disk {
  readonly #disk: Disk;
  #awake: Promise<void> | undefined;
  #wake = (): void => {};

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  /** From now on no sync is answered. */
  sleep(): void {
    this.#awake = new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  wake(): void {
    this.#awake = undefined;
    this.#wake();
  }

  async #answer(sync: Promise<void>): Promise<void> {
    try {
      await sync;
    } finally {
      while (this.#awake !== undefined) await this.#awake;
    }
  }

  open(path: string, mode: OpenMode): DiskFile {
    const file = this.#disk.open(path, mode);
    return {
      path: file.path,
      size: () => file.size(),
      read: (into, position) => file.read(into, position),
      write: (bytes, position) => file.write(bytes, position),
      sync: () => this.#answer(file.sync()),
      close: () => file.close(),
    };
  }

  exists(path: string): boolean {
    return this.#disk.exists(path);
  }

  list(path: string): string[] {
    return this.#disk.list(path);
  }

  createFolder(path: string): void {
    this.#disk.createFolder(path);
  }

  rename(from: string, to: string): void {
    this.#disk.rename(from, to);
  }

  remove(path: string): void {
    this.#disk.remove(path);
  }

  removeFolder(path: string): void {
    this.#disk.removeFolder(path);
  }

  syncFolder(path: string): Promise<void> {
    return this.#answer(this.#disk.syncFolder(path));
  }
}
