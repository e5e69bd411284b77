/**
 * The port to the content-addressed store: payloads under the SHA-256 of their bytes, equal
 * stretches stored once.
 *
 * Guarantees, for every driver:
 * - What is read is what was written: all bytes are checked against the name before a caller
 *   counts on them, or the read throws `BLOB_MISSING` or `BLOB_CORRUPT`.
 * - One process writes at a time (the caller holds the lock); any number read. A reader in another
 *   process finds what was applied or synced before it asked.
 * - Blobs get in by two ways. *Journaled*: `stage` only says which bytes go where; the caller makes
 *   them durable in the journal, then calls `apply`. *Bulk*: a writer with a pack of its own, made
 *   durable by its `sync`. Nothing is certain to be readable before that.
 * - What was committed counts on nothing that was not: a staged blob carries all bytes it needs
 *   that the journal may not hold yet, whoever staged them first, so the order of commits is free.
 *   Nobody counts on what a bulk writer wrote before it is on record.
 * - Reads and writes are synchronous and go to the page cache; only `sync` of a bulk writer, `cut`
 *   and `collect` wait for the disk.
 */
import type { LockCheck } from "../disk/index.ts";

/** A blob: the SHA-256 of its whole bytes (32 bytes), and how many they are. */
export interface BlobName {
  readonly sha256: Uint8Array;
  readonly size: number;
}

/** What a blob in memory is stored as: what there is to compute from its bytes alone. */
export interface BlobCut {
  /** The SHA-256 of all of it. */
  readonly sha256: Uint8Array;
  /** Where its chunks end, ascending. */
  readonly ends: readonly number[];
  /** The SHA-256 of each chunk, 32 bytes each, one behind the other. */
  readonly hashes: Uint8Array;
}

/** Bytes that belong at an offset of a pack. */
export interface PackWrite {
  readonly pack: number;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** A blob on its way through the journal. */
export interface StagedBlob {
  readonly ref: BlobName;
  /**
   * What the journal must hold for this blob: ask when committing. Empty once all of it is stored.
   * Blobs staged at the same time may share writes, as the same objects: one copy is enough.
   */
  readonly entries: readonly PackWrite[];
}

/** A size up to which a pack counts. */
export interface PackMark {
  readonly pack: number;
  readonly size: number;
}

/** A pack: how it came to be, and its size. `unknown`: its header is damaged. */
export interface PackInfo extends PackMark {
  readonly kind: "journaled" | "bulk" | "collected" | "unknown";
}

/** Something that does not verify. */
export interface BlobProblem {
  readonly code: "BLOB_MISSING" | "BLOB_CORRUPT";
  /** The blob that is hit; `null` when only the place is known. */
  readonly sha256: Uint8Array | null;
  /** Where the damaged entry lies; `null` when something is missing altogether. */
  readonly place: { readonly pack: number; readonly offset: number } | null;
  readonly message: string;
}

/** How far a check has come, in bytes of packs. */
export type CheckProgress = (done: number, total: number) => void;

/** Reading. Also what `PayloadSource` of the event layer asks for. */
export interface BlobReader {
  /**
   * All bytes of a blob, verified; the caller's to keep. Throws `BLOB_MISSING`, `BLOB_CORRUPT`, or
   * `BLOB_TOO_LARGE` for one of more than `bytesMax`, and for one that cannot be held (2 GiB): read
   * that as a stream.
   */
  get(sha256: Uint8Array, bytesMax?: number): Uint8Array;
  /**
   * The bytes of a blob of any size in order, in pieces of at most 256 KiB that are the caller's to
   * keep. Each piece is verified before it is yielded, the last one after the whole was.
   */
  stream(sha256: Uint8Array): Generator<Uint8Array>;
  /** Whether a blob of that name is there; its bytes are not checked. */
  has(sha256: Uint8Array): boolean;
  /** Size of a blob, or `undefined` when it is not there; its bytes are not checked. */
  sizeOf(sha256: Uint8Array): number | undefined;
  /** Checks every byte of one blob; empty when it is whole. */
  problemsOf(sha256: Uint8Array): BlobProblem[];
  /**
   * Checks every entry of every pack, and that each blob of `live` is complete; the others may have
   * lost parts to a collection. Yields, per pack, the first place that is damaged, then the blobs
   * that are hit. Each stored byte is read once, however often blobs share it.
   */
  verifyAll(live: Iterable<Uint8Array>, onProgress?: CheckProgress): Generator<BlobProblem>;
  /** Gives back files and memory. */
  close(): void;
}

/** A blob that is put piece by piece. Pieces are not kept; nothing counts before `finish`. */
export interface BlobStream {
  push(bytes: Uint8Array): void;
  finish(): BlobName;
}

/** Writes blobs in bulk, past the journal. Not shared: one import, one bulk writer. */
export interface BulkPackWriter {
  /**
   * Stores a blob. After `DISK_FULL` or `IO_FAILED` this writer takes no more (`CLOSED`). `cut` is
   * what `cutBlob` made of the same bytes, where that is known: it is taken at its word.
   */
  put(bytes: Uint8Array, cut?: BlobCut): BlobName;
  /** Stores a blob too large to hold; call `sync` in the middle of one, too, every GiB or less. */
  putStream(): BlobStream;
  /**
   * Makes everything put so far durable and readable, and returns the watermark. A failure is
   * final: nothing is tried again. Everything put before the call is below the watermark: in that
   * pack below its size, or in a pack that this writer has left and that is durable to its end.
   * Put it on record before more is put, so that recovery knows which pack to cut.
   */
  sync(): Promise<PackMark>;
  /** The watermark of the last `sync`; of a new writer, where its first entry will lie. */
  readonly watermark: PackMark;
  /** The watermark is durably on record: from now on others may count on what lies below it. */
  confirm(): void;
  /** Packs that this writer has left since the last `confirm`: nobody else counts on them. */
  readonly unconfirmed: readonly number[];
  /** Bytes that were written for what was put. */
  readonly storedBytes: number;
  /**
   * Ends the writer: everything is synced, and the watermark is on record. Throws `CLOSED` when
   * something has failed before; then only `abandon` is left.
   */
  close(): void;
  /** Ends the writer; nothing more is on record than before, and recovery will `cut` its pack. */
  abandon(): void;
}

/** What garbage collection did. */
export interface CollectReport {
  readonly packsRemoved: number;
  readonly packsWritten: number;
  /** Bytes of packs removed less those written; below 0 when small packs were only joined. */
  readonly bytesFreed: number;
}

/** Reading and writing. */
export interface BlobStore extends BlobReader {
  /**
   * Decides where the bytes of a blob of at most 1 MiB go (`BLOB_TOO_LARGE` above); writes none of
   * them. What is staged later does not store them again, so when this is not committed, `abandon`
   * must follow.
   */
  stage(bytes: Uint8Array): StagedBlob;
  /** A staged blob will not be committed. All others stay valid. Nothing happens a second time. */
  abandon(staged: StagedBlob): void;
  /**
   * Writes bytes that are durable in the journal to their place; also for recovery, any number of
   * times. Throws `CORRUPT` when they do not belong to that place.
   */
  apply(write: PackWrite): void;
  /** A bulk writer; several may be open at once. */
  openBulk(): BulkPackWriter;
  /** All packs by number. */
  packs(): PackInfo[];
  /**
   * Durably cuts the pack of an interrupted bulk writer to the size that is on record, or removes
   * it when that holds no entry. Nothing happens when it is not longer, or gone. `checkLock` throws
   * when another writer has taken over, here and below: then nothing is replaced or removed.
   */
  cut(pack: number, size: number, checkLock?: LockCheck): Promise<void>;
  /**
   * Gives back the room of everything that no blob of `live` needs, durably. Verifies what it
   * keeps, and throws `BLOB_MISSING` or `BLOB_CORRUPT`, having removed nothing, when a live blob is
   * not whole. Not while blobs are staged, a bulk writer is open, or the journal holds entries.
   */
  collect(live: Iterable<Uint8Array>, checkLock?: LockCheck): Promise<CollectReport>;
}
