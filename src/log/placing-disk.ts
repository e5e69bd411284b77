/**
 * The disk as a writer sees it whose acknowledged events may not be in their place yet: they wait
 * for a quiet moment, or the disk did not take them. Whoever looks at a session, by whatever call,
 * first has its files brought up to date. So that shows nowhere in the process; other processes see
 * events that wait within a quarter of a second.
 */
import type { Disk, DiskFile, OpenMode } from "../disk/index.ts";
import type { Placements } from "./placements.ts";

/**
 * A disk that brings what is acknowledged below a path to its place before the path is looked at.
 * All its calls throw `DISK_FULL` or `IO_FAILED` when the disk does not take it.
 */
export class PlacingDisk implements Disk {
  readonly #disk: Disk;
  readonly #placements: Placements;
  /** Folder of the sessions, with a slash. */
  readonly #sessions: string;

  constructor(disk: Disk, root: string, placements: Placements) {
    this.#disk = disk;
    this.#placements = placements;
    this.#sessions = `${root}/sessions/`;
  }

  /** `<root>/sessions/<spread>/<id>/…`: what lies above the folder of a session is all of them. */
  #place(path: string): void {
    const placements = this.#placements;
    if (placements.done || !`${path}/`.startsWith(this.#sessions)) return;
    const [spread, id] = path.slice(this.#sessions.length).split("/");
    placements.bringUpToDate(id === undefined ? undefined : `${this.#sessions}${spread}/${id}`);
  }

  open(path: string, mode: OpenMode): DiskFile {
    this.#place(path);
    const file = this.#disk.open(path, mode);
    if (!path.startsWith(this.#sessions)) return file;
    return new PlacingFile(file, () => this.#place(path));
  }

  exists(path: string): boolean {
    this.#place(path);
    return this.#disk.exists(path);
  }

  list(path: string): string[] {
    this.#place(path);
    return this.#disk.list(path);
  }

  createFolder(path: string): void {
    this.#place(path);
    this.#disk.createFolder(path);
  }

  rename(from: string, to: string): void {
    this.#place(from);
    this.#place(to);
    this.#disk.rename(from, to);
  }

  remove(path: string): void {
    this.#place(path);
    this.#disk.remove(path);
  }

  removeFolder(path: string): void {
    this.#place(path);
    this.#disk.removeFolder(path);
  }

  syncFolder(path: string): Promise<void> {
    this.#place(path);
    return this.#disk.syncFolder(path);
  }
}

/** An open file of a session, which may have been opened before its newest events. */
class PlacingFile implements DiskFile {
  readonly #file: DiskFile;
  readonly #place: () => void;

  constructor(file: DiskFile, place: () => void) {
    this.#file = file;
    this.#place = place;
  }

  get path(): string {
    return this.#file.path;
  }

  size(): number {
    this.#place();
    return this.#file.size();
  }

  read(into: Uint8Array, position: number): number {
    this.#place();
    return this.#file.read(into, position);
  }

  write(bytes: Uint8Array, position: number): void {
    this.#file.write(bytes, position);
  }

  sync(): Promise<void> {
    return this.#file.sync();
  }

  close(): void {
    this.#file.close();
  }
}
