/**
 * A disk in memory that forgets, tears and fails what a real one may. It has the page cache, which
 * every read sees, and what is durable; `crash` gives the disk that the machine finds after a power
 * failure. Everything it does follows from its seed and from the calls made to it.
 */
import { ReachError } from "../../src/base/index.ts";
import type { Disk, DiskFile, OpenMode } from "../../src/disk/index.ts";
import { type Capture, FileContent, pageBytes } from "./file-content.ts";
import { isFolder, Namespace } from "./namespace.ts";
import { type OperationKind, Operations } from "./operations.ts";
import { drawFate, type Fault, nothingKept, type PowerFate, processKilled } from "./power.ts";
import { Random } from "./random.ts";

/** How a disk behaves. */
export interface SimDiskOptions {
  /** Bytes that fit, in whole pages; unlimited when left out. */
  readonly capacityBytes?: number;
  /** A sync takes up to so many turns of the microtask queue. */
  readonly syncTurnsMax?: number;
  /** Probability, at each change, that the kernel writes something back by itself. */
  readonly writeBackChance?: number;
  /** Whether garbage hits bytes of a sector that were not being written. */
  readonly garbageSpreads?: boolean;
  /**
   * Whether a folder sync that fails may forget its names, so that a second one does not make them
   * durable either. File systems with a journal stop instead; no program could live with it, since
   * a folder cannot be written again under another name as a file can.
   */
  readonly foldersForget?: boolean;
}

let owners = 0;

function diskFull(path: string): ReachError {
  return new ReachError("DISK_FULL", `no room on the simulated disk for ${path}`, { where: path });
}

function failed(path: string, what: string): ReachError {
  return new ReachError("IO_FAILED", `${what}: ${path}`, { where: path });
}

/** The simulated disk: a `Disk`, and the means to make it fail and to look at it. */
export class SimDisk extends Operations implements Disk {
  readonly #options: SimDiskOptions;
  readonly #random: Random;
  #names: Namespace;
  #capacityPages: number;
  #usedPages = 0;
  #ranFull = false;
  readonly #open = new Map<number, number>();
  readonly #unnamed = new Set<number>();

  constructor(random: Random, options: SimDiskOptions = {}) {
    super();
    this.#random = random;
    this.#options = options;
    this.#names = new Namespace(++owners);
    this.#capacityPages = Math.floor(
      (options.capacityBytes ?? Number.POSITIVE_INFINITY) / pageBytes,
    );
  }

  // --- The port ---------------------------------------------------------------------------------

  open(path: string, mode: OpenMode): DiskFile {
    const fault = this.begin(mode === "create" ? "create" : "open", path);
    if (fault !== undefined && fault.effect !== "done") throw this.#error(fault, path);
    const id = mode === "create" ? this.#create(path, "file") : this.#names.find(path);
    if (id === undefined) throw new ReachError("NOT_FOUND", `no such file: ${path}`);
    if (isFolder(this.#names.node(id))) throw failed(path, "a folder is not a file");
    if (fault !== undefined) throw this.#error(fault, path);
    this.#open.set(id, (this.#open.get(id) ?? 0) + 1);
    return this.#handle(id, path, mode);
  }

  exists(path: string): boolean {
    this.alive();
    try {
      return this.#names.find(path) !== undefined;
    } catch {
      return false; // a file where a folder should be, as for the file system of the machine
    }
  }

  list(path: string): string[] {
    const fault = this.begin("list", path);
    if (fault !== undefined) throw this.#error(fault, path);
    const id = this.#names.find(path);
    if (id === undefined) return [];
    const node = this.#names.node(id);
    if (!isFolder(node)) throw failed(path, "not a folder");
    return [...node.names.keys()].sort();
  }

  createFolder(path: string): void {
    this.#changeNames("createFolder", path, "", () => {
      const id = this.#names.find(path);
      if (id === undefined) this.#create(path, "folder");
      else if (!isFolder(this.#names.node(id))) {
        throw new ReachError("ALREADY_EXISTS", `a file has that name: ${path}`);
      }
    });
  }

  rename(from: string, to: string): void {
    this.#changeNames("rename", from, to, () => {
      const source = this.#names.slot(from);
      const target = this.#names.slot(to);
      const id = this.#names.at(source);
      if (id === undefined) throw new ReachError("NOT_FOUND", `no such file: ${from}`);
      const replaced = this.#names.at(target);
      if (replaced === id) return;
      if (replaced !== undefined) this.#checkReplace(id, replaced, to);
      this.#names.rename(source, target);
      if (replaced !== undefined) this.#lostName(replaced);
    });
  }

  remove(path: string): void {
    this.#changeNames("remove", path, "", () => {
      const id = this.#names.find(path);
      if (id === undefined) return;
      if (isFolder(this.#names.node(id))) throw failed(path, "a folder is not a file");
      this.#names.unlink(this.#names.slot(path));
      this.#lostName(id);
    });
  }

  removeFolder(path: string): void {
    this.#changeNames("removeFolder", path, "", () => {
      const id = this.#names.find(path);
      if (id === undefined) return;
      const node = this.#names.node(id);
      if (!isFolder(node)) throw failed(path, "not a folder");
      if (node.names.size > 0) throw failed(path, "the folder is not empty");
      this.#names.unlink(this.#names.slot(path));
    });
  }

  async syncFolder(path: string): Promise<void> {
    const first = this.begin("syncFolder", path);
    const id = this.#names.find(path);
    if (id === undefined) throw new ReachError("NOT_FOUND", `no such folder: ${path}`);
    if (!isFolder(this.#names.node(id))) throw failed(path, "not a folder");
    const last = this.#names.lastChange;
    await this.#passTime();
    const fault = this.begin("syncedFolder", path) ?? first;
    if (fault !== undefined && fault.effect !== "done") {
      if (this.#options.foldersForget) this.#names.failSyncFolder(id, this.#random);
      throw this.#error(fault, path);
    }
    this.#names.syncFolder(id, last);
    this.#names.sweep((node) => this.#open.has(node));
    if (fault !== undefined) throw this.#error(fault, path);
  }

  // --- Open files -------------------------------------------------------------------------------

  #handle(id: number, path: string, mode: OpenMode): DiskFile {
    let open = true;
    const check = (writing: boolean): void => {
      this.alive();
      if (!open) throw failed(path, "the file is closed");
      if (writing && mode === "read") throw failed(path, "the file is open for reading");
    };
    return {
      path,
      size: () => {
        check(false);
        return this.#names.file(id).size;
      },
      read: (into, position) => {
        check(false);
        const fault = this.begin("read", path, { position, size: into.length });
        if (fault !== undefined) throw this.#error(fault, path);
        return this.#names.file(id).read(into, position);
      },
      write: (bytes, position) => {
        check(true);
        this.#write(id, path, bytes, position);
      },
      sync: async () => {
        check(false);
        await this.#sync(id, path, () => open);
      },
      close: () => {
        if (open) this.#closed(id);
        open = false;
      },
    };
  }

  #write(id: number, path: string, bytes: Uint8Array, position: number): void {
    const fault = this.begin("write", path, { position, size: bytes.length });
    let wanted = bytes.length;
    if (fault?.effect === "none") wanted = 0;
    if (fault?.effect === "part") wanted = this.#random.int(bytes.length);
    const file = this.#names.ownFile(id);
    const fitting = file.fitting(position, wanted, this.#capacityPages - this.#usedPages);
    const before = file.allocated;
    file.write(bytes.subarray(0, fitting), position);
    this.#usedPages += file.allocated - before;
    if (fault !== undefined) throw this.#error(fault, path);
    if (fitting < wanted) throw this.#noRoom(path);
  }

  async #sync(id: number, path: string, isOpen: () => boolean): Promise<void> {
    const first = this.begin("sync", path);
    const capture: Capture = this.#names.ownFile(id).beginSync();
    await this.#passTime();
    const fault = this.begin("synced", path) ?? first;
    // The number of a closed file may be another file's by the time the kernel looks at it.
    if (!isOpen()) throw failed(path, "the file was closed before its sync was over");
    const file = this.#names.ownFile(id);
    if (fault !== undefined && fault.effect !== "done") {
      const before = file.allocated;
      file.failSync(capture, this.#random);
      this.#usedPages += file.allocated - before;
      throw this.#error(fault, path);
    }
    const well = file.endSync(capture);
    if (fault !== undefined) throw this.#error(fault, path);
    if (!well) throw failed(path, "an earlier sync of the file failed");
  }

  #closed(id: number): void {
    const count = (this.#open.get(id) ?? 0) - 1;
    if (count > 0) this.#open.set(id, count);
    else this.#open.delete(id);
    if (count === 0 && this.#unnamed.delete(id)) this.#usedPages -= this.#names.file(id).allocated;
  }

  // --- Names ------------------------------------------------------------------------------------

  #create(path: string, kind: "file" | "folder"): number {
    const slot = this.#names.slot(path);
    if (this.#names.at(slot) !== undefined) {
      throw new ReachError("ALREADY_EXISTS", `there is one already: ${path}`);
    }
    if (this.#usedPages >= this.#capacityPages) throw this.#noRoom(path);
    return this.#names.create(slot, kind);
  }

  #changeNames(kind: OperationKind, path: string, to: string, change: () => void): void {
    const fault = this.begin(kind, path, { to });
    if (fault === undefined || fault.effect === "done") change();
    if (fault !== undefined) throw this.#error(fault, path);
  }

  #checkReplace(id: number, replaced: number, to: string): void {
    const target = this.#names.node(replaced);
    const moving = this.#names.node(id);
    const fits = isFolder(moving) ? isFolder(target) && target.names.size === 0 : !isFolder(target);
    if (!fits) throw failed(to, "something of that name is in the way");
  }

  #lostName(id: number): void {
    const node = this.#names.node(id);
    if (!(node instanceof FileContent)) return;
    if (this.#open.has(id)) this.#unnamed.add(id);
    else this.#usedPages -= node.allocated;
  }

  // --- What operations have in common -----------------------------------------------------------

  #noRoom(path: string): ReachError {
    this.#ranFull = true;
    return diskFull(path);
  }

  #error(fault: Fault, path: string): ReachError {
    return fault.code === "DISK_FULL" ? diskFull(path) : failed(path, "injected failure");
  }

  async #passTime(): Promise<void> {
    const turns = this.#random.int((this.#options.syncTurnsMax ?? 8) + 1);
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
  }

  protected override meanwhile(): void {
    if (!this.#random.chance(this.#options.writeBackChance ?? 0)) return;
    if (this.#random.chance(0.3)) this.#names.writeBack(this.#random);
    const files = this.#names.unsyncedFiles();
    if (files.length > 0) this.#names.ownFile(this.#random.pick(files)).writeBack(this.#random);
  }

  // --- From outside -----------------------------------------------------------------------------

  /** Sets how many bytes fit; fewer than are used is a full disk. */
  setCapacity(bytes: number): void {
    this.#capacityPages = Math.floor(bytes / pageBytes);
    this.#ranFull = false;
  }

  /** A number by which the file or folder at `path` is known, whatever it is called later. */
  identityOf(path: string): number | undefined {
    return this.#names.find(path);
  }

  /** Bytes in use, in whole pages. */
  get usedBytes(): number {
    return this.#usedPages * pageBytes;
  }

  /** Whether an operation failed for want of room. */
  get isFull(): boolean {
    return this.#ranFull;
  }

  /** The same disk at this moment, for a crash of its own. Cheap: nothing is copied but names. */
  clone(): SimDisk {
    const clone = new SimDisk(new Random("clone", this.operations), this.#options);
    clone.#capacityPages = this.#capacityPages;
    clone.#usedPages = this.#usedPages;
    clone.follow(this);
    clone.#names = this.#names.copy(++owners);
    this.#names.owner = ++owners;
    return clone;
  }

  /** The disk that the machine finds after a power failure at this moment. */
  crash(random: Random, fate?: PowerFate): SimDisk {
    const { content, names } = fate ?? drawFate(random, this.#options.garbageSpreads ?? false);
    const rest = new SimDisk(random.fork(), this.#options);
    rest.#capacityPages = this.#capacityPages;
    const owner = rest.#names.owner;
    rest.#names = this.#names.surviving(owner, names, random, (file) => {
      const fate = file.unsynced ? content() : nothingKept.content();
      const survivor = file.settled ? file : file.surviving(owner, fate, random);
      rest.#usedPages += survivor.allocated;
      return survivor;
    });
    return rest;
  }

  /** Path and content of every file, as programs see them, sorted; folders end in a slash. */
  files(): Map<string, Uint8Array> {
    const found = new Map<string, Uint8Array>();
    for (const [path, node] of this.#names.paths()) {
      if (isFolder(node)) {
        found.set(`${path}/`, new Uint8Array(0));
        continue;
      }
      const bytes = new Uint8Array(node.size);
      node.read(bytes, 0);
      found.set(path, bytes);
    }
    return found;
  }

  /** A disk on which exactly these files and folders are durable; the inverse of `files`. */
  static holding(
    files: ReadonlyMap<string, Uint8Array>,
    random: Random,
    options: SimDiskOptions = {},
  ): SimDisk {
    const disk = new SimDisk(random, options);
    for (const [path, bytes] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (path.endsWith("/")) disk.createFolder(path);
      else disk.open(path, "create").write(bytes, 0);
    }
    return disk.crash(random, processKilled);
  }
}
