/**
 * The content of one simulated file, twice: what the page cache shows and what the disk holds.
 * Pages are shared between the two, and between a disk and its clones, until somebody writes.
 */
import type { Random } from "./random.ts";

/** Bytes of a page: the unit of caching, of allocation and of what a failed sync forgets. */
export const pageBytes = 4096;
/** Bytes of a sector: the unit that a power failure keeps, drops or tears. */
export const sectorBytes = 512;

const sectorsPerPage = pageBytes / sectorBytes;
const ownedByNobody = 0;
/** Shared by all pages that hold zeros only, which journals and reserves write by the megabyte. */
const zeroPage = new Uint8Array(pageBytes);
const wholePageMarks = new Uint16Array(2 * sectorsPerPage).map((_, entry) =>
  entry % 2 === 0 ? 0 : sectorBytes,
);

interface Page {
  readonly bytes: Uint8Array;
  /** Two entries a sector: from and to of its latest unsynced write; both 0 when it is clean. */
  readonly marks: Uint16Array | undefined;
  /** The disk that may change the page in place; all others copy it first. */
  owner: number;
}

/** What a sync that is under way makes durable: the dirty pages of the moment it was called. */
export interface Capture {
  readonly pages: readonly (readonly [index: number, page: Page])[];
  readonly size: number;
  /** An earlier sync of the same file failed, so this one reports the failure, too. */
  failed: boolean;
}

/** How the unsynced sectors of a file fare at a power failure; the rest are dropped. */
export interface ContentFate {
  /** Probabilities for a sector. */
  readonly kept: number;
  readonly torn: number;
  readonly garbage: number;
  /** Whether garbage hits the whole sector, or only the bytes that were being written. */
  readonly garbageSpreads: boolean;
  readonly size: "kept" | "lost" | "any";
}

/** Damages one sector of `bytes`, which holds the old content, on the way to the new one. */
function tear(bytes: Uint8Array, from: number, fresh: Uint8Array, random: Random): void {
  const to = from + sectorBytes;
  const middle = from + random.int(sectorBytes);
  const form = random.int(4);
  if (form <= 1) bytes.set(fresh.subarray(from, middle), from);
  else if (form === 2) bytes.set(fresh.subarray(middle, to), middle);
  else {
    for (let at = from; at < to; at += 64) {
      if (random.chance(0.5)) bytes.set(fresh.subarray(at, at + 64), at);
    }
  }
}

/** The page a power failure leaves of `page` when the disk held `old` before. */
function survivingPage(
  old: Uint8Array | undefined,
  page: Page,
  fate: ContentFate,
  random: Random,
): Uint8Array | undefined {
  if (fate.kept >= 1) return page.bytes;
  if (fate.kept + fate.torn + fate.garbage <= 0) return old;
  if (page.bytes === zeroPage && old === undefined) {
    return random.chance(fate.kept) ? zeroPage : undefined; // reads as zeros either way
  }
  const marks = page.marks as Uint16Array;
  let bytes: Uint8Array | undefined;
  for (let sector = 0; sector < sectorsPerPage; sector++) {
    const end = marks[2 * sector + 1] as number;
    if (end === 0) continue;
    const draw = random.int(1_000_000) / 1_000_000;
    if (draw >= fate.kept + fate.torn + fate.garbage) continue;
    bytes ??= (old ?? zeroPage).slice();
    const from = sector * sectorBytes;
    if (draw < fate.kept) bytes.set(page.bytes.subarray(from, from + sectorBytes), from);
    else if (draw < fate.kept + fate.torn) tear(bytes, from, page.bytes, random);
    else if (fate.garbageSpreads) random.fill(bytes.subarray(from, from + sectorBytes));
    else random.fill(bytes.subarray(from + (marks[2 * sector] as number), from + end));
  }
  return bytes ?? old;
}

/** Content of a file, cached and durable. Only the disk named by `owner` may change it. */
export class FileContent {
  readonly owner: number;
  #pages: (Page | undefined)[] = [];
  #durable: (Uint8Array | undefined)[] = [];
  #syncing: Capture[] = [];
  #size = 0;
  #durableSize = 0;
  #allocated = 0;

  constructor(owner: number) {
    this.owner = owner;
  }

  /** The same content for another disk; pages are shared. */
  copy(owner: number): FileContent {
    const copy = new FileContent(owner);
    copy.#pages = this.#pages.slice();
    copy.#durable = this.#durable.slice();
    copy.#syncing = this.#syncing.slice();
    copy.#size = this.#size;
    copy.#durableSize = this.#durableSize;
    copy.#allocated = this.#allocated;
    return copy;
  }

  get size(): number {
    return this.#size;
  }

  /** Pages that take room on the disk; holes take none. */
  get allocated(): number {
    return this.#allocated;
  }

  /** Whether a power failure could change what the file holds. */
  get unsynced(): boolean {
    if (this.#size !== this.#durableSize || this.#syncing.length > 0) return true;
    return this.#pages.some((page) => page?.marks !== undefined);
  }

  /** Whether the cache shows nothing but what is durable: a power failure leaves just that. */
  get settled(): boolean {
    if (this.unsynced) return false;
    return this.#pages.every((page, index) => page?.bytes === this.#durable[index]);
  }

  read(into: Uint8Array, position: number): number {
    const count = Math.max(0, Math.min(into.length, this.#size - position));
    for (let done = 0; done < count; ) {
      const at = (position + done) % pageBytes;
      const step = Math.min(pageBytes - at, count - done);
      const page = this.#pages[(position + done - at) / pageBytes];
      if (page === undefined) into.fill(0, done, done + step);
      else into.set(page.bytes.subarray(at, at + step), done);
      done += step;
    }
    return count;
  }

  /** How many of `length` bytes at `position` can be written with `room` more pages. */
  fitting(position: number, length: number, room: number): number {
    let free = room;
    for (let done = 0; done < length; ) {
      const at = (position + done) % pageBytes;
      if (this.#pages[(position + done - at) / pageBytes] === undefined && --free < 0) return done;
      done += pageBytes - at;
    }
    return length;
  }

  write(bytes: Uint8Array, position: number): void {
    if (bytes.length === 0) return;
    for (let done = 0; done < bytes.length; ) {
      const at = (position + done) % pageBytes;
      const step = Math.min(pageBytes - at, bytes.length - done);
      this.#writePage((position + done - at) / pageBytes, at, bytes.subarray(done, done + step));
      done += step;
    }
    this.#size = Math.max(this.#size, position + bytes.length);
  }

  #writePage(index: number, at: number, bytes: Uint8Array): void {
    let page = this.#pages[index];
    if (page === undefined) {
      this.#allocated++;
      if (Buffer.compare(bytes, zeroPage) === 0) {
        const marks = wholePageMarks;
        this.#pages[index] = { bytes: zeroPage, marks, owner: ownedByNobody };
        return;
      }
    }
    if (page === undefined || page.owner !== this.owner || page.marks === undefined) {
      const marks = page?.marks?.slice() ?? new Uint16Array(2 * sectorsPerPage);
      const content = page?.bytes.slice() ?? new Uint8Array(pageBytes);
      page = { bytes: content, marks, owner: this.owner };
      this.#pages[index] = page;
    }
    page.bytes.set(bytes, at);
    const marks = page.marks as Uint16Array;
    for (let from = at; from < at + bytes.length; ) {
      const sector = Math.floor(from / sectorBytes);
      const to = Math.min(at + bytes.length, (sector + 1) * sectorBytes);
      marks[2 * sector] = from - sector * sectorBytes;
      marks[2 * sector + 1] = to - sector * sectorBytes;
      from = to;
    }
  }

  /** Starts a sync: what is written from now on is not part of it. */
  beginSync(): Capture {
    const pages: [number, Page][] = [];
    for (let index = 0; index < this.#pages.length; index++) {
      const page = this.#pages[index];
      if (page?.marks === undefined) continue;
      pages.push([index, page]);
      this.#pages[index] = { bytes: page.bytes, marks: undefined, owner: ownedByNobody };
    }
    const capture = { pages, size: this.#size, failed: false };
    this.#syncing.push(capture);
    return capture;
  }

  /** Ends a sync well, with all that were called before it; false when one of those had failed. */
  endSync(capture: Capture): boolean {
    const last = this.#syncing.indexOf(capture);
    for (const { pages, size } of this.#syncing.splice(0, last + 1)) {
      for (const [index, page] of pages) this.#durable[index] = page.bytes;
      this.#durableSize = Math.max(this.#durableSize, size);
    }
    return !capture.failed;
  }

  /**
   * Ends a sync badly. Each page is either thrown out of the cache, so that reads see what the disk
   * holds, or stays in the cache but counts as clean, so that no later sync writes it.
   */
  failSync(capture: Capture, random: Random): void {
    const last = this.#syncing.indexOf(capture);
    const failed = this.#syncing.splice(0, last + 1);
    for (const later of this.#syncing) later.failed = true;
    const forgotten = random.pick([0, 1, 0.5]);
    const written = random.pick([0, 0, 0.5]);
    for (const [index, page] of failed.flatMap((one) => one.pages)) {
      if (random.chance(written)) this.#durable[index] = page.bytes;
      else if (random.chance(forgotten)) this.#forget(index, page);
    }
  }

  #forget(index: number, page: Page): void {
    if (this.#pages[index]?.bytes !== page.bytes) return; // written again since, and dirty
    const bytes = this.#durable[index];
    if (bytes === undefined) this.#allocated--;
    this.#pages[index] = bytes && { bytes, marks: undefined, owner: ownedByNobody };
  }

  /** The kernel writes some dirty pages back by itself, as it may at any time. */
  writeBack(random: Random): void {
    if (this.#syncing.length > 0) return;
    for (let index = 0; index < this.#pages.length; index++) {
      const page = this.#pages[index];
      if (page?.marks === undefined || random.chance(0.5)) continue;
      this.#durable[index] = page.bytes;
      this.#pages[index] = { bytes: page.bytes, marks: undefined, owner: ownedByNobody };
    }
    if (random.chance(0.5)) this.#durableSize = this.#size;
  }

  /** What a power failure leaves of the file, for the disk named by `owner`. */
  surviving(owner: number, fate: ContentFate, random: Random): FileContent {
    const rest = new FileContent(owner);
    const durable = this.#durable.slice();
    for (const { pages } of this.#syncing) {
      for (const [index, page] of pages) {
        durable[index] = survivingPage(durable[index], page, fate, random);
      }
    }
    for (let index = 0; index < this.#pages.length; index++) {
      const page = this.#pages[index];
      if (page?.marks === undefined) continue;
      durable[index] = survivingPage(durable[index], page, fate, random);
    }
    rest.#hold(durable, this.#survivingSize(fate, random));
    return rest;
  }

  #survivingSize(fate: ContentFate, random: Random): number {
    if (fate.size !== "any") return fate.size === "kept" ? this.#size : this.#durableSize;
    const sectors = Math.floor((this.#size - this.#durableSize) / sectorBytes);
    const between = Math.min(this.#size, this.#durableSize + sectorBytes * random.int(sectors + 1));
    return random.pick([this.#durableSize, this.#size, between]);
  }

  /** Makes `durable`, cut at `size`, the whole content of this new file. */
  #hold(durable: (Uint8Array | undefined)[], size: number): void {
    durable.length = Math.min(durable.length, Math.ceil(size / pageBytes));
    const tail = size % pageBytes;
    const last = durable[Math.floor(size / pageBytes)];
    if (tail > 0 && last?.subarray(tail).some((byte) => byte !== 0)) {
      const cut = last.slice();
      cut.fill(0, tail);
      durable[durable.length - 1] = cut;
    }
    this.#durable = durable;
    this.#pages = durable.map((bytes) =>
      bytes === undefined ? undefined : { bytes, marks: undefined, owner: ownedByNobody },
    );
    this.#allocated = durable.reduce((count, bytes) => count + (bytes === undefined ? 0 : 1), 0);
    this.#size = size;
    this.#durableSize = size;
  }
}
