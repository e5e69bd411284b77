/**
 * A data directory: one workspace of sessions, its journal, its blobs, its key. Opened by one
 * writer or any number of readers; opening for writing recovers what a crash left behind.
 */
import {
  assert,
  type Clock,
  codeOf,
  type Entropy,
  isSessionId,
  limits,
  messageOf,
  newSessionId,
  ReachError,
  type SessionId,
  systemClock,
  systemEntropy,
} from "../base/index.ts";
import { PackBlobs, type StagedBlob } from "../blobs/index.ts";
import { type Disk, folderOf, nodeDisk, replaceFile, syncFolders } from "../disk/index.ts";
import {
  blobFolder,
  bulkFolder,
  checkpointPath,
  currentHolder,
  DirectoryLock,
  DirectoryTargets,
  describeHolder,
  entryKinds,
  eventLogPath,
  highestEpoch,
  Journal,
  type JournalEntry,
  type JournalSizes,
  journalFolder,
  manifestPath,
  type Processes,
  packIdBytes,
  parseSegmentName,
  readBulkMarker,
  sessionFolder,
  systemProcesses,
} from "../log/index.ts";
import { signCheckpoint } from "../merkle/index.ts";
import { appendSnapshots, type Snapshot, snapshotPath, snapshotText } from "../snapshots/index.ts";
import { BulkWriter } from "./bulk-writer.ts";
import { hasIdentity, type Identity, openIdentity, readIdentity, signText } from "./keys.ts";
import { LargePayloads } from "./large-payloads.ts";
import { encodeManifest, type Manifest, type SessionKind } from "./manifest.ts";
import { type RecoveryReport, recoverBulk, recoverDirectory } from "./recover-directory.ts";
import {
  isRemoved,
  type ReaderContext,
  readManifest,
  SessionReader,
  sessionOrigin,
} from "./session-reader.ts";
import { SessionTail } from "./session-tail.ts";
import { SessionWriter, type WriterContext } from "./session-writer.ts";

/** How large files get before the next one begins; the defaults are the limits of Reach. */
export interface StorageSizes extends JournalSizes {
  /** Largest payload that goes through the journal. */
  readonly journaledPayloadBytesMax: number;
  readonly packBytesMax: number;
}

/** How a directory is opened. */
export interface DirectoryOptions {
  /** Folder of the workspace. */
  readonly path: string;
  /** `write` takes the lock, recovers, and creates the directory when it is missing. */
  readonly mode: "read" | "write";
  /** Name that a new directory signs for; no spaces, no plus. Default `reach.local`. */
  readonly origin?: string;
  /** Last part of the checkpoint origins; default: the folder's name. */
  readonly workspace?: string;
  /** Takes the lock from a writer that is alive; that one is fenced. */
  readonly takeOver?: boolean;
  readonly disk?: Disk;
  readonly clock?: Clock;
  readonly entropy?: Entropy;
  readonly processes?: Processes;
  /** For tests of what happens at the end of a file. */
  readonly sizes?: Partial<StorageSizes>;
  /** Told of trouble that was survived, for logs. */
  readonly onTrouble?: (trouble: string) => void;
}

/** What a new session is to be. */
export interface NewSession {
  readonly id?: SessionId;
  readonly kind?: SessionKind;
  readonly name?: string;
  readonly format?: string;
  /** The manifest of a session that was made elsewhere; then nothing else of this counts. */
  readonly manifest?: Manifest;
}

/** Called after events of a session have become durable: its id and its size. */
export type CommitListener = (id: SessionId, size: number) => void;

/** What only a writing directory has. */
interface WriteSide {
  readonly lock: DirectoryLock;
  readonly journal: Journal;
  readonly targets: DirectoryTargets;
  readonly blobs: PackBlobs;
  readonly journaledBytesMax: number;
}

/** An open data directory. */
export class Directory {
  readonly path: string;
  readonly identity: Identity;
  readonly blobs: PackBlobs;
  readonly disk: Disk;
  /** Who is asked whether the holder of the lock is alive. */
  readonly processes: Processes;
  /** What opening it for writing has found and done. */
  readonly recovery: RecoveryReport | undefined;
  readonly #context: ReaderContext;
  readonly #clock: Clock;
  readonly #entropy: Entropy;
  readonly #write: WriteSide | undefined;
  readonly #writers = new Map<SessionId, SessionWriter | BulkWriter>();
  readonly #listeners = new Set<CommitListener>();
  readonly #signing = new Map<SessionId, Promise<void>>();
  /** Sessions of which a bulk import is being opened or undone: they have no writer yet. */
  readonly #changing = new Set<SessionId>();
  #large: Promise<LargePayloads> | undefined;
  /** Markers of packs that large payloads were given up in; to be cut before packs are collected. */
  readonly #givenUp = new Set<SessionId>();
  #closed = false;

  private constructor(
    options: DirectoryOptions,
    identity: Identity,
    blobs: PackBlobs,
    settled: boolean,
    write: WriteSide | undefined,
    recovery: RecoveryReport | undefined,
  ) {
    this.path = options.path;
    this.identity = identity;
    this.blobs = blobs;
    this.disk = options.disk ?? nodeDisk;
    this.processes = options.processes ?? systemProcesses;
    this.recovery = recovery;
    this.#clock = options.clock ?? systemClock;
    this.#entropy = options.entropy ?? systemEntropy;
    this.#write = write;
    if (write) write.journal.onReject = (error) => this.#giveUpUncommitted(error);
    const workspace = options.workspace ?? options.path.slice(options.path.lastIndexOf("/") + 1);
    this.#context = { disk: this.disk, root: this.path, workspace, identity, blobs, settled };
  }

  /**
   * Opens a data directory. Throws `NOT_FOUND` when there is none to read, `LOCKED` when another
   * process writes it, `FORMAT_UNSUPPORTED` when a newer Reach wrote it.
   */
  static async open(options: DirectoryOptions): Promise<Directory> {
    return options.mode === "read" ? Directory.#openForReading(options) : openForWriting(options);
  }

  static async #openForReading(options: DirectoryOptions): Promise<Directory> {
    const disk = options.disk ?? nodeDisk;
    const { path } = options;
    const identity = readIdentity(disk, path);
    const blobs = await PackBlobs.open(disk, blobFolder(path), "read");
    const holder = await currentHolder(disk, path, options.processes ?? systemProcesses);
    const journal = disk.list(journalFolder(path)).some((name) => parseSegmentName(name));
    return new Directory(options, identity, blobs, !holder && !journal, undefined, undefined);
  }

  /** For `openForWriting` alone. */
  static assemble(
    options: DirectoryOptions,
    identity: Identity,
    write: WriteSide,
    recovery: RecoveryReport,
  ): Directory {
    return new Directory(options, identity, write.blobs, true, write, recovery);
  }

  /** Whether this process may write. */
  get writable(): boolean {
    return this.#write !== undefined && !this.#closed;
  }

  /** Last part of the origin of this directory's checkpoints. */
  get workspace(): string {
    return this.#context.workspace;
  }

  /** Ids of all sessions that have not been removed, oldest first. */
  sessionIds(): SessionId[] {
    const ids: SessionId[] = [];
    for (const spread of this.disk.list(`${this.path}/sessions`)) {
      for (const name of this.disk.list(`${this.path}/sessions/${spread}`)) {
        if (!isSessionId(name) || isRemoved(this.disk, this.path, name)) continue;
        if (this.disk.exists(eventLogPath(this.path, name))) ids.push(name);
        else if (!this.#exists(name)) continue;
        // An import that is only just beginning has written nothing but the manifest.
        else if (!readBulkMarker(this.disk, this.path, name)) ids.push(name);
      }
    }
    return ids.sort();
  }

  /** Opens a session for reading. Throws `NOT_FOUND`, `GONE`, `CORRUPT`. */
  session(id: SessionId): SessionReader {
    return new SessionReader(this.#context, id);
  }

  /** Calls `listener` after each commit; returns what ends that. */
  onCommit(listener: CommitListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A new session, written through the journal; it exists once its first event is durable. */
  createSession(request: NewSession = {}): SessionWriter {
    const write = this.#writeSide();
    const manifest = this.#newManifest(request);
    const tail = SessionTail.empty(this.disk, this.path, manifest.id);
    const writer = new SessionWriter(
      this.#writerContext(write),
      manifest,
      tail,
      encodeManifest(manifest),
    );
    this.#writers.set(manifest.id, writer);
    return writer;
  }

  /**
   * The writer of an existing session. Throws `CONFLICT` while it has another one, `QUARANTINED`
   * when it is damaged, `CORRUPT` when it turns out to be.
   */
  appendTo(id: SessionId): SessionWriter {
    const write = this.#writeSide();
    const { manifest, tail } = this.#resume(id);
    const writer = new SessionWriter(this.#writerContext(write), manifest, tail, undefined);
    this.#writers.set(id, writer);
    return writer;
  }

  /** Begins a bulk import: a new session, or more events of session `request.id` if it exists. */
  async openBulk(request: NewSession = {}): Promise<BulkWriter> {
    const write = this.#writeSide();
    if (request.id !== undefined) await this.undoImport(request.id);
    const exists = request.id !== undefined && this.#exists(request.id);
    const { manifest, tail } = exists
      ? this.#resume(request.id as SessionId)
      : this.#createForBulk(request);
    const { id } = manifest;
    const { lock, blobs } = write;
    const checkLock = (): void => lock.check();
    this.#changing.add(id);
    try {
      if (exists) await this.#settleSession(id, write);
      const context = { disk: this.disk, root: this.path, blobs, checkLock };
      const writer = await BulkWriter.open(context, manifest, tail);
      this.#writers.set(id, writer);
      return writer;
    } catch (error) {
      await this.#undoBulk(id).catch(() => {}); // `undoImport` tries again
      throw error;
    } finally {
      this.#changing.delete(id);
    }
  }

  /**
   * Undoes what an import into a session has left that failed and could not be undone then, for
   * want of room; nothing happens when there is nothing to undo.
   */
  async undoImport(id: SessionId): Promise<void> {
    if (this.#writers.has(id) || this.#changing.has(id)) return;
    if (!readBulkMarker(this.disk, this.path, id)) return;
    this.#changing.add(id);
    try {
      await this.#undoBulk(id);
    } finally {
      this.#changing.delete(id);
    }
  }

  #createForBulk(request: NewSession): { manifest: Manifest; tail: SessionTail } {
    const manifest = this.#newManifest(request);
    return { manifest, tail: SessionTail.empty(this.disk, this.path, manifest.id) };
  }

  /** Makes durable in its place what the journal still holds of a session. */
  async #settleSession(id: SessionId, write: WriteSide): Promise<void> {
    await write.journal.makeDurable(eventLogPath(this.path, id));
    await write.journal.makeDurable(manifestPath(this.path, id));
    await syncFolders(this.disk, this.path, sessionFolder(this.path, id));
    write.targets.hold(id);
  }

  /**
   * Ends a writer: what it appended is durable, and another one may be opened. A bulk import is
   * signed; when ending it fails, it must be discarded.
   */
  async closeWriter(writer: SessionWriter | BulkWriter): Promise<void> {
    if (writer instanceof BulkWriter) {
      await writer.close(() => this.#signBulk(writer));
      this.#forgetWriter(writer);
      this.#writeSide().targets.release(writer.id);
      return;
    }
    try {
      await writer.close();
    } finally {
      this.#forgetWriter(writer);
    }
  }

  #forgetWriter(writer: SessionWriter | BulkWriter): void {
    if (this.#writers.get(writer.id) === writer) this.#writers.delete(writer.id);
  }

  /**
   * Gives a bulk import up: what it acknowledged of an existing session stays, a session that it
   * began goes with everything in it.
   */
  async discardBulk(writer: BulkWriter): Promise<void> {
    try {
      await writer.abandon();
      await this.#undoBulk(writer.id);
    } finally {
      this.#forgetWriter(writer);
    }
  }

  /** Until this has worked the session takes no events: its marker would cut them off. */
  async #undoBulk(id: SessionId): Promise<void> {
    const { blobs, targets, lock } = this.#writeSide();
    const checkLock = (): void => lock.check();
    try {
      checkLock();
      await recoverBulk({ disk: this.disk, path: this.path, blobs, checkLock }, id);
    } finally {
      targets.release(id);
    }
  }

  #exists(id: SessionId): boolean {
    return this.disk.exists(manifestPath(this.path, id));
  }

  #newManifest(request: NewSession): Manifest {
    const id = request.manifest?.id ?? request.id ?? newSessionId(this.#clock, this.#entropy);
    if (!isSessionId(id)) throw new ReachError("USAGE", `"${id}" is not a session id`);
    if (this.#exists(id) || this.#writers.has(id) || this.#changing.has(id)) {
      throw new ReachError("ALREADY_EXISTS", `there is a session ${id} already`, { where: id });
    }
    if (isRemoved(this.disk, this.path, id)) {
      throw new ReachError("GONE", `session ${id} has been removed`, {
        where: id,
        hint: "a removed session never comes back, and its id is not used again",
      });
    }
    if (request.manifest) return request.manifest;
    const { kind = "recorded", name = "", format = "" } = request;
    return { id, kind, created: this.#clock(), secret: this.#entropy(32), name, format };
  }

  #resume(id: SessionId): { manifest: Manifest; tail: SessionTail } {
    if (this.#writers.has(id) || this.#changing.has(id)) {
      throw new ReachError("CONFLICT", `session ${id} is being written already`, { where: id });
    }
    if (readBulkMarker(this.disk, this.path, id)) {
      throw new ReachError("UNRECOVERED", `an import into session ${id} failed and is not undone`, {
        where: id,
        hint: "make room or mend the disk, then import again or open the directory again",
      });
    }
    const reader = this.session(id);
    try {
      const { quarantine } = reader;
      if (quarantine) {
        throw new ReachError("QUARANTINED", `session ${id} is read-only: ${quarantine.reason}`, {
          where: `${id}@${quarantine.seq}`,
          hint: "its events up to there are intact; import or fork them into a new session",
        });
      }
      const tail = SessionTail.resume(this.disk, this.path, reader.log, reader.checkpoint());
      return { manifest: readManifest(this.disk, this.path, id), tail };
    } finally {
      reader.close();
    }
  }

  #writeSide(): WriteSide {
    if (this.#closed) throw new ReachError("CLOSED", `${this.path} has been closed`);
    if (this.#write) return this.#write;
    throw new ReachError("READ_ONLY", `${this.path} is open for reading only`);
  }

  #writerContext({ journal, blobs, journaledBytesMax }: WriteSide): WriterContext {
    return {
      commit: (entries) => journal.commit(entries),
      stage: (bytes) => blobs.stage(bytes),
      packEntries,
      abandon: (staged) => blobs.abandon(staged),
      journaledBytesMax,
      putLarge: (bytes) => this.#putLarge(bytes),
      committed: (id, size) => {
        for (const listener of this.#listeners) listener(id, size);
      },
      failed: (error) => this.#giveUpUncommitted(error),
    };
  }

  #giveUpUncommitted(error: unknown): void {
    for (const writer of this.#writers.values()) {
      if (writer instanceof SessionWriter) writer.giveUpUncommitted(error);
    }
  }

  async #putLarge(bytes: Uint8Array): Promise<{ sha256: Uint8Array; size: number }> {
    const { blobs, lock } = this.#writeSide();
    const checkLock = (): void => lock.check();
    this.#large ??= LargePayloads.open(this.disk, this.path, blobs, this.#largeId(), checkLock);
    const large = this.#large;
    try {
      return await (await large).put(bytes);
    } catch (error) {
      // The next payload begins a pack of its own.
      if (this.#large === large) {
        this.#large = undefined;
        const failed = await large.catch(() => undefined);
        failed?.abandon();
        if (failed) this.#givenUp.add(failed.id);
      }
      throw error;
    }
  }

  #largeId(): SessionId {
    return newSessionId(this.#clock, this.#entropy);
  }

  /**
   * Signs and stores a checkpoint over everything committed of a session; nothing when the newest
   * one covers it. It is durable before this resolves.
   */
  signCheckpoint(writer: SessionWriter): Promise<void> {
    // One behind the other, so that a smaller one never replaces a larger one.
    const before = this.#signing.get(writer.id) ?? Promise.resolve();
    const signed = before.then(() => this.#signCheckpoint(writer));
    const settled = signed.catch(() => undefined);
    this.#signing.set(writer.id, settled);
    void settled.then(() => {
      if (this.#signing.get(writer.id) === settled) this.#signing.delete(writer.id);
    });
    return signed;
  }

  async #signCheckpoint(writer: SessionWriter): Promise<void> {
    const { journal } = this.#writeSide();
    const bytes = this.#checkpointNote(writer.tail);
    if (!bytes) return;
    // Through the journal: durable before anybody can see it, in a folder that may not be yet.
    const kind = entryKinds.checkpoint;
    const id = writer.tail.identity;
    await journal.commit([{ kind, id, firstSeq: 0, count: 0, offset: 0, bytes }]);
  }

  /** A checkpoint over what is committed; `undefined` when the newest one covers it. */
  #checkpointNote(tail: SessionTail): Uint8Array | undefined {
    this.#writeSide().lock.check();
    const { size } = tail;
    if (size === 0 || this.#signedSize(tail.id) >= size) return undefined;
    tail.flush();
    const origin = sessionOrigin(this.#context, tail.id);
    assert(this.identity.signer, "a writing directory has its key");
    return signCheckpoint({ origin, size, root: tail.root() }, [this.identity.signer]);
  }

  /** For a bulk import that is about to end: its marker is there until the checkpoint is durable. */
  async #signBulk(writer: BulkWriter): Promise<void> {
    const note = this.#checkpointNote(writer.tail);
    if (!note) return;
    // Whoever has taken over may have signed a later one.
    const beforeRename = (): void => this.#writeSide().lock.check();
    await replaceFile(this.disk, checkpointPath(this.path, writer.id), note, beforeRename);
  }

  #signedSize(id: SessionId): number {
    const reader = this.session(id);
    try {
      return reader.checkpoint()?.size ?? 0;
    } catch (error) {
      // A checkpoint that cannot be read is replaced by one that can.
      if (codeOf(error) === "NOTE_INVALID" || codeOf(error) === "SIGNATURE_INVALID") return 0;
      throw error;
    } finally {
      reader.close();
    }
  }

  /**
   * Keeps the state of a program after `size` events: the encoded state in the store, a signed
   * record beside the session.
   */
  async keepSnapshots(
    id: SessionId,
    program: Uint8Array,
    snapshots: readonly (Snapshot & { readonly state: Uint8Array })[],
  ): Promise<void> {
    const write = this.#writeSide();
    const origin = sessionOrigin(this.#context, id);
    for (const { state } of snapshots) {
      if (state.length > write.journaledBytesMax) await this.#putLarge(state);
      else await this.#commitBlob(write, state);
    }
    const records = snapshots.map((snapshot) => {
      const text = snapshotText(origin, program, snapshot);
      return { ...snapshot, signature: signText(this.identity, text) };
    });
    const path = snapshotPath(sessionFolder(this.path, id), program);
    write.lock.check();
    appendSnapshots(this.disk, path, program, records);
  }

  async #commitBlob({ journal, blobs }: WriteSide, bytes: Uint8Array): Promise<void> {
    const staged = blobs.stage(bytes);
    const entries = packEntries(staged);
    if (entries.length === 0) return;
    try {
      await journal.commit(entries);
    } catch (error) {
      blobs.abandon(staged);
      throw error;
    }
  }

  /**
   * Makes everything durable in its place, so that the journal holds nothing any more: before
   * sessions are removed or packs are rewritten. No writer may be open.
   */
  async settle(): Promise<void> {
    const { journal } = this.#writeSide();
    if (this.#writers.size + this.#changing.size > 0) {
      throw new ReachError("CONFLICT", "sessions are being written");
    }
    await this.#closeLarge();
    for (const id of this.#givenUp) {
      await this.#undoBulk(id);
      this.#givenUp.delete(id);
    }
    await journal.settle();
  }

  /** The folders and files of a session that removing it needs to close first. */
  forgetSession(id: SessionId): void {
    this.#writeSide().targets.forgetSession(id);
  }

  /** Throws `FENCED` when another writer has taken over. */
  checkLock(): void {
    this.#writeSide().lock.check();
  }

  async #closeLarge(): Promise<void> {
    const large = this.#large;
    this.#large = undefined;
    if (large) await (await large).close();
  }

  /**
   * Flushes, signs a checkpoint of every session that was written, settles the journal, gives the
   * lock up. After a clean close nothing has to be recovered.
   */
  async close(): Promise<void> {
    if (this.#closed) return;
    const write = this.#write;
    try {
      if (write) await this.#closeWriting(write);
    } finally {
      this.#closed = true;
      this.blobs.close();
    }
  }

  async #closeWriting({ journal, lock, targets }: WriteSide): Promise<void> {
    try {
      for (const writer of [...this.#writers.values()]) {
        await this.closeWriter(writer);
        if (writer instanceof SessionWriter) await this.signCheckpoint(writer);
      }
      await this.#closeLarge();
      await journal.close();
    } finally {
      targets.close();
      journal.abandon();
      await lock.release();
    }
  }

  /** Leaves everything as a crash would: nothing is flushed, the lock stays. For tests. */
  crash(): void {
    this.#closed = true;
    this.#write?.journal.abandon();
    this.#write?.targets.close();
  }
}

/** Journal entries of a staged payload. */
function packEntries(staged: StagedBlob): JournalEntry[] {
  return staged.entries.map(({ pack, offset, bytes }) => {
    return { kind: entryKinds.pack, id: packIdBytes(pack), firstSeq: 0, count: 0, offset, bytes };
  });
}

async function openForWriting(options: DirectoryOptions): Promise<Directory> {
  const disk = options.disk ?? nodeDisk;
  const { path } = options;
  const entropy = options.entropy ?? systemEntropy;
  const onTrouble = options.onTrouble ?? (() => {});
  await makeFolder(disk, path);
  const processes = options.processes ?? systemProcesses;
  // Segments are in the order of their epochs, even if the lock files have been lost.
  const epochUsed = highestEpoch(disk.list(journalFolder(path)));
  const lock = await DirectoryLock.acquire(disk, path, processes, options.takeOver, epochUsed);
  try {
    const origin = options.origin ?? "reach.local";
    const identity = await openIdentity(disk, path, origin, () => entropy(32));
    for (const folder of [journalFolder(path), bulkFolder(path), blobFolder(path)]) {
      disk.createFolder(folder);
    }
    disk.createFolder(`${path}/sessions`);
    await disk.syncFolder(path);
    const { sizes = {} } = options;
    const blobs = await PackBlobs.open(disk, blobFolder(path), "write", sizes);
    const checkLock = (): void => lock.check();
    const targets = new DirectoryTargets(disk, path, blobs, onTrouble, checkLock);
    const { start, report } = await recoverDirectory({
      disk,
      path,
      epoch: lock.epoch,
      entropy,
      targets,
      blobs,
      sizes,
      checkLock,
    });
    const folder = journalFolder(path);
    const journal = new Journal({ disk, folder, lock, entropy, targets, sizes, onTrouble }, start);
    const journaledBytesMax = sizes.journaledPayloadBytesMax ?? limits.blobJournalBytesMax;
    const write = { lock, journal, targets, blobs, journaledBytesMax };
    return Directory.assemble(options, identity, write, report);
  } catch (error) {
    await lock.release().catch((again: unknown) => onTrouble(messageOf(again)));
    throw error;
  }
}

/** Folders above a directory that a process killed earlier may have created and not synced. */
const foldersAbove = 2;

/** Creates the folder of a directory, durable with the folders above it that may be new. */
async function makeFolder(disk: Disk, path: string, above: number = foldersAbove): Promise<void> {
  const parent = folderOf(path);
  if (parent === path || (above === 0 && disk.exists(path))) return;
  await makeFolder(disk, parent, Math.max(above - 1, 0));
  disk.createFolder(path);
  await disk.syncFolder(parent);
}

export { describeHolder, hasIdentity };
