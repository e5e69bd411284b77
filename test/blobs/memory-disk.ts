/**
 * A disk in memory, for tests that look at or damage every byte of a store. Everything written is
 * durable at once; what a crash may do to a real one is the business of the simulated disk.
 */
import { ReachError } from "../../src/base/index.ts";
import type { Disk, DiskFile, OpenMode } from "../../src/disk/index.ts";

interface Content {
  bytes: Uint8Array;
  size: number;
}

function grow(content: Content, size: number): void {
  if (size > content.bytes.length) {
    const bytes = new Uint8Array(Math.max(2 * content.bytes.length, size));
    bytes.set(content.bytes.subarray(0, content.size));
    content.bytes = bytes;
  }
  content.size = Math.max(content.size, size);
}

class MemoryFile implements DiskFile {
  readonly path: string;
  readonly #disk: MemoryDisk;
  readonly #content: Content;
  readonly #writable: boolean;
  #open = true;

  constructor(disk: MemoryDisk, path: string, content: Content, writable: boolean) {
    this.#disk = disk;
    this.path = path;
    this.#content = content;
    this.#writable = writable;
    disk.openFiles += 1;
  }

  size(): number {
    this.#check();
    return this.#content.size;
  }

  read(into: Uint8Array, position: number): number {
    this.#check();
    this.#disk.beforeRead(this.path);
    const end = Math.min(this.#content.size, position + into.length);
    if (end <= position) return 0;
    into.set(this.#content.bytes.subarray(position, end));
    this.#disk.bytesRead += end - position;
    return end - position;
  }

  write(bytes: Uint8Array, position: number): void {
    this.#check();
    if (!this.#writable) throw new ReachError("IO_FAILED", `${this.path} is open for reading`);
    this.#disk.beforeWrite(this.path);
    grow(this.#content, position + bytes.length);
    this.#content.bytes.set(bytes, position);
  }

  async sync(): Promise<void> {
    this.#check();
    this.#disk.beforeSync(this.path);
    await Promise.resolve();
  }

  close(): void {
    if (this.#open) this.#disk.openFiles -= 1;
    this.#open = false;
  }

  #check(): void {
    if (!this.#open) throw new ReachError("IO_FAILED", `${this.path} is closed`);
  }
}

/** Files by path. One folder level is all that the store needs. */
export class MemoryDisk implements Disk {
  #files = new Map<string, Content>();
  #folders = new Set<string>();
  openFiles = 0;
  bytesRead = 0;
  /** May throw, to make an operation fail. */
  beforeWrite: (path: string) => void = () => undefined;
  beforeSync: (path: string) => void = () => undefined;
  beforeRead: (path: string) => void = () => undefined;

  open(path: string, mode: OpenMode): DiskFile {
    const content = this.#files.get(path);
    if (mode === "create") {
      if (content) throw new ReachError("ALREADY_EXISTS", `${path} exists`);
      this.beforeWrite(path);
      const created = { bytes: new Uint8Array(64), size: 0 };
      this.#files.set(path, created);
      return new MemoryFile(this, path, created, true);
    }
    if (!content) throw new ReachError("NOT_FOUND", `${path} does not exist`);
    return new MemoryFile(this, path, content, mode === "write");
  }

  exists(path: string): boolean {
    return this.#files.has(path) || this.#folders.has(path);
  }

  list(path: string): string[] {
    const names = [...this.#files.keys()].filter((file) => file.startsWith(`${path}/`));
    return names.map((file) => file.slice(path.length + 1)).sort();
  }

  createFolder(path: string): void {
    this.#folders.add(path);
  }

  rename(from: string, to: string): void {
    const content = this.#files.get(from);
    if (!content) throw new ReachError("NOT_FOUND", `${from} does not exist`);
    this.#files.delete(from);
    this.#files.set(to, content);
  }

  remove(path: string): void {
    this.#files.delete(path);
  }

  removeFolder(path: string): void {
    this.#folders.delete(path);
  }

  async syncFolder(path: string): Promise<void> {
    this.beforeSync(path);
    await Promise.resolve();
  }

  /** A copy of the bytes of a file. */
  bytesOf(path: string): Uint8Array {
    const content = this.#files.get(path);
    if (!content) throw new ReachError("NOT_FOUND", `${path} does not exist`);
    return content.bytes.slice(0, content.size);
  }

  /** Gives a file other bytes, as a new file: who has the old one open keeps that. */
  replace(path: string, bytes: Uint8Array): void {
    this.#files.set(path, { bytes: bytes.slice(), size: bytes.length });
  }

  /** The same disk as another process sees it, with counters of its own. */
  sibling(): MemoryDisk {
    const disk = new MemoryDisk();
    disk.#files = this.#files;
    disk.#folders = this.#folders;
    return disk;
  }

  /** A disk with copies of the files. */
  copy(): MemoryDisk {
    const disk = new MemoryDisk();
    for (const path of this.#folders) disk.createFolder(path);
    for (const path of this.#files.keys()) disk.replace(path, this.bytesOf(path));
    return disk;
  }

  /** Bytes of all packs. */
  get packBytes(): number {
    let sum = 0;
    for (const [path, { size }] of this.#files) if (path.endsWith(".pack")) sum += size;
    return sum;
  }
}
