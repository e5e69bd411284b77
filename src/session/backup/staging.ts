/**
 * What a backup has gathered and not yet put in its place: files below `backup/next`, named as they
 * will be. `name@offset` is written into the file of that name, from that offset on; `name-` stands
 * for one that goes. Everything is durable when `settle` resolves.
 */
import { type Disk, type DiskFile, folderOf, readFile } from "../../disk/index.ts";
import { someAtOnce } from "../../log/index.ts";
import { gatheredFolder } from "./backup-folder.ts";

/** Files that are open until they are made durable together. */
const openMax = 64;
const syncsAtOnce = 4;
const windowBytes = 1024 * 1024;

/** A file of which some bytes are gathered. */
export interface StagedFile {
  /** Writes at an offset of the file that it will be. */
  write(bytes: Uint8Array, offset: number): void;
}

/** The files that one backup gathers for the workspace at `root`. */
export class Staging {
  readonly root: string;
  readonly disk: Disk;
  readonly #folder: string;
  readonly #folders = new Set<string>();
  #open: DiskFile[] = [];
  /** Bytes that were written. */
  bytes = 0;

  constructor(disk: Disk, root: string) {
    this.disk = disk;
    this.root = root;
    this.#folder = gatheredFolder(root);
  }

  /** Where what is gathered of `name` lies. */
  path(name: string): string {
    return `${this.#folder}/${name}`;
  }

  /** Where `name` will be. */
  place(name: string): string {
    return `${this.root}/${name}`;
  }

  /** A file that will take the place of `name`, from its beginning. */
  whole(name: string): StagedFile {
    this.forget(name);
    return this.#create(name, 0);
  }

  /** Goes on with a whole file that an interrupted backup has left. */
  again(name: string): StagedFile {
    this.#folders.add(folderOf(this.path(name)));
    return this.#staged(this.disk.open(this.path(name), "write"), 0);
  }

  /** Bytes that will be written into `name`, which is there, from `offset` on. */
  part(name: string, offset: number): StagedFile {
    this.forget(name);
    return this.#create(`${name}@${offset}`, offset);
  }

  /** A small file as a whole, unless its place holds the same. */
  put(name: string, bytes: Uint8Array): void {
    this.forget(name);
    const place = this.place(name);
    if (this.disk.exists(place) && holds(this.disk, place, bytes)) return;
    this.#create(name, 0).write(bytes, 0);
  }

  /** `name` goes, if it is there. */
  gone(name: string): void {
    this.forget(name);
    if (this.disk.exists(this.place(name))) this.#create(`${name}-`, 0);
  }

  /** Forgets what has been gathered of `name`. */
  forget(name: string): void {
    const folder = folderOf(this.path(name));
    const base = name.slice(name.lastIndexOf("/") + 1);
    for (const other of this.disk.list(folder)) {
      const isOf = other === base || other === `${base}-` || other.startsWith(`${base}@`);
      if (isOf) this.disk.remove(`${folder}/${other}`);
    }
  }

  /** Forgets everything that has been gathered in a folder that holds no other one. */
  forgetFolder(name: string): void {
    const folder = this.path(name);
    for (const file of this.disk.list(folder)) this.disk.remove(`${folder}/${file}`);
    this.disk.removeFolder(folder);
    this.#folders.delete(folder);
  }

  #create(name: string, base: number): StagedFile {
    const path = this.path(name);
    this.#folderAt(folderOf(path));
    this.disk.remove(path);
    return this.#staged(this.disk.open(path, "create"), base);
  }

  #folderAt(folder: string): void {
    if (this.#folders.has(folder)) return;
    if (folder !== this.#folder) this.#folderAt(folderOf(folder));
    this.disk.createFolder(folder);
    this.#folders.add(folder);
  }

  #staged(file: DiskFile, base: number): StagedFile {
    this.#open.push(file);
    return {
      write: (bytes, offset) => {
        file.write(bytes, offset - base);
        this.bytes += bytes.length;
      },
    };
  }

  /** Makes files durable once there are many. */
  async relieve(): Promise<void> {
    if (this.#open.length >= openMax) await this.#syncFiles();
  }

  async #syncFiles(): Promise<void> {
    const files = this.#open;
    this.#open = [];
    try {
      await someAtOnce(files, syncsAtOnce, (file) => file.sync());
    } finally {
      for (const file of files) file.close();
    }
  }

  /** Makes everything that was gathered durable, names as well. */
  async settle(): Promise<void> {
    await this.#syncFiles();
    const there = [...this.#folders].filter((folder) => this.disk.exists(folder));
    await someAtOnce(there, syncsAtOnce, (folder) => this.disk.syncFolder(folder));
    await this.disk.syncFolder(folderOf(this.#folder));
  }

  /** Closes what is open, durable or not. */
  abandon(): void {
    for (const file of this.#open) file.close();
    this.#open = [];
  }
}

/** Whether a file holds exactly these bytes. */
function holds(disk: Disk, path: string, bytes: Uint8Array): boolean {
  const there = readFile(disk, path);
  return there.length === bytes.length && Buffer.compare(there, bytes) === 0;
}

/** Where two files first differ between `from` and `to`; `to` when they do not. */
export async function firstDifference(
  a: DiskFile,
  b: DiskFile,
  from: number,
  to: number,
  turn: () => Promise<void>,
): Promise<number> {
  const size = Math.max(0, Math.min(windowBytes, to - from));
  const windows = [new Uint8Array(size), new Uint8Array(size)] as const;
  for (let at = from; at < to; at += size) {
    const length = Math.min(size, to - at);
    const read = a.read(windows[0].subarray(0, length), at);
    const other = b.read(windows[1].subarray(0, length), at);
    const [one, two] = [windows[0].subarray(0, read), windows[1].subarray(0, other)];
    if (read < length || other < length || Buffer.compare(one, two) !== 0) {
      let same = 0;
      while (same < Math.min(read, other) && one[same] === two[same]) same += 1;
      return at + same;
    }
    await turn();
  }
  return to;
}

/** Bytes at the end of what is there that are compared before anything is put behind it. */
const tailBytes = 64 * 1024;

/**
 * Whether `copy` holds what `source` does up to `end`: its last 64 KiB, or with `whole` all of it.
 */
export async function isSameUpTo(
  source: DiskFile,
  copy: DiskFile,
  end: number,
  whole: boolean,
  turn: () => Promise<void>,
): Promise<boolean> {
  const from = whole ? 0 : Math.max(0, end - tailBytes);
  return (await firstDifference(source, copy, from, end, turn)) === end;
}
