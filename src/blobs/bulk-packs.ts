/**
 * Bulk writing: blobs go straight into a pack of their own, past the journal, and become durable by
 * one sync for many. Until its watermark is on record recovery may cut such a pack, so nobody but
 * its writer counts on what it holds. A pack is left for the next one only by `sync`, so that one
 * watermark tells everything: whatever lies outside of it belongs to nobody.
 */
import { assert, ReachError } from "../base/index.ts";
import type { DiskFile } from "../disk/index.ts";
import { BlobStreamEncoder, type EntrySink, encodeBlob } from "./blob-encoder.ts";
import type { BlobCut, BlobName, BlobStream, BulkPackWriter, PackMark } from "./blobs.ts";
import type { JournaledPacks } from "./journaled-packs.ts";
import { KnownChunks } from "./known-chunks.ts";
import type { KnownEntries } from "./known-entries.ts";
import type { Pack } from "./pack.ts";
import { entryBytesMax, entryHeaderBytes, packHeaderBytes, writeEntry } from "./pack-format.ts";
import type { PackSet } from "./pack-set.ts";

const bufferBytesMax = 1024 * 1024;
/** A pack holds no more without a sync: offsets in an index have 32 bits. */
const unsyncedBytesMax = 2 ** 31;

/** A bulk pack that is open for writing. */
interface OpenBulkPack {
  readonly pack: Pack;
  readonly file: DiskFile;
  /** Where the next entry goes, and up to where the pack is durable. */
  end: number;
  synced: number;
}

/** The bulk writers of a store. Each has packs of its own: a record of one never cuts another. */
export class BulkPacks {
  readonly packs: PackSet;
  readonly known: KnownEntries;
  readonly journaled: JournaledPacks;
  readonly packBytesMax: number;
  readonly slotsMax: number;
  readonly #writers = new Set<PackWriter>();

  constructor(
    packs: PackSet,
    known: KnownEntries,
    journaled: JournaledPacks,
    sizes: { readonly packBytesMax: number; readonly slotsMax: number },
  ) {
    this.packs = packs;
    this.known = known;
    this.journaled = journaled;
    this.packBytesMax = sizes.packBytesMax;
    this.slotsMax = sizes.slotsMax;
  }

  get busy(): boolean {
    return this.#writers.size > 0;
  }

  open(): BulkPackWriter {
    const writer = new PackWriter(this, this.create());
    this.#writers.add(writer);
    return writer;
  }

  create(): OpenBulkPack {
    const { pack, file } = this.packs.create("bulk");
    pack.trustedTo = 0;
    return { pack, file, end: packHeaderBytes, synced: 0 };
  }

  /** Closes a pack that will not grow; `durable` when all of it is. */
  leave({ pack, file, end }: OpenBulkPack, durable: boolean): void {
    file.close();
    pack.pinned = false;
    if (end === packHeaderBytes) this.packs.removeEmpty(pack);
    else if (durable) pack.tryWriteIndex(true);
  }

  ended(writer: PackWriter): void {
    this.#writers.delete(writer);
  }

  /** Ends all writers. */
  close(): void {
    for (const writer of [...this.#writers]) writer.abandon();
  }
}

/** Writes one import. */
class PackWriter implements BulkPackWriter, EntrySink {
  readonly #owner: BulkPacks;
  /** What this writer wrote itself: only it may count on that already. */
  readonly #own: KnownChunks;
  readonly #buffer: Uint8Array;
  #filled = 0;
  #open: OpenBulkPack;
  /** Packs that this writer made durable to their end and left; not confirmed yet. */
  #left: OpenBulkPack[] = [];
  #syncing: Promise<unknown> = Promise.resolve();
  #syncs = 0;
  #state: "open" | "failed" | "closed" = "open";
  #cause: unknown;
  #watermark: PackMark;
  storedBytes = 0;

  constructor(owner: BulkPacks, open: OpenBulkPack) {
    this.#owner = owner;
    this.#own = new KnownChunks(owner.slotsMax);
    const buffer = Math.min(bufferBytesMax, owner.packBytesMax);
    this.#buffer = new Uint8Array(Math.max(buffer, entryBytesMax));
    this.#open = open;
    this.#watermark = { pack: open.pack.number, size: open.end };
  }

  get watermark(): PackMark {
    return this.#watermark;
  }

  get unconfirmed(): readonly number[] {
    return this.#left.map(({ pack }) => pack.number);
  }

  put(bytes: Uint8Array, cut?: BlobCut): BlobName {
    return this.#attempt(() => encodeBlob(bytes, this, cut));
  }

  putStream(): BlobStream {
    const encoder = new BlobStreamEncoder(this);
    return {
      push: (bytes) => this.#attempt(() => encoder.push(bytes)),
      finish: () => this.#attempt(() => encoder.finish()),
    };
  }

  sync(): Promise<PackMark> {
    this.#syncs += 1;
    const next = this.#syncing.then(() => this.#sync());
    this.#syncing = next.catch(() => undefined);
    return next.finally(() => {
      this.#syncs -= 1;
    });
  }

  confirm(): void {
    for (const { pack, end } of this.#left.splice(0)) pack.trustedTo = end;
    this.#open.pack.trustedTo = this.#watermark.size;
  }

  close(): void {
    if (this.#state === "closed") return;
    this.#attempt(() => {
      const { end, synced } = this.#open;
      assert(this.#syncs === 0 && (end === synced || end === packHeaderBytes), "all is synced");
      this.confirm();
    });
    this.#end();
  }

  abandon(): void {
    this.#end();
  }

  knowsBytes(hash: Uint8Array): boolean {
    return this.#remembers(hash) || this.#owner.known.verifiedBytes(hash) !== undefined;
  }

  knowsBlob(name: Uint8Array): boolean {
    return this.#remembers(name);
  }

  knowsEntry(name: Uint8Array, content: Uint8Array): boolean {
    return this.#remembers(name) || this.#owner.known.verifiedBlob(name, content) !== undefined;
  }

  add(kind: number, hash: Uint8Array, content: Uint8Array): void {
    const size = entryHeaderBytes + content.length;
    if (this.#filled + size > this.#buffer.length) this.#flush();
    const open = this.#open;
    if (open.end + size > unsyncedBytesMax) {
      throw new ReachError("BLOB_TOO_LARGE", "too much was put in bulk without a sync", {
        hint: "sync at least once for every GiB, also in the middle of a blob",
      });
    }
    const place = { pack: open.pack.number, base: open.end - this.#filled };
    this.#own.add(hash, open.pack.number, open.end);
    this.#filled = writeEntry(this.#buffer, this.#filled, place, kind, hash, content);
    open.end += size;
    this.storedBytes += size;
  }

  /** What is staged in the journaled packs may still be abandoned, so it does not count. */
  #remembers(hash: Uint8Array): boolean {
    if (this.#own.find(hash) >= 0) return true;
    const address = this.#owner.known.remembered(hash);
    return address !== undefined && !this.#owner.journaled.isPending(address);
  }

  #flush(): void {
    if (this.#filled === 0) return;
    const { pack, file, end } = this.#open;
    const bytes = this.#buffer.subarray(0, this.#filled);
    file.write(bytes, end - this.#filled);
    pack.note(bytes, end - this.#filled);
    this.#filled = 0;
  }

  async #sync(): Promise<PackMark> {
    const { open, end } = this.#attempt(() => {
      this.#flush();
      return { open: this.#open, end: this.#open.end };
    });
    try {
      if (end > open.synced) await open.file.sync();
      // A pack that is synced for the first time is new in its folder.
      const { disk, folder } = this.#owner.packs;
      if (open.synced === 0) await disk.syncFolder(folder);
    } catch (error) {
      this.#fail(error);
      throw error;
    }
    return this.#attempt(() => this.#synced(open, end));
  }

  /** The pack is durable up to `end`; when it is full, the next one begins. Returns the mark. */
  #synced(open: OpenBulkPack, end: number): PackMark {
    open.synced = end;
    if (end >= this.#owner.packBytesMax && open.end === end) {
      this.#open = this.#owner.create();
      this.#left.push(open);
      this.#owner.leave(open, true);
    }
    const size = this.#open === open ? end : packHeaderBytes;
    this.#watermark = { pack: this.#open.pack.number, size };
    return this.#watermark;
  }

  #end(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#owner.ended(this);
    const open = this.#open;
    if (this.#syncs === 0) this.#owner.leave(open, open.end === open.synced);
    // A file is not closed while the disk is still at work on it.
    else void this.#syncing.then(() => open.file.close());
  }

  /** After a failure nobody knows what the pack holds behind its watermark: no more is added. */
  #attempt<T>(work: () => T): T {
    if (this.#state !== "open") {
      throw new ReachError("CLOSED", `this bulk writer is ${this.#state}`, { cause: this.#cause });
    }
    try {
      return work();
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  }

  #fail(error: unknown): void {
    if (this.#state === "open") this.#state = "failed";
    this.#cause = error;
  }
}
