/**
 * Garbage collection: packs that are mostly dead, or small, are copied into new ones without what
 * nobody needs. Order: mark and verify everything that is live; write the new packs under another
 * name, sync them, rename them, sync the folder; only then remove the old ones. If we crash in
 * between, some entries are there twice, which harms nothing.
 */
import { assert, ReachError, readU32 } from "../base/index.ts";
import { type DiskFile, dropTemporary, type LockCheck, temporarySuffix } from "../disk/index.ts";
import type { BlobReads } from "./blob-reads.ts";
import type { CollectReport } from "./blobs.ts";
import { type Entry, EntryWindow } from "./entry-window.ts";
import type { Pack } from "./pack.ts";
import { entryHash, packHeader, packHeaderBytes, packName, writeEntry } from "./pack-format.ts";
import { lowerBound } from "./pack-index.ts";
import { scanEntries } from "./pack-scan.ts";
import type { PackSet } from "./pack-set.ts";

const bufferBytes = 1024 * 1024;
/** Packs smaller than this part of a full one are joined, when there are at least that many. */
const smallPackPart = 1 / 4;
const smallPacksMin = 4;

/** Which entries of a pack are live: one bit for each, in the order of its index. */
class PackMarks {
  readonly pack: Pack;
  readonly #bits: Uint8Array;
  liveBytes = 0;

  constructor(pack: Pack) {
    this.pack = pack;
    this.#bits = new Uint8Array(Math.ceil(pack.allEntries().offsets.length / 8));
  }

  /** Marks an entry; returns whether it had not been marked. */
  mark(hash: Uint8Array, offset: number, size: number): boolean {
    const position = this.#position(hash, offset);
    if (this.#bit(position)) return false;
    const byte = position >>> 3;
    this.#bits[byte] = (this.#bits[byte] as number) | (1 << (position & 7));
    this.liveBytes += size;
    return true;
  }

  isMarked(hash: Uint8Array, offset: number): boolean {
    return this.#bit(this.#position(hash, offset));
  }

  #bit(position: number): boolean {
    return ((this.#bits[position >>> 3] as number) & (1 << (position & 7))) !== 0;
  }

  #position(hash: Uint8Array, offset: number): number {
    const entries = this.pack.allEntries();
    let position = lowerBound(entries, readU32(hash, 0), readU32(hash, 4));
    while (entries.offsets[position] !== offset) {
      assert(position < entries.offsets.length, "a live entry is in the index of its pack");
      position += 1;
    }
    return position;
  }
}

/** A pack under the name it has until it is whole. */
interface TemporaryPack {
  readonly number: number;
  readonly path: string;
  readonly file: DiskFile;
}

/** Writes packs that appear whole or not at all. */
class CollectedPacks {
  readonly #packs: PackSet;
  readonly #packBytesMax: number;
  readonly #checkLock: LockCheck;
  readonly #buffer = new Uint8Array(bufferBytes);
  #filled = 0;
  #open: TemporaryPack | undefined;
  #end = 0;
  count = 0;
  bytes = 0;

  constructor(packs: PackSet, packBytesMax: number, checkLock: LockCheck) {
    this.#packs = packs;
    this.#packBytesMax = packBytesMax;
    this.#checkLock = checkLock;
  }

  /** Begins a pack. */
  begin(): TemporaryPack {
    const number = this.#packs.highest + 1;
    this.#packs.reserve(number);
    const path = `${this.#packs.folder}/${packName(number)}`;
    this.#checkLock();
    this.#packs.disk.remove(path + temporarySuffix);
    const file = this.#packs.disk.open(path + temporarySuffix, "create");
    this.#open = { number, path, file };
    this.#buffer.set(packHeader(number, "collected"));
    this.#filled = packHeaderBytes;
    this.#end = packHeaderBytes;
    return this.#open;
  }

  async add(entry: Entry): Promise<void> {
    if (this.#end + entry.size > this.#packBytesMax) await this.finish();
    const { number } = this.#open ?? this.begin();
    if (this.#filled + entry.size > this.#buffer.length) this.#flush();
    const place = { pack: number, base: this.#end - this.#filled };
    const { kind, hash, content } = entry;
    this.#filled = writeEntry(this.#buffer, this.#filled, place, kind, hash, content);
    this.#end += entry.size;
  }

  /** Makes the open pack durable and gives it its name. */
  async finish(): Promise<void> {
    const open = this.#open;
    if (!open) return;
    this.#flush();
    await open.file.sync();
    this.#checkLock();
    open.file.close();
    this.#open = undefined;
    this.#packs.disk.rename(open.path + temporarySuffix, open.path);
    const pack = this.#packs.adopt(open.number);
    // What the old packs hold goes only when it can be read here: this scans the whole pack.
    if (pack.covered !== this.#end || pack.damage.length > 0) throw unreadable(pack);
    pack.tryWriteIndex(true);
    this.count += 1;
    this.bytes += this.#end;
  }

  /** Gives up the pack that is not finished. */
  giveUp(): void {
    this.#open?.file.close();
    if (this.#open) {
      dropTemporary(this.#packs.disk, this.#open.path + temporarySuffix, this.#checkLock);
    }
    this.#open = undefined;
  }

  #flush(): void {
    if (!this.#open || this.#filled === 0) return;
    this.#open.file.write(this.#buffer.subarray(0, this.#filled), this.#end - this.#filled);
    this.#filled = 0;
  }
}

/** When a pack is full, and who may collect. */
export interface CollectOptions {
  readonly packBytesMax: number;
  /** Throws when another writer has taken over. */
  readonly checkLock: LockCheck;
}

/** Collects; see `BlobStore.collect`. The caller forgets what it knew of old packs. */
export async function collectPacks(
  packs: PackSet,
  reads: BlobReads,
  live: Iterable<Uint8Array>,
  { packBytesMax, checkLock }: CollectOptions,
): Promise<CollectReport> {
  const marks = markLive(packs, reads, live);
  const old = chooseOld(packs, marks, packBytesMax);
  const report = { packsRemoved: old.length, packsWritten: 0, bytesFreed: 0 };
  if (old.length === 0) return report;
  const collected = new CollectedPacks(packs, packBytesMax, checkLock);
  try {
    // Numbers are never used twice: the highest goes only when a higher one is there.
    if (old.some((mark) => mark.pack.number === packs.highest)) collected.begin();
    for (const mark of old) await copyLive(mark, collected);
    await collected.finish();
  } catch (error) {
    collected.giveUp();
    throw error;
  }
  await packs.disk.syncFolder(packs.folder);
  // Whoever has taken over may have named anew what nothing named when this began.
  checkLock();
  const bytesRemoved = old.reduce((sum, { pack }) => sum + pack.size(), 0);
  for (const { pack } of old) packs.remove(pack);
  await packs.disk.syncFolder(packs.folder);
  report.packsWritten = collected.count;
  report.bytesFreed = bytesRemoved - collected.bytes;
  return report;
}

/** Marks what live blobs need, each entry verified. Damaged packs get no marks: they stay. */
function markLive(
  packs: PackSet,
  reads: BlobReads,
  live: Iterable<Uint8Array>,
): Map<number, PackMarks> {
  const marks = new Map<number, PackMarks>();
  for (const pack of packs.all()) {
    pack.load();
    pack.seal();
    const whole = pack.covered === pack.size() && pack.damage.every((damage) => damage.hole);
    if (whole && pack.kind !== undefined) marks.set(pack.number, new PackMarks(pack));
  }
  const enter = (entry: Entry): boolean =>
    marks.get(entry.pack.number)?.mark(entry.hash, entry.offset, entry.size) ?? true;
  for (const name of live) reads.visit(name, enter);
  return marks;
}

/** The packs to do away with: those mostly dead, and small ones when there are several. */
function chooseOld(
  packs: PackSet,
  marks: ReadonlyMap<number, PackMarks>,
  packBytesMax: number,
): PackMarks[] {
  const all = [...marks.values()];
  const small = all.filter(({ pack }) => pack.size() < packBytesMax * smallPackPart);
  const join = small.length >= smallPacksMin;
  return all.filter((mark) => {
    const size = mark.pack.size();
    if (size <= packHeaderBytes && mark.pack.number === packs.highest) return false;
    const mostlyDead = mark.liveBytes < (size - packHeaderBytes) / 2 || size <= packHeaderBytes;
    return mostlyDead || (join && small.includes(mark));
  });
}

/** Copies the live entries of a pack, and makes sure that none was passed over. */
async function copyLive(mark: PackMarks, collected: CollectedPacks): Promise<void> {
  const { pack } = mark;
  if (mark.liveBytes === 0) return;
  const window = new EntryWindow();
  let copied = 0;
  for (const offset of liveOffsets(mark)) {
    const entry = window.at(pack, offset);
    if (!entry?.isValid()) throw unreadable(pack);
    copied += entry.size;
    await collected.add(entry);
  }
  if (copied !== mark.liveBytes) throw unreadable(pack);
}

/** Offsets of the live entries of a pack, ascending. */
function liveOffsets(mark: PackMarks): number[] {
  const { pack } = mark;
  const offsets: number[] = [];
  const read = (into: Uint8Array, offset: number): number => pack.read(into, offset);
  scanEntries(read, pack.number, packHeaderBytes, pack.size(), {
    entry: (buffer, at, offset) => {
      if (mark.isMarked(entryHash(buffer, at), offset)) offsets.push(offset);
    },
    damaged: () => undefined,
  });
  return offsets;
}

function unreadable(pack: Pack): ReachError {
  return new ReachError("BLOB_CORRUPT", `${pack.name} changed while packs were collected`, {
    where: pack.path,
    hint: "check the disk, and run `reach verify`; nothing was removed",
  });
}
