/**
 * Bulk writing: blobs go straight into a pack of their own, past the journal, and become durable by
 * one sync for many. Until its watermark is on record recovery may cut such a pack, so nobody but
 * its writer counts on what it holds. A pack is left for the next one only by `sync`, so that one
 * watermark tells everything: whatever lies outside of it belongs to nobody.
 */
import { assert, ReachError } from "../base/index.ts";
import type { DiskFile } from "../disk/index.ts";
import { BlobStreamEncoder, type EntrySink, encodeBlob } from "./blob-encoder.ts";
import type { BlobName, BlobStream, BulkPackWriter, PackMark } from "./blobs.ts";
import type { JournaledPacks } from "./journaled-packs.ts";
import { KnownChunks } from "./known-chunks.ts";
import type { KnownEntries } from "./known-entries.ts";
import type { Pack } from "./pack.ts";
import { entryHeaderBytes, packHeaderBytes, writeEntry } from "./pack-format.ts";
import type { PackSet } from "./pack-set.ts";

const bufferBytes = 1024 * 1024;
/** A pack that is written for long without a sync is left at this many times its full size. */
const overfull = 2;

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
    if (end === packHeaderBytes) {
      this.packs.drop(pack);
      this.packs.disk.remove(pack.path);
    } else if (durable) {
      pack.tryWriteIndex(true);
    }
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
  readonly #buffer = new Uint8Array(bufferBytes);
  #filled = 0;
  #open: OpenBulkPack;
  /** Packs that were left since the last sync because they were overfull. */
  #earlier: OpenBulkPack[] = [];
  /** Packs that this writer made durable to their end and left; not on record yet. */
  #durable: OpenBulkPack[] = [];
  #syncing: Promise<unknown> = Promise.resolve();
  #syncs = 0;
  #state: "open" | "failed" | "closed" = "open";
  #cause: unknown;
  #watermark: PackMark;
  storedBytes = 0;

  constructor(owner: BulkPacks, open: OpenBulkPack) {
    this.#owner = owner;
    this.#own = new KnownChunks(owner.slotsMax);
    this.#open = open;
    this.#watermark = { pack: open.pack.number, size: open.end };
  }

  get watermark(): PackMark {
    return this.#watermark;
  }

  put(bytes: Uint8Array): BlobName {
    return this.#attempt(() => encodeBlob(bytes, this));
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
    for (const { pack, end } of this.#durable.splice(0)) pack.trustedTo = end;
    if (this.#open.pack.number === this.#watermark.pack) {
      this.#open.pack.trustedTo = this.#watermark.size;
    }
  }

  close(): void {
    assert(this.#syncs === 0, "a bulk writer is closed when its syncs are done");
    if (this.#state === "open") this.confirm();
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
    if (this.#open.end + size > overfull * this.#owner.packBytesMax) this.#leaveOverfull();
    const open = this.#open;
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

  #leaveOverfull(): void {
    this.#flush();
    this.#earlier.push(this.#open);
    this.#open = this.#owner.create();
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
    const grown = this.#attempt(() => {
      this.#flush();
      const open = [...this.#earlier, this.#open].filter(({ end, synced }) => end > synced);
      return open.map((pack) => ({ open: pack, end: pack.end }));
    });
    try {
      for (const { open } of grown) await open.file.sync();
      // A pack that is synced for the first time is new in its folder.
      const { disk, folder } = this.#owner.packs;
      if (grown.some(({ open }) => open.synced === 0)) await disk.syncFolder(folder);
    } catch (error) {
      this.#fail(error);
      throw error;
    }
    return this.#attempt(() => {
      for (const { open, end } of grown) this.#synced(open, end);
      const { pack, synced } = this.#open;
      this.#watermark = { pack: pack.number, size: Math.max(synced, packHeaderBytes) };
      return this.#watermark;
    });
  }

  /** A pack is durable up to `end`; when it is full, the next one begins. */
  #synced(open: OpenBulkPack, end: number): void {
    open.synced = end;
    if (open.end > end) return;
    if (open === this.#open) {
      if (end < this.#owner.packBytesMax) return;
      this.#open = this.#owner.create();
    }
    this.#earlier = this.#earlier.filter((other) => other !== open);
    this.#durable.push(open);
    this.#owner.leave(open, true);
  }

  #end(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#owner.ended(this);
    const leave = (): void => {
      for (const open of [...this.#earlier, this.#open]) {
        this.#owner.leave(open, open.end === open.synced);
      }
    };
    // A file is not closed while the disk is still at work on it.
    if (this.#syncs === 0) leave();
    else void this.#syncing.then(leave);
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
