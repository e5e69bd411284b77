/**
 * Appending to a session past the journal, for imports: straight into the event log and a pack of
 * its own, made durable in large steps, each acknowledged by a watermark. What lies behind the last
 * watermark was never acknowledged: no reader sees it, recovery cuts it.
 */
import os from "node:os";
import { limits, ReachError, type SessionId, sessionIdBytes } from "../base/index.ts";
import type { BlobCut, BlobStream, BulkPackWriter, PackBlobs, PackMark } from "../blobs/index.ts";
import {
  createFolders,
  type Disk,
  type DiskFile,
  type LockCheck,
  replaceFile,
} from "../disk/index.ts";
import {
  BatchBuilder,
  batchHeaderBytes,
  type EventHeader,
  encodeBlobRef,
  inlineOverhead,
  type PayloadForm,
  SaltSource,
  sealBatch,
} from "../event/index.ts";
import {
  BulkMarker,
  type BulkWatermark,
  encodeEventLogHeader,
  eventLogPath,
  eventLogStart,
  manifestPath,
  sessionFolder,
} from "../log/index.ts";
import { encodeManifest, type Manifest } from "./manifest.ts";
import type { SessionTail } from "./session-tail.ts";

const writeBytes = 1024 * 1024;
/** Bytes after which a watermark is worth its fsyncs: the less is left for the end, the better. */
const watermarkBytesMin = 8 * 1024 * 1024;
/** Most bytes between two watermarks: what an interrupted import can lose of its work. */
const watermarkBytesMax = 32 * 1024 * 1024;
/** Bytes of the log from which on another thread for the tree has paid for its start. */
const asideBytesMin = 4 * 1024 * 1024;

/** What a bulk writer needs of its directory. */
export interface BulkContext {
  readonly disk: Disk;
  readonly root: string;
  readonly blobs: PackBlobs;
  /** Throws `FENCED` when another writer has taken over. */
  readonly checkLock: LockCheck;
}

/** Opens the event log of a session, a new one durable with its folder, manifest and header. */
async function openEventLog(
  { disk, root, checkLock }: BulkContext,
  manifest: Manifest,
): Promise<DiskFile> {
  const { id } = manifest;
  const path = eventLogPath(root, id);
  if (disk.exists(path)) return disk.open(path, "write");
  await createFolders(disk, root, sessionFolder(root, id));
  await replaceFile(disk, manifestPath(root, id), encodeManifest(manifest), checkLock);
  checkLock();
  const file = disk.open(path, "create");
  try {
    file.write(encodeEventLogHeader(sessionIdBytes(id)), 0);
    await file.sync();
    await disk.syncFolder(sessionFolder(root, id));
    return file;
  } catch (error) {
    file.close();
    throw error;
  }
}

function givenUp(id: SessionId): ReachError {
  return new ReachError("CLOSED", `writing session ${id} was given up: its directory is closed`);
}

/** The one writer of a session while an import goes on. Calls must not overlap. */
export class BulkWriter {
  readonly id: SessionId;
  readonly tail: SessionTail;
  readonly #salts: SaltSource;
  readonly #identity: Uint8Array;
  readonly #builder = new BatchBuilder();
  readonly #file: DiskFile;
  readonly #marker: BulkMarker;
  readonly #checkLock: () => void;
  /** What the marker says of the pack. */
  #packMark = { pack: 0, packSize: 0 };
  readonly #packs: BulkPackWriter;
  #buffer: Uint8Array = new Uint8Array(0);
  #buffered = 0;
  /** Events that were there before. */
  readonly sizeBefore: number;
  #written: number;
  #nextSeq: number;
  /** Bytes written to log and packs when they were made durable last. */
  #atSync = 0;
  /** Whether so much has been appended that the tree grows elsewhere, where there are two cores. */
  #aside = false;
  #blobs = 0;
  #blobBytes = 0;
  /** What is being made durable, or was last. */
  #busy: Promise<unknown> = Promise.resolve();
  #given: Promise<readonly PackMark[]> | undefined;
  #complete = false;

  private constructor(
    manifest: Manifest,
    tail: SessionTail,
    file: DiskFile,
    marker: BulkMarker,
    packs: BulkPackWriter,
    checkLock: () => void,
  ) {
    this.id = manifest.id;
    this.tail = tail;
    this.#salts = new SaltSource(manifest.secret);
    this.#identity = sessionIdBytes(manifest.id);
    this.#file = file;
    this.#marker = marker;
    this.#packs = packs;
    this.#checkLock = checkLock;
    this.sizeBefore = tail.size;
    this.#written = tail.end;
    this.#nextSeq = tail.size;
  }

  /**
   * Begins a bulk import. The earlier events of the session, if any, are durable in their log; a
   * new session gets its folder and manifest after its marker, so that a crash leaves nothing.
   */
  static async open(
    context: BulkContext,
    manifest: Manifest,
    tail: SessionTail,
  ): Promise<BulkWriter> {
    const { disk, root, blobs, checkLock } = context;
    const { end, size } = tail;
    const packs = blobs.openBulk();
    let marker: BulkMarker | undefined;
    try {
      // No pack is named before it is durable: its number might be given to another one.
      const watermark = { end, size, pack: 0, packSize: 0 };
      marker = await BulkMarker.create(disk, root, manifest.id, watermark, checkLock);
      // Before the log is opened: a writer that took over later sees the marker and replaces the
      // log.
      checkLock();
      const file = await openEventLog(context, manifest);
      return new BulkWriter(manifest, tail, file, marker, packs, checkLock);
    } catch (error) {
      // The marker stays: whoever called undoes what was done under it.
      packs.abandon();
      marker?.abandon();
      throw error;
    }
  }

  /** Seq that the next event gets. */
  get nextSeq(): number {
    return this.#nextSeq;
  }

  /** Whether this import began the session. */
  get #new(): boolean {
    return this.sizeBefore === 0;
  }

  /** Whether it has been closed: then nothing of it is given up any more. */
  get isComplete(): boolean {
    return this.#complete;
  }

  /** Whether enough has been written since the last `watermark` or `sync` for another one. */
  get watermarkDue(): boolean {
    return this.#unsynced >= watermarkBytesMin;
  }

  /** Whether so much has been written that the last one has to be waited for. */
  get watermarkOverdue(): boolean {
    return this.#unsynced >= watermarkBytesMax;
  }

  /** Bytes written behind what the last of them has seen. */
  get #unsynced(): number {
    return this.#packs.storedBytes + this.logBytes - this.#atSync;
  }

  /**
   * Appends one event; `bytes` are copied. `cut`: as for `BulkPackWriter.put`, where they do not
   * fit inline. Returns its seq.
   */
  append(
    header: Omit<EventHeader, "seq">,
    form: PayloadForm,
    bytes: Uint8Array,
    cut?: BlobCut,
  ): number {
    const size = bytes.length + inlineOverhead(form, bytes.length);
    const fits = size <= limits.payloadInlineBytesMax;
    const blob = fits ? undefined : this.#putBlob(form, bytes, cut);
    if (!this.#builder.fits(blob?.length ?? size)) this.#seal();
    const seq = this.#nextSeq;
    const { time, kind, type, ref } = header;
    const placed = { seq, time, kind, type, ref };
    if (blob) this.#builder.add(placed, this.#salts.at(seq), blob);
    else this.#builder.addInline(placed, this.#salts.at(seq), form, bytes);
    this.#nextSeq += 1;
    if (this.#builder.count >= limits.batchEventsMax) this.#seal();
    return seq;
  }

  /** Stores a payload; returns the encoded reference to it. */
  #putBlob(form: PayloadForm, bytes: Uint8Array, cut: BlobCut | undefined): Uint8Array {
    this.#blobs += 1;
    this.#blobBytes += bytes.length;
    return encodeBlobRef({ ...this.#packs.put(bytes, cut), form });
  }

  /**
   * Appends an event as another directory wrote it, byte for byte. Its seq is the next one, and a
   * blob that it names has been put.
   */
  appendEncoded(event: Uint8Array): void {
    if (!this.#builder.fits(event.length)) this.#seal();
    this.#builder.addEncoded(event, this.#nextSeq);
    this.#nextSeq += 1;
    if (this.#builder.count >= limits.batchEventsMax) this.#seal();
  }

  /** Stores a payload that an event to come will name. */
  putPayload(bytes: Uint8Array): void {
    this.#packs.put(bytes);
    this.#blobs += 1;
    this.#blobBytes += bytes.length;
  }

  /** Stores a payload too large to hold, piece by piece. */
  payloadStream(): BlobStream {
    this.#blobs += 1;
    return this.#packs.putStream();
  }

  /**
   * For what is acknowledged as a whole, when it is closed: asked for every few MiB, it resolves
   * when what was appended is far enough on its way to the disk and into the tree.
   */
  async room(): Promise<void> {
    if (this.watermarkOverdue) await this.sync();
    else await this.tail.room();
  }

  /** Completes the batch that is being collected and writes it to the log. */
  #seal(): void {
    const { count } = this.#builder;
    if (count === 0) return;
    this.#check();
    const bytes = this.#builder.finish();
    const offset = this.#written + this.#buffered;
    sealBatch(bytes, this.#identity, offset);
    this.#push(bytes);
    const firstSeq = this.#nextSeq - count;
    const bodyStart = batchHeaderBytes;
    this.tail.commit({ bytes, bodyStart, end: bytes.length, firstSeq, count, fileOffset: offset });
    this.tail.grow();
    if (this.logBytes >= asideBytesMin && !this.#aside) this.#growAside();
  }

  #growAside(): void {
    this.#aside = true;
    if (os.availableParallelism() > 1) this.tail.growAside();
  }

  #push(bytes: Uint8Array): void {
    if (this.#buffer.length === 0) this.#buffer = new Uint8Array(writeBytes);
    if (this.#buffered + bytes.length > writeBytes) this.#write();
    this.#buffer.set(bytes, this.#buffered);
    this.#buffered += bytes.length;
  }

  #write(): void {
    if (this.#buffered === 0) return;
    this.#file.write(this.#buffer.subarray(0, this.#buffered), this.#written);
    this.#written += this.#buffered;
    this.#buffered = 0;
  }

  /**
   * Makes durable what was appended before the call, and acknowledges nothing. Events may be
   * appended meanwhile; the next call of this or of `watermark` must wait for this one.
   */
  sync(): Promise<void> {
    return this.#alone(async () => {
      await this.#sync();
      await this.tail.room();
    });
  }

  /** Whoever gives the import up waits for what is under way, and has nothing begin. */
  #alone(work: () => Promise<void>): Promise<void> {
    const done = this.#given === undefined ? work() : Promise.reject(givenUp(this.id));
    this.#busy = done;
    return done;
  }

  #check(): void {
    if (this.#given !== undefined) throw givenUp(this.id);
  }

  /** Packs, then the log; returns what is durable. */
  async #sync(): Promise<BulkWatermark> {
    this.#seal();
    this.#write();
    const end = this.#written;
    const size = this.#nextSeq;
    this.#atSync = this.#packs.storedBytes + this.logBytes;
    const { pack, size: packSize } = await this.#packs.sync();
    await this.#file.sync();
    return { end, size, pack, packSize };
  }

  /**
   * Acknowledges everything appended before the call: packs durable, then the log, then the
   * watermark. If we crash in between, the log ends at the watermark before. Events may be appended
   * meanwhile; the next call must wait for this one.
   */
  watermark(): Promise<void> {
    return this.#alone(() => this.#acknowledge());
  }

  async #acknowledge(): Promise<void> {
    const mark = await this.#sync();
    this.#packMark = { pack: mark.pack, packSize: mark.packSize };
    await this.#marker.advance(mark);
    // A writer that took over before the watermark was durable has cut it off.
    this.#checkLock();
    this.#packs.confirm();
    await this.tail.room();
  }

  /**
   * Acknowledges the rest, has it signed, and ends the import. The marker goes last: as long as it
   * is there recovery makes durable what it finds.
   */
  close(sign: () => Promise<void>): Promise<void> {
    return this.#alone(() => this.#finish(sign));
  }

  async #finish(sign: () => Promise<void>): Promise<void> {
    await this.#acknowledge();
    await this.tail.settled();
    this.tail.flush();
    await sign();
    this.#file.close();
    this.#packs.close();
    this.#checkLock();
    await this.#marker.remove();
    // Whoever has taken over in between has found everything; but it is theirs to say so.
    this.#checkLock();
    this.#complete = true;
  }

  /**
   * Gives the import up. What it acknowledged of an existing session stays; a session that it began
   * is marked as having nothing, so that recovery, which comes next, removes it. Returns its
   * packs and how much of each is acknowledged: the rest, which no marker may name yet, is to be
   * cut. What is appended from now on is refused with `CLOSED`.
   */
  abandon(): Promise<readonly PackMark[]> {
    this.#given ??= this.#giveUp();
    return this.#given;
  }

  /** Resolves when nothing is being made durable. */
  async idle(): Promise<void> {
    await this.#busy.catch(() => {});
  }

  async #giveUp(): Promise<readonly PackMark[]> {
    await this.idle();
    this.#file.close();
    // Of a session that is there a marker may name them, even if it is not known to be durable.
    const unconfirmed = this.#new ? this.#packs.unconfirmed : [];
    const marks = [...unconfirmed.map((pack) => ({ pack, size: 0 })), this.#packs.watermark];
    this.#packs.abandon();
    if (this.#new) {
      await this.#marker.advance({ end: eventLogStart, size: 0, ...this.#packMark });
    }
    this.#marker.abandon();
    await this.tail.abandon();
    return marks;
  }

  /** Bytes of the event log so far. */
  get logBytes(): number {
    return this.#written + this.#buffered - eventLogStart;
  }

  /** Payloads that went to the store: how many, their bytes, and what they added to it. */
  get blobStatistics(): { count: number; bytes: number; storedBytes: number } {
    return { count: this.#blobs, bytes: this.#blobBytes, storedBytes: this.#packs.storedBytes };
  }
}
