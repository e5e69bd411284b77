/**
 * Putting what a backup has gathered in its place. It is complete and durable by then, and marked:
 * whatever interrupts this, it is done again from the beginning, and comes to the same. The mark
 * becomes what the backup says of itself; with that name it counts.
 */
import { isSessionId } from "../../base/index.ts";
import { createFolders, type Disk, type DiskFile, folderOf } from "../../disk/index.ts";
import { someAtOnce } from "../../log/index.ts";
import { sessionFolderIds } from "../session-folders.ts";
import { applyPath, backupFolder, backupStatePath, gatheredFolder } from "./backup-folder.ts";

const syncsAtOnce = 4;
const windowBytes = 1024 * 1024;
const partName = /^(.+)@([0-9]+)$/;
const removalName = /^(.+)-$/;
const plainFolders = ["", "keys", "blobs", "imports"];
const inner = new Set(["keys", "blobs", "imports", "sessions", "snapshots"]);

/** Puts in its place what has been gathered in `root`, if all of it has been; durable then. */
export async function applyBackup(disk: Disk, root: string): Promise<void> {
  if (disk.exists(applyPath(root))) await new Application(disk, root).run();
}

class Application {
  readonly #disk: Disk;
  readonly #root: string;
  readonly #gathered: string;
  /** Files that parts were written into, and folders with new names. */
  readonly #files = new Set<string>();
  readonly #folders = new Set<string>();
  /** Parts that have been written: they go when the files are durable. */
  readonly #parts: string[] = [];

  constructor(disk: Disk, root: string) {
    this.#disk = disk;
    this.#root = root;
    this.#gathered = gatheredFolder(root);
  }

  async run(): Promise<void> {
    const disk = this.#disk;
    for (const folder of plainFolders) await this.#folder(folder);
    for (const ids of sessionFolderIds(disk, this.#gathered)) {
      for (const id of ids) await this.#session(`sessions/${id.slice(-2)}/${id}`);
    }
    await someAtOnce(this.#files, syncsAtOnce, async (path) => {
      const file = disk.open(path, "write");
      await file.sync().finally(() => file.close());
    });
    await someAtOnce(this.#folders, syncsAtOnce, (folder) => disk.syncFolder(folder));
    await disk.syncFolder(this.#root);
    for (const path of this.#parts) disk.remove(path);
    this.#removeEmpty(this.#gathered, 4);
    disk.rename(applyPath(this.#root), backupStatePath(this.#root));
    await disk.syncFolder(backupFolder(this.#root));
  }

  /** A session that is new takes its place as a whole. */
  async #session(name: string): Promise<void> {
    const disk = this.#disk;
    const gathered = `${this.#gathered}/${name}`;
    const place = `${this.#root}/${name}`;
    if (disk.list(gathered).length === 0) return;
    const above = folderOf(place);
    if (!disk.exists(place)) {
      await createFolders(disk, this.#root, above);
      disk.rename(gathered, place);
      this.#folders.add(above).add(folderOf(gathered));
      return;
    }
    await this.#folder(name);
    await this.#folder(`${name}/snapshots`);
    if (disk.exists(`${place}/tombstone`)) this.#emptyBut(place, "tombstone");
  }

  /** The files of one folder. */
  async #folder(name: string): Promise<void> {
    const disk = this.#disk;
    const gathered = name === "" ? this.#gathered : `${this.#gathered}/${name}`;
    const place = name === "" ? this.#root : `${this.#root}/${name}`;
    const files = disk.list(gathered).filter((file) => !inner.has(file));
    if (files.length === 0) return;
    await createFolders(disk, this.#root, place);
    this.#folders.add(place).add(gathered);
    for (const file of files) this.#file(`${gathered}/${file}`, place, file);
  }

  #file(path: string, folder: string, name: string): void {
    const [, parted, offset] = partName.exec(name) ?? [];
    const [, removed] = removalName.exec(name) ?? [];
    if (parted !== undefined) {
      this.#write(path, `${folder}/${parted}`, Number(offset));
      this.#parts.push(path);
    } else if (removed !== undefined) {
      this.#disk.remove(`${folder}/${removed}`);
      this.#parts.push(path);
    } else this.#disk.rename(path, `${folder}/${name}`);
  }

  #write(path: string, place: string, offset: number): void {
    const part = this.#disk.open(path, "read");
    let file: DiskFile | undefined;
    try {
      file = this.#disk.open(place, "write");
      const window = new Uint8Array(Math.min(windowBytes, part.size()));
      for (let at = 0; ; ) {
        const read = part.read(window, at);
        if (read === 0) break;
        file.write(window.subarray(0, read), offset + at);
        at += read;
      }
    } finally {
      part.close();
      file?.close();
    }
    this.#files.add(place);
  }

  /** A session that has been removed has nothing but its tombstone. */
  #emptyBut(folder: string, kept: string): void {
    const disk = this.#disk;
    for (const name of disk.list(`${folder}/snapshots`)) disk.remove(`${folder}/snapshots/${name}`);
    disk.removeFolder(`${folder}/snapshots`);
    for (const name of disk.list(folder)) if (name !== kept) disk.remove(`${folder}/${name}`);
  }

  /** Removes the folders, which hold no files any more. */
  #removeEmpty(folder: string, depth: number): void {
    if (depth > 0) {
      for (const name of this.#disk.list(folder)) {
        if (inner.has(name) || /^[0-9a-f]{2}$/.test(name) || isSessionId(name)) {
          this.#removeEmpty(`${folder}/${name}`, depth - 1);
        }
      }
    }
    this.#disk.removeFolder(folder);
  }
}
