/**
 * All packs of a folder, as one place to look entries up in. Packs are asked in the order of their
 * last use, since what belongs together was mostly written together; the memory of their indexes
 * and the number of open files are bounded.
 */
import { codeOf, readU32 } from "../base/index.ts";
import { type Disk, type DiskFile, temporarySuffix } from "../disk/index.ts";
import { Pack } from "./pack.ts";
import { type PackKind, packHeader, packHeaderBytes, packNumberOf } from "./pack-format.ts";

const openFilesMax = 64;

/** Where the packs are, and what may be kept of them. */
export interface PackSetOptions {
  readonly disk: Disk;
  readonly folder: string;
  /** Whether this process is the writer: then nobody else adds packs. */
  readonly writable: boolean;
  /** Memory for index entries; filters (1/1000 of the data) come on top. */
  readonly indexBytesMax: number;
}

/** The packs of one folder. */
export class PackSet {
  readonly disk: Disk;
  readonly folder: string;
  readonly writable: boolean;
  readonly #indexBytesMax: number;
  readonly #packs = new Map<number, Pack>();
  /** The same packs, the one used last in front. */
  #order: Pack[] = [];
  readonly #files = new Map<Pack, DiskFile>();
  #highest = 0;
  #untilTrim = 0;

  constructor(options: PackSetOptions) {
    this.disk = options.disk;
    this.folder = options.folder;
    this.writable = options.writable;
    this.#indexBytesMax = options.indexBytesMax;
    this.#list();
  }

  /** Removes what a writer that crashed left behind and nothing needs. */
  removeLeftovers(): void {
    for (const name of this.disk.list(this.folder)) {
      const index = packNumberOf(name, ".idx");
      const orphan = index !== undefined && !this.#packs.has(index);
      if (orphan || name.endsWith(temporarySuffix)) this.disk.remove(`${this.folder}/${name}`);
    }
    for (const pack of this.all()) {
      if (pack.size() > packHeaderBytes) continue;
      // Without a header: the power failed before it was written, so nothing was ever in it.
      // With an index: it was cut short, which shall be noticed.
      if (pack.kind !== undefined || !this.disk.exists(pack.indexPath)) this.removeEmpty(pack);
    }
  }

  /**
   * Removes a pack that holds nothing; returns whether it did. A whole one with the highest number
   * stays: the next process would use the number again, and a reader that knows the pack would not
   * notice.
   */
  removeEmpty(pack: Pack): boolean {
    const stays = pack.kind !== undefined && pack === this.all().at(-1);
    if (!stays) this.remove(pack);
    return !stays;
  }

  /** Removes a pack and its index. */
  remove(pack: Pack): void {
    this.drop(pack);
    this.disk.remove(pack.indexPath);
    this.disk.remove(pack.path);
  }

  /** All packs by number. */
  all(): Pack[] {
    return [...this.#packs.values()].sort((a, b) => a.number - b.number);
  }

  /** The pack of a kind with the highest number. */
  lastOf(kind: PackKind): Pack | undefined {
    return this.all().findLast((pack) => this.unlessGone(pack, () => pack.kind) === kind);
  }

  get(number: number): Pack | undefined {
    return this.#packs.get(number);
  }

  /** The largest number in use, 0 when there is no pack. Numbers are never used twice. */
  get highest(): number {
    return this.#highest;
  }

  /** The largest number is now at least `number`. */
  reserve(number: number): void {
    this.#highest = Math.max(this.#highest, number);
  }

  /**
   * Creates a pack under the next free number, with its header; not durable. The number is taken
   * by creating the file, so that a writer that lost its lock and wakes up cannot have it too.
   */
  create(kind: PackKind): { readonly pack: Pack; readonly file: DiskFile } {
    for (;;) {
      this.#highest += 1;
      const created = this.createNumber(this.#highest, kind);
      if (created) return created;
    }
  }

  /** Creates the pack `number`; `undefined` when there is a file of that name. */
  createNumber(
    number: number,
    kind: PackKind,
  ): { readonly pack: Pack; readonly file: DiskFile } | undefined {
    const pack = this.#newPack(number);
    let file: DiskFile;
    try {
      file = this.disk.open(pack.path, "create");
    } catch (error) {
      if (codeOf(error) === "ALREADY_EXISTS") return undefined;
      throw error;
    }
    try {
      file.write(packHeader(number, kind), 0);
      this.disk.remove(pack.indexPath);
    } catch (error) {
      file.close();
      this.disk.remove(pack.path);
      throw error;
    }
    pack.created(kind);
    this.#insert(pack);
    return { pack, file };
  }

  /** Takes a pack in that has been put into the folder whole. */
  adopt(number: number): Pack {
    const known = this.#packs.get(number);
    if (known) return known;
    const pack = this.#newPack(number);
    this.#insert(pack);
    return pack;
  }

  #newPack(number: number): Pack {
    const files = { file: this.#open, forget: this.#close };
    return new Pack(this.disk, files, this.folder, number);
  }

  /** Closes the file of a pack: the name stands for another one now. */
  forgetFile(pack: Pack): void {
    this.#close(pack);
  }

  /** Forgets a pack. */
  drop(pack: Pack): void {
    this.#close(pack);
    this.#packs.delete(pack.number);
    this.#order = this.#order.filter((other) => other !== pack);
  }

  /**
   * Offers places where `hash` may lie to `accept` until it takes one; returns whether it did.
   * `packsMax` bounds how many packs are asked, those used last first.
   */
  find(
    hash: Uint8Array,
    accept: (pack: Pack, offset: number) => boolean,
    packsMax: number = Number.POSITIVE_INFINITY,
  ): boolean {
    const high = readU32(hash, 0);
    const low = readU32(hash, 4);
    // The list may change while a pack that is gone is dropped.
    const order = this.#order;
    for (let i = 0; i < order.length && i < packsMax; i++) {
      const pack = order[i] as Pack;
      const offsets = this.#candidates(pack, high, low);
      if (offsets.length === 0) continue;
      const found = this.unlessGone(pack, () => offsets.some((offset) => accept(pack, offset)));
      if (!found) continue;
      if (i > 0 && order === this.#order) {
        order.splice(i, 1);
        order.unshift(pack);
      }
      this.#trim(pack);
      return true;
    }
    return false;
  }

  /** Where a pack may hold an entry whose hash begins like that. */
  #candidates(pack: Pack, high: number, low: number): readonly number[] {
    try {
      if (!pack.mayHold(high, low)) return [];
      const offsets: number[] = [];
      pack.candidates(high, low, offsets);
      return offsets;
    } catch (error) {
      if (!this.#vanished(pack, error)) throw error;
      return [];
    }
  }

  /**
   * Looks for what another process wrote or removed since; returns whether anything is new. Packs
   * that the writer knows are its own; others can only come from one that lost its lock.
   */
  refresh(): boolean {
    let news = this.#list();
    if (this.writable) return news;
    for (const pack of [...this.#order]) {
      if (this.unlessGone(pack, () => !pack.sealed && pack.extend()) ?? true) news = true;
    }
    return news;
  }

  /** Builds the index of a pack from its bytes; false when that cannot show anything new. */
  rescan(pack: Pack): boolean {
    return this.unlessGone(pack, () => pack.rescan()) ?? true;
  }

  /**
   * The first damage that may have been an entry that is missing. The end of a pack that still
   * grows counts only for `parts` of a blob that is there, since those were written before it.
   */
  firstDamage(parts: boolean): { readonly pack: Pack; readonly offset: number } | undefined {
    for (const pack of this.all()) {
      const damage = pack.damage.find((place) => !place.hole);
      if (damage) return { pack, offset: damage.offset };
      const torn = parts && this.unlessGone(pack, () => pack.covered < pack.size());
      if (torn) return { pack, offset: pack.covered };
    }
    return undefined;
  }

  /** What `use` returns, or `undefined` when the pack is gone: another process collected it. */
  unlessGone<T>(pack: Pack, use: () => T): T | undefined {
    try {
      return use();
    } catch (error) {
      if (!this.#vanished(pack, error)) throw error;
      return undefined;
    }
  }

  /** Drops a pack that is gone because another process collected it. */
  #vanished(pack: Pack, error: unknown): boolean {
    if (codeOf(error) !== "NOT_FOUND") return false;
    this.drop(pack);
    return true;
  }

  /** Closes all files. */
  close(): void {
    for (const file of this.#files.values()) file.close();
    this.#files.clear();
  }

  #insert(pack: Pack): void {
    this.#packs.set(pack.number, pack);
    this.#order = [pack, ...this.#order];
    this.reserve(pack.number);
  }

  /** Takes in the packs that are new in the folder; newer ones will be asked first. */
  #list(): boolean {
    const before = this.#packs.size;
    for (const name of this.disk.list(this.folder)) {
      const number = packNumberOf(name, ".pack");
      if (number !== undefined) this.adopt(number);
    }
    return this.#packs.size !== before;
  }

  /** Gives back the memory of the packs used least recently, but for `used`. */
  #trim(used: Pack): void {
    // Summing up the memory of all packs each time would cost more than the lookup.
    this.#untilTrim -= 1;
    if (this.#untilTrim > 0) return;
    this.#untilTrim = 64;
    let bytes = 0;
    for (const pack of this.#order) {
      bytes += pack.bytes;
      if (bytes > this.#indexBytesMax && pack !== used) pack.release();
    }
  }

  readonly #open = (pack: Pack): DiskFile => {
    const open = this.#files.get(pack);
    if (open) return open;
    const file = this.disk.open(pack.path, "read");
    this.#files.set(pack, file);
    if (this.#files.size > openFilesMax) {
      const oldest = this.#files.keys().next().value as Pack;
      this.#close(oldest);
    }
    return file;
  };

  readonly #close = (pack: Pack): void => {
    this.#files.get(pack)?.close();
    this.#files.delete(pack);
  };
}
