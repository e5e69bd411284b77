/**
 * The store in packs: the driver of `BlobStore` on a disk. One folder of packs, written in two
 * ways (behind the journal, and in bulk), read in one.
 */
import { assert, limits, ReachError } from "../base/index.ts";
import { createFolders, cutFile, type Disk, folderOf, type LockCheck } from "../disk/index.ts";
import { checkPacks } from "./blob-check.ts";
import { checkName } from "./blob-encoder.ts";
import { BlobReads } from "./blob-reads.ts";
import type {
  BlobProblem,
  BlobStore,
  BulkPackWriter,
  CheckProgress,
  CollectReport,
  PackInfo,
  PackWrite,
  StagedBlob,
} from "./blobs.ts";
import { BulkPacks } from "./bulk-packs.ts";
import { JournaledPacks } from "./journaled-packs.ts";
import { knownSlotsDefault } from "./known-chunks.ts";
import { KnownEntries } from "./known-entries.ts";
import { collectPacks } from "./pack-collect.ts";
import { packHeader, packHeaderBytes, packName } from "./pack-format.ts";
import { PackSet } from "./pack-set.ts";

/** How much memory may be used, and when a pack is full; each has a default. */
export interface PackBlobsOptions {
  /** Memory for the entries of indexes: 64 MiB. */
  readonly indexBytesMax?: number;
  /** Places in the memory of deduplication, a power of two: 2^20, which is 40 MiB. */
  readonly knownSlotsMax?: number;
  /** `limits.packBytesMax`. */
  readonly packBytesMax?: number;
}

const indexBytesDefault = 64 * 1024 * 1024;
const noLock: LockCheck = () => {};

/** What a store that writes has besides. */
interface WriteSide {
  readonly known: KnownEntries;
  readonly journaled: JournaledPacks;
  readonly bulk: BulkPacks;
}

/** The packs of a folder. */
export class PackBlobs implements BlobStore {
  readonly #packs: PackSet;
  readonly #reads: BlobReads;
  readonly #packBytesMax: number;
  readonly #write: WriteSide | undefined;

  private constructor(disk: Disk, folder: string, mode: "read" | "write", opt: PackBlobsOptions) {
    const { indexBytesMax = indexBytesDefault, packBytesMax = limits.packBytesMax } = opt;
    const writable = mode === "write";
    this.#packs = new PackSet({ disk, folder, writable, indexBytesMax });
    this.#reads = new BlobReads(this.#packs);
    this.#packBytesMax = packBytesMax;
    if (!writable) return;
    const slotsMax = opt.knownSlotsMax ?? knownSlotsDefault;
    const known = new KnownEntries(this.#packs, slotsMax);
    const journaled = new JournaledPacks(this.#packs, known, packBytesMax);
    const bulk = new BulkPacks(this.#packs, known, journaled, { packBytesMax, slotsMax });
    this.#write = { known, journaled, bulk };
  }

  /**
   * Opens the packs of `folder`. For reading, it may be missing. For writing, it is created durably
   * below a parent that exists; the caller holds the lock of the data directory, and recovers
   * (`cut`, `apply`) before it writes anything new.
   */
  static async open(
    disk: Disk,
    folder: string,
    mode: "read" | "write",
    options: PackBlobsOptions = {},
  ): Promise<PackBlobs> {
    if (mode === "write") await createFolders(disk, folderOf(folder), folder);
    const blobs = new PackBlobs(disk, folder, mode, options);
    if (mode === "write") blobs.#packs.removeLeftovers();
    return blobs;
  }

  get(sha256: Uint8Array, bytesMax?: number): Uint8Array {
    checkName(sha256);
    return this.#reads.get(sha256, bytesMax);
  }

  stream(sha256: Uint8Array): Generator<Uint8Array> {
    checkName(sha256);
    return new BlobReads(this.#packs).stream(sha256);
  }

  has(sha256: Uint8Array): boolean {
    return this.sizeOf(sha256) !== undefined;
  }

  sizeOf(sha256: Uint8Array): number | undefined {
    checkName(sha256);
    return this.#reads.sizeOf(sha256);
  }

  problemsOf(sha256: Uint8Array): BlobProblem[] {
    checkName(sha256);
    return this.#reads.problemsOf(sha256);
  }

  verifyAll(
    live: Iterable<Uint8Array>,
    onProgress: CheckProgress = () => undefined,
  ): Generator<BlobProblem> {
    return checkPacks(this.#packs, live, onProgress);
  }

  stage(bytes: Uint8Array): StagedBlob {
    return this.#writing().journaled.stage(bytes);
  }

  abandon(staged: StagedBlob): void {
    this.#writing().journaled.abandon(staged);
  }

  apply(write: PackWrite): void {
    this.#writing().journaled.apply(write);
  }

  openBulk(): BulkPackWriter {
    return this.#writing().bulk.open();
  }

  /** The file of a pack, for whoever makes journaled packs durable. */
  pathOfPack(pack: number): string {
    return `${this.#packs.folder}/${packName(pack)}`;
  }

  /** The first bytes of a journaled pack, for whoever writes its file anew. */
  headerOfPack(pack: number): Uint8Array {
    return packHeader(pack, "journaled");
  }

  /** The file of a journaled pack was replaced by another one with the same content. */
  replaced(number: number): void {
    this.#writing().journaled.replaced(number);
    const pack = this.#packs.get(number);
    if (pack) this.#packs.forgetFile(pack);
  }

  packs(): PackInfo[] {
    return this.#packs.all().flatMap((pack) => {
      const { number } = pack;
      const size = this.#packs.unlessGone(pack, () => pack.size());
      return size === undefined ? [] : [{ pack: number, size, kind: pack.kind ?? "unknown" }];
    });
  }

  async cut(number: number, size: number, checkLock: LockCheck = noLock): Promise<void> {
    const { known } = this.#writing();
    const pack = this.#packs.get(number);
    if (!pack) return;
    assert(pack.kind !== "journaled", `${pack.name} is behind the journal and never cut`);
    const { disk, folder } = this.#packs;
    checkLock();
    if (size <= packHeaderBytes && this.#packs.removeEmpty(pack)) {
      await disk.syncFolder(folder);
    } else if (pack.size() > size) {
      disk.remove(pack.indexPath);
      this.#packs.drop(pack);
      await cutFile(disk, pack.path, Math.max(size, packHeaderBytes), checkLock);
    }
    known.table.clear();
    // All that is left is on record.
    if (disk.exists(pack.path)) this.#packs.adopt(number).trustedTo = size;
  }

  async collect(live: Iterable<Uint8Array>, checkLock: LockCheck = noLock): Promise<CollectReport> {
    const { known, journaled, bulk } = this.#writing();
    assert(!journaled.busy, "nothing is staged while packs are collected");
    assert(!bulk.busy, "no bulk writer is open while packs are collected");
    journaled.close();
    bulk.close();
    known.table.clear();
    const packBytesMax = this.#packBytesMax;
    return await collectPacks(this.#packs, this.#reads, live, { packBytesMax, checkLock });
  }

  /** Closes the store; a bulk writer that is open is abandoned. Nothing is made durable. */
  close(): void {
    try {
      if (this.#write) this.#closeWriting(this.#write);
    } finally {
      this.#packs.close();
    }
  }

  #closeWriting({ journaled, bulk }: WriteSide): void {
    bulk.close();
    journaled.close();
    // The next process goes on in the last journaled pack.
    const last = this.#packs.lastOf("journaled");
    for (const pack of this.#packs.all()) {
      if (pack !== last) this.#packs.unlessGone(pack, () => pack.seal());
    }
    if (last?.wantsIndex) last.tryWriteIndex(false);
  }

  #writing(): WriteSide {
    if (this.#write) return this.#write;
    throw new ReachError("READ_ONLY", `${this.#packs.folder} is open for reading only`);
  }
}
