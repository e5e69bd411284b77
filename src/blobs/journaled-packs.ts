/**
 * The packs behind the journal. `stage` lays a blob out at the end of the open pack without writing
 * its bytes; once the journal holds them durably, `apply` writes them to their place, and recovery
 * does it again. Who makes the packs durable is the journal, before it lets go of a segment.
 * Offsets are never given out twice: what an abandoned blob leaves is a hole nothing refers to.
 */
import { assert, limits, ReachError } from "../base/index.ts";
import type { DiskFile } from "../disk/index.ts";
import { encodeBlob } from "./blob-encoder.ts";
import type { PackWrite, StagedBlob } from "./blobs.ts";
import { EntryLayout, forgetEntries } from "./entry-layout.ts";
import type { EntryAddress, KnownEntries } from "./known-entries.ts";
import type { Pack } from "./pack.ts";
import {
  entryBytesMax,
  entryHeaderBytes,
  entryIsValid,
  entrySize,
  packHeader,
  packHeaderBytes,
  packName,
} from "./pack-format.ts";
import type { PackSet } from "./pack-set.ts";
import { PendingWrites } from "./pending-writes.ts";

/** A pack that is open for writing. */
interface OpenPack {
  readonly pack: Pack;
  readonly file: DiskFile;
}

/** Most bytes that the entries of a blob of `size` bytes take. */
function entriesBytesMax(size: number): number {
  const chunks = Math.ceil(size / limits.chunkBytesMin) + 1;
  return size + 2 * (chunks + 1) * entryHeaderBytes + entryBytesMax;
}

/** The writer of journaled packs. */
export class JournaledPacks {
  readonly #packs: PackSet;
  readonly #known: KnownEntries;
  readonly #packBytesMax: number;
  readonly #pending = new PendingWrites();
  readonly #open = new Map<number, OpenPack>();
  /** Pack and offset of the next entry; pack 0 while none is chosen. */
  #pack = 0;
  #end = 0;
  #mayResume = true;

  constructor(packs: PackSet, known: KnownEntries, packBytesMax: number) {
    this.#packs = packs;
    this.#known = known;
    this.#packBytesMax = packBytesMax;
  }

  /** Whether blobs are staged that are neither applied nor abandoned. */
  get busy(): boolean {
    return this.#pending.count > 0;
  }

  /** Whether an entry is staged only: it may never be written. */
  isPending(address: EntryAddress): boolean {
    return this.#pending.at(address) !== undefined;
  }

  stage(bytes: Uint8Array): StagedBlob {
    if (bytes.length > limits.blobJournalBytesMax) {
      throw new ReachError("BLOB_TOO_LARGE", `a blob of ${bytes.length} bytes is too large`, {
        hint: `write blobs above ${limits.blobJournalBytesMax} bytes in bulk`,
      });
    }
    const start = this.#room(entriesBytesMax(bytes.length));
    const layout = new EntryLayout(start, this.#known, this.#pending);
    try {
      const ref = encodeBlob(bytes, layout);
      const write = layout.write();
      if (write) this.#end += write.bytes.length;
      return this.#pending.add(ref, layout.needs, write);
    } catch (error) {
      const write = layout.write();
      if (write) forgetEntries(this.#known, write);
      throw error;
    }
  }

  abandon(staged: StagedBlob): void {
    for (const write of this.#pending.abandon(staged)) {
      forgetEntries(this.#known, write);
      // What was laid out behind it keeps its place; what comes next begins in another pack.
      this.#pack = 0;
      this.#mayResume = false;
    }
  }

  apply(write: PackWrite): void {
    // What was laid out here is right; what comes from recovery may be anything.
    if (this.#pending.at(write)?.write.bytes !== write.bytes) checkEntries(write);
    const open = this.#openPack(write.pack);
    open.file.write(write.bytes, write.offset);
    open.pack.note(write.bytes, write.offset);
    this.#pending.settle(write);
    if (this.#pack !== 0 && this.#open.size > 1) this.#leaveOld();
  }

  /** The file of a pack has been replaced by another one of the same content. */
  replaced(number: number): void {
    const open = this.#open.get(number);
    open?.file.close();
    this.#open.delete(number);
    if (open) open.pack.pinned = false;
  }

  /** Closes the files. What follows begins in another pack. */
  close(): void {
    for (const number of [...this.#open.keys()]) this.replaced(number);
    this.#pack = 0;
    this.#mayResume = false;
  }

  /** Where the next entries go, with room for `size` bytes. */
  #room(size: number): EntryAddress {
    if (this.#mayResume) this.#resume();
    if (this.#pack === 0 || this.#end + size > this.#packBytesMax) {
      const { pack, file } = this.#packs.create("journaled");
      this.#open.set(pack.number, { pack, file });
      this.#pack = pack.number;
      this.#end = packHeaderBytes;
    }
    return { pack: this.#pack, offset: this.#end };
  }

  /** Goes on in the pack that an earlier process left open, if it is whole to its end. */
  #resume(): void {
    this.#mayResume = false;
    const last = this.#packs.lastOf("journaled");
    if (!last || last.sealed || last.damage.length > 0) return;
    if (last.covered !== last.size()) return;
    this.#pack = last.number;
    this.#end = last.covered;
  }

  #openPack(number: number): OpenPack {
    let open = this.#open.get(number);
    if (!open) {
      open = this.#packs.createNumber(number, "journaled") ?? this.#reopen(number);
      open.pack.pinned = true;
      this.#open.set(number, open);
    }
    return open;
  }

  #reopen(number: number): OpenPack {
    const pack = this.#packs.adopt(number);
    assert(pack.kind === undefined || pack.kind === "journaled", `${pack.name} is journaled`);
    // An index that does not fit the pack may fit it when recovery has written to it, and call it
    // sealed: then readers would not look for what is appended from now on.
    if (!pack.indexed) this.#packs.disk.remove(pack.indexPath);
    const file = this.#packs.disk.open(pack.path, "write");
    if (pack.kind !== undefined) return { pack, file };
    try {
      // The power failed before the header was on the disk, or it is damaged: either way it is
      // known what belongs there.
      file.write(packHeader(number, "journaled"), 0);
    } catch (error) {
      file.close();
      throw error;
    } finally {
      pack.unload();
    }
    return { pack, file };
  }

  /** Seals and closes the packs that nothing more goes to. */
  #leaveOld(): void {
    for (const { pack } of [...this.#open.values()]) {
      if (pack.number === this.#pack || this.#pending.waitIn(pack.number)) continue;
      this.replaced(pack.number);
      pack.tryWriteIndex(true);
    }
  }
}

/** Throws `CORRUPT` unless a write consists of valid entries of its place. */
function checkEntries({ pack, offset, bytes }: PackWrite): void {
  for (let at = 0; at < bytes.length; ) {
    const size = at + entryHeaderBytes <= bytes.length ? entrySize(bytes, at) : 0;
    const fits = size > 0 && at + size <= bytes.length;
    if (!fits || !entryIsValid(bytes, at, size, { pack, base: offset })) {
      throw new ReachError("CORRUPT", "bytes for a pack do not belong to their place", {
        where: `${packName(pack)}:${offset + at}`,
      });
    }
    at += size;
  }
}
