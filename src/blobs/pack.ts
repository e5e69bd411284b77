/**
 * One pack as a reader sees it: its bytes, and where its entries lie. What an index file covers is
 * looked up there, the rest was scanned or noted by the writer. Everything here can be dropped and
 * rebuilt from the pack; a wrong index costs time, never a wrong answer, since every entry is
 * compared with what was asked for.
 */
import { codeOf, readU32 } from "../base/index.ts";
import { type Disk, type DiskFile, temporarySuffix } from "../disk/index.ts";
import {
  entryCrc,
  entryHash,
  entryHeaderBytes,
  entrySize,
  indexName,
  type PackKind,
  packHeaderBytes,
  packName,
  readPackHeader,
} from "./pack-format.ts";
import {
  buildFilter,
  collectCandidates,
  encodeIndex,
  type IndexEntries,
  type IndexHead,
  mayHold,
  readIndexEntries,
  readIndexHead,
  sortEntries,
} from "./pack-index.ts";
import { scanEntries } from "./pack-scan.ts";
import { TailIndex } from "./tail-index.ts";

/** Bytes of a pack that are no valid entry; `hole`: all zero, so perhaps never written. */
export interface Damage {
  readonly offset: number;
  readonly end: number;
  readonly hole: boolean;
}

/** Opens and keeps the file of a pack. */
export interface PackFiles {
  /** The file of a pack, open for reading. Throws `NOT_FOUND` when it is gone. */
  file(pack: Pack): DiskFile;
  /** Closes it, so that the next read opens what the name stands for then. */
  forget(pack: Pack): void;
}

/** A pack in a folder. Nothing is read before it is needed. */
export class Pack {
  readonly number: number;
  readonly path: string;
  readonly indexPath: string;
  readonly #disk: Disk;
  readonly #files: PackFiles;
  #kind: PackKind | undefined;
  #loaded = false;
  #head: IndexHead | undefined;
  #entries: IndexEntries | undefined;
  #tail = new TailIndex();
  #covered = packHeaderBytes;
  #damage: Damage[] = [];
  /** Size of the pack when it was last scanned from its beginning. */
  #scannedAt = -1;
  /** While it is being written, its memory is not given back. */
  pinned = false;
  #trustedTo: number | undefined;

  constructor(disk: Disk, files: PackFiles, folder: string, number: number) {
    this.#disk = disk;
    this.#files = files;
    this.number = number;
    this.path = `${folder}/${packName(number)}`;
    this.indexPath = `${folder}/${indexName(number)}`;
  }

  /** How the pack came to be; `undefined` when its header is damaged. */
  get kind(): PackKind | undefined {
    this.load();
    return this.#kind;
  }

  /** Whether nothing will ever be appended to it. */
  get sealed(): boolean {
    return this.#loaded && this.#tail.count === 0 && this.#head?.sealed === true;
  }

  /** Whether an index file is used for it. */
  get indexed(): boolean {
    return this.#head !== undefined;
  }

  /** Whether its entries are in memory and no index file covers all of them. */
  get wantsIndex(): boolean {
    return this.#loaded && (this.#head === undefined || this.#tail.count > 0);
  }

  /** Offset up to which the entries are known. */
  get covered(): number {
    this.load();
    return this.#covered;
  }

  /** What is damaged below `covered`, as far as it was scanned. */
  get damage(): readonly Damage[] {
    return this.#damage;
  }

  /**
   * Entries beyond this offset are not certain to survive, so nobody but their writer counts on
   * them. Of a bulk pack that was left by a crash nobody knows what is durable, unless it was cut.
   */
  get trustedTo(): number {
    if (this.#trustedTo !== undefined) return this.#trustedTo;
    if (this.kind === "journaled" || this.kind === "collected") return Number.POSITIVE_INFINITY;
    return this.#head?.sealed ? this.#head.covered : 0;
  }

  set trustedTo(offset: number) {
    this.#trustedTo = offset;
  }

  get name(): string {
    return packName(this.number);
  }

  /** Memory of the index that could be given back. */
  get bytes(): number {
    return (this.#entries ? 12 * this.#entries.highs.length : 0) + this.#tail.bytes;
  }

  size(): number {
    return this.#files.file(this).size();
  }

  /** Fills `into` from `offset`; returns the bytes read, fewer only at the end of the pack. */
  read(into: Uint8Array, offset: number): number {
    return this.#files.file(this).read(into, offset);
  }

  /** Whether an entry whose hash begins with that prefix may be there; `false` is certain. */
  mayHold(high: number, low: number): boolean {
    this.load();
    return (
      this.#tail.count > 0 || (this.#head !== undefined && mayHold(this.#head.filter, high, low))
    );
  }

  /** Appends to `offsets` where entries whose hash begins with that prefix may lie. */
  candidates(high: number, low: number, offsets: number[]): void {
    this.load();
    if (this.#head && mayHold(this.#head.filter, high, low)) {
      this.#entries ??= this.#readEntries();
      if (this.#entries) collectCandidates(this.#entries, high, low, offsets);
    }
    this.#tail.candidates(high, low, offsets);
  }

  /** Whether the index says that an entry whose hash begins like `hash` lies at `offset`. */
  indexes(hash: Uint8Array, offset: number): boolean {
    const offsets: number[] = [];
    this.candidates(readU32(hash, 0), readU32(hash, 4), offsets);
    return offsets.includes(offset);
  }

  /** Reads the index, and scans what it does not cover. */
  load(): void {
    if (this.#loaded) return;
    this.#learn(() => {
      this.#readHeader();
      this.#head = this.#readHead();
      this.#covered = this.#head?.covered ?? packHeaderBytes;
      this.#loaded = true;
      if (!this.#head) this.#scannedAt = this.size();
      this.#scanTail();
    });
  }

  /**
   * Reads what there is to know. After a read that fails nothing is known: what had been found
   * until then would count as all there is, be written into an index, and hide the rest for good.
   */
  #learn(read: () => void): void {
    try {
      read();
    } catch (error) {
      this.unload();
      throw error;
    }
  }

  /**
   * Looks for entries that another process appended; returns whether there were any. Opens the
   * file anew: recovery may have put a shorter one in its place.
   */
  extend(): boolean {
    if (!this.#loaded) return true;
    const before = this.#covered;
    this.#files.forget(this);
    const shorter = this.size() < before;
    // An index that knows more, or knows that nothing will follow, takes the place of the scan.
    const head = this.#readHead();
    const final = head?.sealed && head.covered === before && this.#damage.length === 0;
    if (shorter || final || (head && head.covered > before)) {
      this.unload();
      this.load();
    } else {
      this.#learn(() => this.#scanTail());
    }
    return shorter || this.#covered !== before;
  }

  /**
   * Builds the index from the pack itself; for when an entry was not where it should be. A pack
   * whose index was built that way is only searched where it was damaged. Returns false when that
   * has shown nothing new.
   */
  rescan(): boolean {
    this.#files.forget(this);
    const size = this.size();
    if (this.#loaded && this.#scannedAt === size && !this.#head) return this.#scanDamage();
    this.unload();
    this.#learn(() => {
      this.#readHeader();
      this.#loaded = true;
      this.#scannedAt = size;
      this.#scanTail();
    });
    return true;
  }

  /** Notes a pack that this process has just created: it is empty. */
  created(kind: PackKind): void {
    this.#kind = kind;
    this.#loaded = true;
    this.pinned = true;
  }

  /** Notes whole, valid entries that this process has just written at `offset`. */
  note(bytes: Uint8Array, offset: number): void {
    this.load();
    for (let at = 0; at < bytes.length; at += entrySize(bytes, at)) {
      this.#add(bytes, at, offset + at);
    }
    const end = offset + bytes.length;
    this.#covered = Math.max(this.#covered, end);
    this.#damage = this.#damage.flatMap((old) => without(old, offset, end));
  }

  /** Gives back memory; the index is read or scanned again when it is needed. */
  release(): void {
    if (this.pinned) return;
    if (this.#head) this.#entries = undefined;
    else this.unload();
  }

  /** Forgets everything that is known about the pack. */
  unload(): void {
    this.#loaded = false;
    this.#head = undefined;
    this.#entries = undefined;
    this.#tail = new TailIndex();
    this.#covered = packHeaderBytes;
    this.#damage = [];
  }

  /** Every entry, sorted, those of the tail as well. */
  allEntries(): IndexEntries {
    this.load();
    if (this.#head) this.#entries ??= this.#readEntries();
    if (this.#entries && this.#tail.count === 0) return this.#entries;
    let at = this.#entries?.highs.length ?? 0;
    const count = at + this.#tail.count;
    const highs = new Uint32Array(count);
    const lows = new Uint32Array(count);
    const offsets = new Uint32Array(count);
    highs.set(this.#entries?.highs ?? []);
    lows.set(this.#entries?.lows ?? []);
    offsets.set(this.#entries?.offsets ?? []);
    this.#tail.each((high, low, offset) => {
      highs[at] = high;
      lows[at] = low;
      offsets[at] = offset;
      at += 1;
    });
    return sortEntries(highs, lows, offsets);
  }

  /**
   * Writes the index file, not durably: it is derived, and a torn one is noticed. A damaged pack
   * gets none, so that the damage is seen again by whoever opens it. `sealed`: all of the pack is
   * certain to survive, and nothing will be appended.
   */
  #writeIndex(sealed: boolean): void {
    this.load();
    if (this.#damage.some((damage) => !damage.hole) || this.#kind === undefined) return;
    if (this.size() !== this.#covered || this.#covered === packHeaderBytes) return;
    const bytes = this.#encodeIndex(sealed);
    const temporary = this.indexPath + temporarySuffix;
    this.#disk.remove(temporary);
    const file = this.#disk.open(temporary, "create");
    try {
      file.write(bytes, 0);
    } finally {
      file.close();
    }
    this.#disk.rename(temporary, this.indexPath);
  }

  /** Writes the index unless the disk is full or fails: it is derived, nothing depends on it. */
  tryWriteIndex(sealed: boolean): void {
    try {
      this.#writeIndex(sealed);
    } catch (error) {
      if (codeOf(error) !== "DISK_FULL" && codeOf(error) !== "IO_FAILED") throw error;
    }
  }

  /** Writes the index of a pack that was read and that nothing is added to, where it lacks one. */
  seal(): void {
    if (!this.#loaded) return;
    const sealed = this.trustedTo >= this.size();
    if (this.wantsIndex || (sealed && !this.sealed)) this.tryWriteIndex(sealed);
  }

  #encodeIndex(sealed: boolean): Uint8Array {
    const entries = this.allEntries();
    const count = entries.offsets.length;
    let lastOffset = 0;
    for (const offset of entries.offsets) if (offset > lastOffset) lastOffset = offset;
    const crc = new Uint8Array(4);
    if (count > 0) this.read(crc, lastOffset);
    const filter = buildFilter(entries);
    const lastCrc = readU32(crc, 0);
    const covered = this.#covered;
    const head = { covered, sealed, lastOffset, lastCrc, count, filter };
    this.#head = head;
    this.#entries = entries;
    this.#tail = new TailIndex();
    return encodeIndex(this.number, head, entries);
  }

  #readHeader(): void {
    const header = new Uint8Array(packHeaderBytes);
    const read = this.read(header, 0);
    this.#kind = readPackHeader(header.subarray(0, read), this.number);
    if (this.#kind === undefined && read === packHeaderBytes) {
      this.#damage.push({ offset: 0, end: packHeaderBytes, hole: isZero(header) });
    }
  }

  /** The head of the index file, if it is there and was made from this pack. */
  #readHead(): IndexHead | undefined {
    return this.#withIndexFile((file) => {
      const head = readIndexHead(file, this.number);
      return head && this.#bound(head) ? head : undefined;
    });
  }

  /** The entries of the index file; when they are not whole, the pack is scanned instead. */
  #readEntries(): IndexEntries | undefined {
    const entries = this.#withIndexFile((file) => {
      const head = readIndexHead(file, this.number);
      if (!head || !this.#bound(head) || head.covered < (this.#head?.covered ?? 0))
        return undefined;
      this.#head = head;
      return readIndexEntries(file, head);
    });
    if (!entries) this.rescan();
    return entries;
  }

  /** Whether the pack still has the entry that the index was closed with. */
  #bound(head: IndexHead): boolean {
    if (this.size() < head.covered) return false;
    if (head.count === 0) return head.covered === packHeaderBytes;
    const header = new Uint8Array(entryHeaderBytes);
    if (this.read(header, head.lastOffset) < header.length) return false;
    const end = head.lastOffset + entrySize(header, 0);
    return entryCrc(header, 0) === head.lastCrc && end === head.covered;
  }

  #withIndexFile<T>(use: (file: DiskFile) => T | undefined): T | undefined {
    let file: DiskFile;
    try {
      file = this.#disk.open(this.indexPath, "read");
    } catch (error) {
      if (codeOf(error) === "NOT_FOUND") return undefined;
      throw error;
    }
    try {
      return use(file);
    } finally {
      file.close();
    }
  }

  #scanTail(): void {
    const size = this.size();
    if (size > this.#covered) this.#covered = this.#scan(this.#covered, size);
  }

  /** Looks once more where the pack was damaged: a reader may have come before a write. */
  #scanDamage(): boolean {
    const before = this.#tail.count;
    const damage = this.#damage;
    this.#damage = [];
    this.#learn(() => {
      for (const { offset, end, hole } of damage) {
        const stop = offset < packHeaderBytes ? offset : this.#scan(offset, end);
        if (stop < end) this.#damage.push({ offset: stop, end, hole });
      }
    });
    return this.#tail.count !== before;
  }

  /** Indexes the entries from `from` to `to`; returns where valid ones end. */
  #scan(from: number, to: number): number {
    const read = (into: Uint8Array, offset: number): number => this.read(into, offset);
    return scanEntries(read, this.number, from, to, {
      entry: (buffer, at, offset) => this.#add(buffer, at, offset),
      damaged: (offset, end, buffer, claimed) => {
        this.#damage.push({ offset, end, hole: this.isHole(offset, end) });
        // Whoever asks for what it was shall hear that it is damaged, not that it is missing.
        if (claimed >= 0) this.#add(buffer, claimed, offset);
      },
    });
  }

  /** Whether all bytes from `offset` to `end` are zero. */
  isHole(offset: number, end: number): boolean {
    const window = new Uint8Array(Math.min(end - offset, 64 * 1024));
    for (let at = offset; at < end; at += window.length) {
      const part = window.subarray(0, Math.min(window.length, end - at));
      if (!isZero(part.subarray(0, this.read(part, at)))) return false;
    }
    return true;
  }

  #add(buffer: Uint8Array, at: number, offset: number): void {
    const hash = entryHash(buffer, at);
    if (this.#head && offset < this.#head.covered && this.indexes(hash, offset)) return;
    this.#tail.add(readU32(hash, 0), readU32(hash, 4), offset);
  }
}

/** What is left of a damaged range when `offset` to `end` has been written again. */
function without(old: Damage, offset: number, end: number): Damage[] {
  return [
    { ...old, end: Math.min(old.end, offset) },
    { ...old, offset: Math.max(old.offset, end) },
  ].filter((rest) => rest.offset < rest.end);
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}
