// A simulated disk of which a test decides when a sync comes to its end, and how.

import type { Disk, DiskFile, OpenMode } from "../../src/disk/index.ts";
import type { SimDisk } from "./sim-disk.ts";

/** A disk whose syncs can be made to wait, or to fail. */
export class WaitingDisk implements Disk {
  readonly #disk: SimDisk;
  /** Called before each sync of a file; what it throws is the failure of that sync. */
  beforeSync: (path: string) => Promise<void> = () => Promise.resolve();

  constructor(disk: SimDisk) {
    this.#disk = disk;
  }

  open(path: string, mode: OpenMode): DiskFile {
    const file = this.#disk.open(path, mode);
    return {
      path,
      size: () => file.size(),
      read: (into, position) => file.read(into, position),
      write: (bytes, position) => file.write(bytes, position),
      sync: () => this.beforeSync(path).then(() => file.sync()),
      close: () => file.close(),
    };
  }

  exists = (path: string): boolean => this.#disk.exists(path);
  list = (path: string): string[] => this.#disk.list(path);
  createFolder = (path: string): void => this.#disk.createFolder(path);
  rename = (from: string, to: string): void => this.#disk.rename(from, to);
  remove = (path: string): void => this.#disk.remove(path);
  removeFolder = (path: string): void => this.#disk.removeFolder(path);
  syncFolder = (path: string): Promise<void> => this.#disk.syncFolder(path);
}
