/**
 * The disk of this machine, of which single operations fail, or wait, while a test wants it so.
 */
import { ReachError } from "../../src/base/index.ts";
import { type Disk, type DiskFile, nodeDisk, type OpenMode } from "../../src/disk/index.ts";

/** Paths of which operations fail, by a part of them. */
export interface Fault {
  readonly part: string;
  readonly code: "DISK_FULL" | "IO_FAILED";
  /** Default: everything. */
  readonly mode?: "writing";
}

/** A disk with faults. */
export class FaultyDisk implements Disk {
  /** What fails now. */
  fault: Fault | undefined;
  /** Operations that have failed. */
  failures = 0;
  /** Awaited before the bytes of a file are made durable. */
  hold: (path: string) => Promise<void> | undefined = () => undefined;

  /** Throws if an operation on a path fails now. */
  check(path: string, isWriting: boolean): void {
    const { fault } = this;
    if (!fault || !path.includes(fault.part) || (fault.mode && !isWriting)) return;
    this.failures += 1;
    throw new ReachError(fault.code, `the test lets ${path} fail`, { where: path });
  }

  open(path: string, mode: OpenMode): DiskFile {
    this.check(path, mode === "create");
    return new FaultyFile(this, nodeDisk.open(path, mode));
  }

  exists(path: string): boolean {
    return nodeDisk.exists(path);
  }

  list(path: string): string[] {
    return nodeDisk.list(path);
  }

  createFolder(path: string): void {
    this.check(path, true);
    nodeDisk.createFolder(path);
  }

  rename(from: string, to: string): void {
    this.check(to, true);
    nodeDisk.rename(from, to);
  }

  remove(path: string): void {
    nodeDisk.remove(path);
  }

  removeFolder(path: string): void {
    nodeDisk.removeFolder(path);
  }

  async syncFolder(path: string): Promise<void> {
    await nodeDisk.syncFolder(path);
  }
}

class FaultyFile implements DiskFile {
  readonly path: string;
  readonly #disk: FaultyDisk;
  readonly #file: DiskFile;

  constructor(disk: FaultyDisk, file: DiskFile) {
    this.#disk = disk;
    this.#file = file;
    this.path = file.path;
  }

  size(): number {
    return this.#file.size();
  }

  read(into: Uint8Array, position: number): number {
    this.#disk.check(this.path, false);
    return this.#file.read(into, position);
  }

  write(bytes: Uint8Array, position: number): void {
    this.#disk.check(this.path, true);
    this.#file.write(bytes, position);
  }

  async sync(): Promise<void> {
    await this.#disk.hold(this.path);
    this.#disk.check(this.path, true);
    await this.#file.sync();
  }

  close(): void {
    this.#file.close();
  }
}

/** What a test holds up until it lets it go. */
export class Gate {
  /** How many have come to it. */
  reached = 0;
  #open: (() => void) | undefined;
  readonly #passed: Promise<void>;

  constructor() {
    this.#passed = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  wait(): Promise<void> {
    this.reached += 1;
    return this.#passed;
  }

  open(): void {
    this.#open?.();
  }
}
