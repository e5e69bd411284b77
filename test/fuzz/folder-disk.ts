/**
 * A disk in memory with folders, for whole data directories. It notes every path that is changed,
 * so that a test can see that nothing outside of a folder was touched.
 */
import type { DiskFile, OpenMode } from "../../src/disk/index.ts";
import { MemoryDisk } from "../blobs/memory-disk.ts";

/** Files and folders by path. */
export class FolderDisk extends MemoryDisk {
  readonly #folders = new Set<string>();
  /** Paths that were created, written, renamed or removed, and are not `inside`. */
  readonly outside: string[] = [];
  readonly #inside: string;

  /** `inside` is the folder below which changes are expected. */
  constructor(inside: string) {
    super();
    this.#inside = inside;
    this.beforeWrite = (path) => this.#note(path);
  }

  override open(path: string, mode: OpenMode): DiskFile {
    if (mode !== "read") this.#note(path);
    return super.open(path, mode);
  }

  override exists(path: string): boolean {
    return super.exists(path) || this.#folders.has(path);
  }

  override list(path: string): string[] {
    const names = new Set(super.list(path).map((name) => name.split("/")[0] as string));
    for (const folder of this.#folders) {
      if (folder.startsWith(`${path}/`)) {
        names.add(folder.slice(path.length + 1).split("/")[0] as string);
      }
    }
    return [...names].sort();
  }

  override createFolder(path: string): void {
    this.#note(path);
    this.#folders.add(path);
  }

  override rename(from: string, to: string): void {
    this.#note(from);
    this.#note(to);
    super.rename(from, to);
  }

  override remove(path: string): void {
    this.#note(path);
    super.remove(path);
  }

  override removeFolder(path: string): void {
    this.#note(path);
    this.#folders.delete(path);
  }

  /** Every file below a folder. */
  filesBelow(path: string): string[] {
    return super.list(path);
  }

  #note(path: string): void {
    const within = path === this.#inside || path.startsWith(`${this.#inside}/`);
    if (!within || /(?:^|\/)\.\.(?:\/|$)/.test(path)) this.outside.push(path);
  }
}
