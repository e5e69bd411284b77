// The disk of this machine, with a book of what is made durable: how many bytes went into the files
// of the journal before each fdatasync of them, and how many of all files.

import { type Disk, type DiskFile, nodeDisk, type OpenMode } from "../../src/disk/index.ts";

/** Counts while it passes everything on. */
export class CountingDisk {
  /** Bytes of the journal that each of its fdatasyncs made durable; zeros ahead count as 0. */
  readonly steps: number[] = [];
  /** All fdatasyncs and fsyncs, those of folders as well. */
  syncs = 0;
  #waiting = 0;
  /** The same, as the port that Reach writes through. */
  readonly port: Disk = {
    ...nodeDisk,
    open: (path: string, mode: OpenMode): DiskFile => {
      const file = nodeDisk.open(path, mode);
      return path.includes("/journal/") ? this.#journal(file) : this.#other(file);
    },
    syncFolder: (path: string): Promise<void> => {
      this.syncs += 1;
      return nodeDisk.syncFolder(path);
    },
  };

  #other(file: DiskFile): DiskFile {
    return passing(file, {
      sync: () => {
        this.syncs += 1;
        return file.sync();
      },
    });
  }

  #journal(file: DiskFile): DiskFile {
    return passing(file, {
      write: (bytes, position) => {
        if (bytes[0] !== 0) this.#waiting += bytes.length;
        file.write(bytes, position);
      },
      sync: () => {
        this.syncs += 1;
        this.steps.push(this.#waiting);
        this.#waiting = 0;
        return file.sync();
      },
    });
  }
}

function passing(file: DiskFile, changed: Partial<Pick<DiskFile, "write" | "sync">>): DiskFile {
  return {
    path: file.path,
    size: () => file.size(),
    read: (into, position) => file.read(into, position),
    write: (bytes, position) => file.write(bytes, position),
    sync: () => file.sync(),
    close: () => file.close(),
    ...changed,
  };
}
