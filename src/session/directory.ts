/**
 * A data directory: one workspace of sessions, its journal, its blobs, its key. Opened by one
 * writer or any number of readers; opening for writing recovers what a crash left behind.
 */
import {
  assert,
  type Clock,
  type Entropy,
  isSessionId,
  newSessionId,
  ReachError,
  type SessionId,
  systemClock,
  systemEntropy,
} from "../base/index.ts";
import { PackBlobs } from "../blobs/index.ts";
import { type Disk, nodeDisk, syncFolders } from "../disk/index.ts";
import {
  blobFolder,
  currentHolder,
  describeHolder,
  eventLogPath,
  journalFolder,
  manifestPath,
  type Processes,
  parseSegmentName,
  readBulkMarker,
  sessionFolder,
  systemProcesses,
} from "../log/index.ts";
import { watchedPayloads, watchPayloads, watchRecovery } from "./awaiting-recovery.ts";
import { BulkWriter } from "./bulk-writer.ts";
import { CheckpointSigner } from "./checkpoint-signer.ts";
import type {
  CommitListener,
  DirectoryOptions,
  NewSession,
  WriteSide,
} from "./directory-options.ts";
import { hasIdentity, type Identity, readIdentity } from "./keys.ts";
import { LargePacks } from "./large-packs.ts";
import { LargePayloads } from "./large-payloads.ts";
import { encodeManifest, type Manifest, manifestOf } from "./manifest.ts";
import { openForWriting } from "./open-for-writing.ts";
import { type ErrorReport, watchRebuilding } from "./rebuilding.ts";
import { type RecoveryReport, recoverBulk } from "./recover-directory.ts";
import { notUndone, type Resumed, resumeSession, usedUp } from "./resume-session.ts";
import { sessionIdsByFolder } from "./session-list.ts";
import { hasFiles, isRemoved, type ReaderContext, SessionReader } from "./session-reader.ts";
import { SessionTail } from "./session-tail.ts";
import { SessionWriter, type WriterContext } from "./session-writer.ts";
import { type KeptSnapshot, keepPayload, keepSnapshots, packEntries } from "./snapshot-keeping.ts";

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
  readonly #signer: CheckpointSigner | undefined;
  /** Sessions of which a bulk import is being opened or undone: they have no writer yet. */
  readonly #changing = new Set<SessionId>();
  readonly #large = new LargePacks(
    () => this.#openLarge(),
    (id) => this.#toUndo.add(id),
  );
  /**
   * Imports that failed and are not undone, durably: as long as a marker may come back after a
   * power loss, what is appended behind it would be cut. Also packs in which a large payload
   * failed.
   */
  readonly #toUndo = new Set<SessionId>();
  /** Imports that were given up, by whoever began them or because this is being closed. */
  readonly #discarded = new WeakMap<BulkWriter, Promise<void>>();
  readonly #onNodeDisk: boolean;
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
    this.#onNodeDisk = (options.disk ?? nodeDisk) === nodeDisk;
    this.disk = write?.disk ?? options.disk ?? nodeDisk;
    this.processes = options.processes ?? systemProcesses;
    this.recovery = recovery;
    this.#clock = options.clock ?? systemClock;
    this.#entropy = options.entropy ?? systemEntropy;
    this.#write = write;
    if (write) write.journal.onReject = (error) => this.#giveUpUncommitted(error);
    const workspace = options.workspace ?? options.path.slice(options.path.lastIndexOf("/") + 1);
    const { disk, path: root } = this;
    const watch = (id: SessionId): ErrorReport => {
      if (write) return watchRebuilding(root, id, write);
      return settled ? (error) => error : watchRecovery(disk, root, id);
    };
    const payloads = settled ? blobs : watchedPayloads(blobs, watchPayloads(disk, root, blobs));
    this.#context = { disk, root, workspace, identity, blobs: payloads, settled, watch };
    this.#signer = write && new CheckpointSigner(this.#context, write);
  }

  /**
   * Opens a data directory. Throws `NOT_FOUND` when there is none to read, `LOCKED` when another
   * process writes it, `FORMAT_UNSUPPORTED` when a newer Reach wrote it.
   */
  static async open(options: DirectoryOptions): Promise<Directory> {
    if (options.mode === "read") return Directory.#openForReading(options);
    const { identity, write, report } = await openForWriting(options);
    return new Directory(options, identity, write.blobs, true, write, report);
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

  /**
   * Brings everything acknowledged of a session to its place: before its files are read by others
   * than this object, by a worker for example, from the disk of this machine.
   */
  bringUpToDate(id: SessionId): void {
    assert(this.#onNodeDisk, "others read the disk of this machine");
    this.disk.exists(sessionFolder(this.path, id));
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
    return [...this.sessionIdsByFolder()].flat().sort();
  }

  /** The same, as they lie: 256 parts, between which others may have the thread. */
  sessionIdsByFolder(): Generator<SessionId[], void> {
    return sessionIdsByFolder(this.disk, this.path);
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
    const tail = SessionTail.empty(this.disk, this.path, manifest.id, write.derivedFrom);
    const context = this.#writerContext(write);
    const writer = new SessionWriter(context, manifest, tail, encodeManifest(manifest));
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
    if (request.id !== undefined) {
      // A checkpoint that the journal takes later would stand over that of the import.
      await this.#signer?.idle(request.id);
      await this.undoImport(request.id);
    }
    const exists = request.id !== undefined && this.#exists(request.id);
    const { manifest, tail } = exists
      ? this.#resume(request.id as SessionId)
      : this.#createForBulk(request);
    const { id } = manifest;
    const { lock, blobs, journal } = write;
    const checkLock = (): void => lock.check();
    this.#changing.add(id);
    try {
      await journal.settleDoubt();
      if (exists) await this.#settleSession(id, write);
      const context = { disk: this.disk, root: this.path, blobs, checkLock };
      const writer = await BulkWriter.open(context, manifest, tail);
      this.#writers.set(id, writer);
      this.#changing.delete(id);
      return writer;
    } catch (error) {
      this.#changing.delete(id);
      this.#toUndo.add(id);
      await this.undoImport(id).catch(() => {}); // the next one to come tries again
      throw error;
    }
  }

  /**
   * Undoes what an import into a session has left that failed and could not be undone then, for
   * want of room; nothing happens when there is nothing to undo.
   */
  async undoImport(id: SessionId): Promise<void> {
    if (this.#writers.has(id) || this.#changing.has(id)) return;
    if (!this.#toUndo.has(id) && !readBulkMarker(this.disk, this.path, id)) return;
    this.#toUndo.add(id);
    this.#changing.add(id);
    try {
      await this.#undoBulk(id);
      this.#toUndo.delete(id);
    } finally {
      this.#changing.delete(id);
    }
  }

  #createForBulk(request: NewSession): Resumed {
    const manifest = this.#newManifest(request);
    return { manifest, tail: SessionTail.empty(this.disk, this.path, manifest.id) };
  }

  /** Makes durable in its place what the journal still holds of a session. */
  async #settleSession(id: SessionId, { journal, targets }: WriteSide): Promise<void> {
    await journal.makeDurable(manifestPath(this.path, id));
    await targets.hold(id, journal.liveSegments);
    await syncFolders(this.disk, this.path, sessionFolder(this.path, id));
  }

  /**
   * Ends a writer: what it appended is durable, and another one may be opened. A bulk import is
   * signed; when ending it fails, it must be discarded.
   */
  async closeWriter(writer: SessionWriter | BulkWriter): Promise<void> {
    if (writer instanceof BulkWriter) {
      const { targets } = this.#writeSide();
      await writer.close(async () => this.#signer?.signBulk(writer));
      this.#forgetWriter(writer);
      const { id, tail, sizeBefore } = writer;
      targets.release(id);
      this.#tellListeners(id, tail.size, tail.size - sizeBefore, []);
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
   * began goes with everything in it. One that is complete stays as it is.
   */
  discardBulk(writer: BulkWriter): Promise<void> {
    const discarded = this.#discarded.get(writer) ?? this.#discard(writer);
    this.#discarded.set(writer, discarded);
    return discarded;
  }

  async #discard(writer: BulkWriter): Promise<void> {
    // It may be about to end.
    await writer.idle();
    if (writer.isComplete) return;
    this.#toUndo.add(writer.id);
    try {
      const marks = await writer.abandon();
      await this.#undoBulk(writer.id);
      this.#toUndo.delete(writer.id);
      const { blobs } = this.#writeSide();
      for (const { pack, size } of marks) await blobs.cut(pack, size, () => this.checkLock());
    } finally {
      this.#forgetWriter(writer);
    }
  }

  /** Until this has worked the session takes no events: its marker would cut them off. */
  async #undoBulk(id: SessionId): Promise<void> {
    const { blobs, targets, lock } = this.#writeSide();
    const context = { disk: this.disk, path: this.path, blobs, checkLock: () => lock.check() };
    try {
      await targets.alone(eventLogPath(this.path, id), () => recoverBulk(context, id));
    } finally {
      targets.release(id);
    }
  }

  #exists(id: SessionId): boolean {
    return hasFiles(this.disk, this.path, id);
  }

  #newManifest(request: NewSession): Manifest {
    const id = request.manifest?.id ?? request.id ?? newSessionId(this.#clock, this.#entropy);
    if (!isSessionId(id)) throw new ReachError("USAGE", `"${id}" is not a session id`);
    // Undoing it would take what is appended under the same id.
    if (this.#toUndo.has(id)) throw notUndone(id);
    const { fresh } = request;
    if (this.#writers.has(id) || this.#changing.has(id) || (!fresh && this.#exists(id))) {
      throw new ReachError("ALREADY_EXISTS", `there is a session ${id} already`, { where: id });
    }
    if (!fresh && isRemoved(this.disk, this.path, id)) throw usedUp(id);
    return manifestOf(request, id, this.#clock(), this.#entropy(32));
  }

  #resume(id: SessionId, toAppend = true): Resumed {
    const undone = !this.#toUndo.has(id);
    if (this.#writers.has(id) || (this.#changing.has(id) && undone)) {
      throw new ReachError("CONFLICT", `session ${id} is being written already`, { where: id });
    }
    if (!undone || readBulkMarker(this.disk, this.path, id)) throw notUndone(id);
    return resumeSession(this.#context, id, this.#writeSide(), toAppend);
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
      putLarge: this.#large.put,
      committed: this.#tellListeners,
      whileSyncing: (work) => journal.whileSyncing(work),
      failed: (error) => this.#giveUpUncommitted(error),
    };
  }

  readonly #tellListeners: CommitListener = (id, size, count, batches) => {
    for (const listener of this.#listeners) listener(id, size, count, batches);
  };

  #giveUpUncommitted(error: unknown): void {
    for (const writer of this.#writers.values()) {
      if (writer instanceof SessionWriter) writer.giveUpUncommitted(error);
    }
  }

  #openLarge(): Promise<LargePayloads> {
    const { blobs, lock, journal } = this.#writeSide();
    const id = newSessionId(this.#clock, this.#entropy);
    const checkLock = (): void => lock.check();
    return journal
      .settleDoubt()
      .then(() => LargePayloads.open(this.disk, this.path, blobs, id, checkLock));
  }

  /**
   * Signs and stores a checkpoint over everything committed of a session; nothing when the newest
   * one covers it. It is durable before this resolves.
   */
  signCheckpoint({ tail }: Pick<SessionWriter, "tail">): Promise<void> {
    this.#writeSide();
    return (this.#signer as CheckpointSigner).sign(tail);
  }

  /**
   * Signs a checkpoint over everything durable of a session, whoever writes it; nothing when the
   * newest one covers it. Throws what `appendTo` throws for a session that nobody writes, but is
   * not its writer: others may begin to append meanwhile.
   */
  async signSession(id: SessionId): Promise<void> {
    const writer = this.#writers.get(id);
    // An import signs when it ends.
    if (writer instanceof BulkWriter || this.#changing.has(id)) return;
    await this.signCheckpoint(writer ?? this.#resume(id, false));
  }

  /** Keeps a payload that no event names, durable (the code of a program); returns its name. */
  keepPayload(bytes: Uint8Array): Promise<Uint8Array> {
    return keepPayload(this.#writeSide(), this.#large.put, bytes);
  }

  /**
   * Keeps the state of a program after `size` events: the encoded state in the store, a signed
   * record beside the session.
   */
  async keepSnapshots(
    id: SessionId,
    program: Uint8Array,
    snapshots: readonly KeptSnapshot[],
  ): Promise<void> {
    const write = this.#writeSide();
    await keepSnapshots(this.#context, write, this.#large.put, id, program, snapshots);
  }

  /**
   * Makes everything durable in its place, so that the journal holds nothing any more: before
   * sessions are removed or packs are rewritten. No writer may be open.
   */
  async settle(): Promise<void> {
    const { journal } = this.#writeSide();
    await this.#signer?.idle();
    if (this.#writers.size + this.#changing.size > 0) {
      throw new ReachError("CONFLICT", "sessions are being written");
    }
    await this.#large.close();
    for (const id of this.#toUndo) await this.#undoBulk(id).then(() => this.#toUndo.delete(id));
    await journal.settle();
  }

  /** The folders and files of a session that removing it needs to close first. */
  forgetSession(id: SessionId): void {
    this.#writeSide().targets.forgetSession(id);
  }

  /** Throws `FENCED` when another writer has taken over, or when it once seemed so. */
  checkLock(): void {
    this.#writeSide().journal.checkLock();
  }

  /**
   * Flushes, signs a checkpoint of every session that was written, settles the journal, gives the
   * lock up. An import or fork that is not complete is given up. After a clean close nothing has to
   * be recovered.
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
      await this.#signer?.idle();
      for (const writer of [...this.#writers.values()]) await this.#endWriter(writer);
      await this.#large.close();
      await journal.close();
    } finally {
      targets.close();
      journal.abandon();
      await lock.release();
    }
  }

  async #endWriter(writer: SessionWriter | BulkWriter): Promise<void> {
    if (writer instanceof SessionWriter) {
      await this.closeWriter(writer);
      await this.signCheckpoint(writer);
      return;
    }
    // What cannot be undone now is undone by whoever opens the directory next.
    await this.discardBulk(writer).catch(() => {});
  }

  /** Leaves everything as a crash would: nothing is flushed, the lock stays. For tests. */
  crash(): void {
    this.#closed = true;
    this.#write?.journal.abandon();
    this.#write?.targets.close();
  }
}

export { describeHolder, hasIdentity };
