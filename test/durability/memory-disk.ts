/**
 * A disk in memory that is cheap to copy: files are shared until somebody writes to them. So each
 * of many thousand cases can damage one byte of a data directory and let the engine loose on it.
 */
import { ReachError } from "../../src/base/index.ts";
import { type Disk, type DiskFile, folderOf, type OpenMode } from "../../src/disk/index.ts";

/** The bytes of one file; `shared` ones belong to another disk as well. */
interface Content {
  bytes: Uint8Array;
  size: number;
  shared: boolean;
}

class MemoryFile implements DiskFile {
  readonly path: string;
  readonly #content: Content;
  readonly #writable: boolean;
  #open = true;

  constructor(path: string, content: Content, writable: boolean) {
    this.path = path;
    this.#content = content;
    this.#writable = writable;
  }

  #opened(): Content {
    if (this.#open) return this.#content;
    throw new ReachError("IO_FAILED", `${this.path} is closed`);
  }

  size(): number {
    return this.#opened().size;
  }

  read(into: Uint8Array, position: number): number {
    const { bytes, size } = this.#opened();
    const end = Math.min(size, position + into.length);
    if (end <= position) return 0;
    into.set(bytes.subarray(position, end));
    return end - position;
  }

  write(bytes: Uint8Array, position: number): void {
    const content = this.#opened();
    if (!this.#writable) throw new Error(`${this.path} is written through a file for reading`);
    const end = position + bytes.length;
    if (content.shared || end > content.bytes.length) {
      const grown = new Uint8Array(Math.max(end, content.size));
      grown.set(content.bytes.subarray(0, content.size));
      content.bytes = grown;
      content.shared = false;
    }
    content.bytes.set(bytes, position);
    content.size = Math.max(content.size, end);
  }

  async sync(): Promise<void> {
    this.#opened();
    await Promise.resolve();
  }

  close(): void {
    this.#open = false;
  }
}

/** Files and folders of a disk that forgets nothing. */
export class MemoryDisk implements Disk {
  readonly #files = new Map<string, Content>();
  readonly #folders: Map<string, Set<string>>;
  /** With it every write is an error: readers change nothing. */
  readonly #readOnly: boolean;

  private constructor(folders: Map<string, Set<string>>, readOnly: boolean) {
    this.#folders = folders;
    this.#readOnly = readOnly;
  }

  /** An empty disk with one folder. */
  static create(root: string): MemoryDisk {
    const disk = new MemoryDisk(new Map(), false);
    for (let path = root; path.length > 1; path = folderOf(path)) disk.#enter(path, true);
    disk.#enter("/", true);
    return disk;
  }

  /** The same files and folders, on a disk of their own; `readOnly` refuses every change. */
  copy(readOnly = false): MemoryDisk {
    const folders = new Map([...this.#folders].map(([path, names]) => [path, new Set(names)]));
    const disk = new MemoryDisk(folders, readOnly);
    for (const [path, content] of this.#files) {
      content.shared = true;
      disk.#files.set(path, { ...content });
    }
    return disk;
  }

  #enter(path: string, folder: boolean): void {
    if (folder && !this.#folders.has(path)) this.#folders.set(path, new Set());
    if (path !== "/") {
      const parent = folderOf(path);
      if (!this.#folders.has(parent)) this.#folders.set(parent, new Set());
      this.#folders.get(parent)?.add(path.slice(path.lastIndexOf("/") + 1));
    }
  }

  #leave(path: string): void {
    this.#folders.get(folderOf(path))?.delete(path.slice(path.lastIndexOf("/") + 1));
  }

  #mayChange(path: string): void {
    if (this.#readOnly) throw new Error(`a reader changes ${path}`);
  }

  open(path: string, mode: OpenMode): DiskFile {
    const content = this.#files.get(path);
    if (mode !== "read") this.#mayChange(path);
    if (mode !== "create") {
      if (!content) throw new ReachError("NOT_FOUND", `there is no ${path}`, { where: path });
      return new MemoryFile(path, content, mode === "write");
    }
    if (content) throw new ReachError("ALREADY_EXISTS", `${path} exists`, { where: path });
    if (!this.#folders.has(folderOf(path))) {
      throw new ReachError("NOT_FOUND", `there is no folder for ${path}`, { where: path });
    }
    const created = { bytes: new Uint8Array(0), size: 0, shared: false };
    this.#files.set(path, created);
    this.#enter(path, false);
    return new MemoryFile(path, created, true);
  }

  exists(path: string): boolean {
    return this.#files.has(path) || this.#folders.has(path);
  }

  list(path: string): string[] {
    return [...(this.#folders.get(path) ?? [])].sort();
  }

  createFolder(path: string): void {
    if (this.#folders.has(path)) return;
    this.#mayChange(path);
    if (!this.#folders.has(folderOf(path))) {
      throw new ReachError("NOT_FOUND", `there is no folder for ${path}`, { where: path });
    }
    this.#enter(path, true);
  }

  rename(from: string, to: string): void {
    this.#mayChange(to);
    const content = this.#files.get(from);
    if (!content) throw new ReachError("NOT_FOUND", `there is no ${from}`, { where: from });
    this.#files.delete(from);
    this.#leave(from);
    this.#files.set(to, content);
    this.#enter(to, false);
  }

  remove(path: string): void {
    if (!this.#files.has(path)) return;
    this.#mayChange(path);
    this.#files.delete(path);
    this.#leave(path);
  }

  removeFolder(path: string): void {
    const names = this.#folders.get(path);
    if (!names) return;
    this.#mayChange(path);
    if (names.size > 0) throw new ReachError("IO_FAILED", `${path} is not empty`);
    this.#folders.delete(path);
    this.#leave(path);
  }

  async syncFolder(path: string): Promise<void> {
    if (!this.#folders.has(path)) throw new ReachError("NOT_FOUND", `there is no ${path}`);
    await Promise.resolve();
  }

  /** All files, by path, sorted. */
  paths(): string[] {
    return [...this.#files.keys()].sort();
  }

  /** The folders, by path, sorted. */
  folders(): string[] {
    return [...this.#folders.keys()].sort();
  }

  /** A copy of the bytes of a file. */
  bytesOf(path: string): Uint8Array {
    const content = this.#files.get(path);
    if (!content) throw new ReachError("NOT_FOUND", `there is no ${path}`, { where: path });
    return content.bytes.slice(0, content.size);
  }

  /** Puts a file there, with its folders: what a test does to a disk, not the engine. */
  put(path: string, bytes: Uint8Array): void {
    for (let folder = folderOf(path); folder.length > 1; folder = folderOf(folder)) {
      this.#enter(folder, true);
    }
    this.#files.set(path, { bytes, size: bytes.length, shared: true });
    this.#enter(path, false);
  }
}
