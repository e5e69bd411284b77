/**
 * Reading a session: its events in order, its tree, its checkpoint, its snapshots. Any number of
 * readers, in any process, beside the one writer; nothing is ever loaded as a whole.
 */
import {
  codeOf,
  equalBytes,
  fromUtf8,
  ReachError,
  type SessionId,
  sessionIdBytes,
} from "../base/index.ts";
import { type Disk, readFile } from "../disk/index.ts";
import { type Batch, BatchWalk, EventView, type PayloadSource } from "../event/index.ts";
import {
  checkpointPath,
  EventLog,
  eventLogPath,
  type LogExtent,
  manifestPath,
  readWatermark,
  sessionFolder,
} from "../log/index.ts";
import {
  type Checkpoint,
  type HashReader,
  openCheckpoint,
  proveConsistency,
  RangeBuilder,
  rootAt,
  storedCount,
  verifyConsistency,
} from "../merkle/index.ts";
import {
  readSnapshots,
  type SnapshotRecord,
  snapshotPath,
  snapshotText,
} from "../snapshots/index.ts";
import type { Identity } from "./keys.ts";
import { decodeManifest, type Manifest } from "./manifest.ts";
import type { ErrorReport } from "./rebuilding.ts";

/** What a reader needs of the directory that a session lies in. */
export interface ReaderContext {
  readonly disk: Disk;
  readonly root: string;
  readonly workspace: string;
  readonly identity: Identity;
  readonly blobs: PayloadSource;
  /** No writer is alive and no journal is left: a torn tail cannot be mended any more. */
  readonly settled: boolean;
  /**
   * Called before a session's files are opened, returns what errors of reading them are to be
   * reported as, which may be no damage: in the process that writes it may be files that are being
   * rebuilt, in others what has yet to be recovered.
   */
  readonly watch?: ((id: SessionId) => ErrorReport) | undefined;
}

/** Why a session is read-only: damage that was found when the directory was opened. */
export interface Quarantine {
  /** Seq of the first event that may be wrong or missing. */
  readonly seq: number;
  readonly reason: string;
}

/** Other work gets its turn after so many events. */
const turnEvents = 4096;

/** One session, opened for reading. */
export class SessionReader {
  readonly id: SessionId;
  readonly manifest: Manifest;
  readonly log: EventLog;
  readonly #context: ReaderContext;
  readonly #reported: ErrorReport;
  #extent: LogExtent | undefined;

  /** Opens session `id`. Throws `USAGE`, `NOT_FOUND`, `GONE` for a removed one, `CORRUPT`. */
  constructor(context: ReaderContext, id: SessionId) {
    const { disk, root } = context;
    sessionIdBytes(id); // paths are made of it
    this.#context = context;
    this.id = id;
    if (isRemoved(disk, root, id)) {
      throw new ReachError("GONE", `session ${id} has been removed`, { where: id });
    }
    this.#reported = context.watch?.(id) ?? ((error) => error);
    this.manifest = this.#reporting(() => readManifest(disk, root, id));
    const indexPath = `${sessionFolder(root, id)}/events.idx`;
    const { settled } = context;
    const path = eventLogPath(root, id);
    this.log = this.#reporting(
      () => new EventLog(disk, path, indexPath, id, settled, this.#reported),
    );
    this.log.boundAt(readWatermark(disk, root, id)?.end);
  }

  #reporting<T>(look: () => T): T {
    try {
      return look();
    } catch (error) {
      throw this.#reported(error);
    }
  }

  /** How far the log can be read now; looked up once, again after `refresh`. */
  get extent(): LogExtent {
    this.#extent ??= this.log.extent();
    return this.#extent;
  }

  /** Events that can be read. */
  get size(): number {
    return this.extent.size;
  }

  /** Looks again how far the log goes: a writer may have appended. */
  refresh(): void {
    this.#extent = undefined;
  }

  /** Where blobs of this session come from. */
  get blobs(): PayloadSource {
    return this.#context.blobs;
  }

  /** The origin that the session's checkpoints are signed for. */
  get origin(): string {
    return sessionOrigin(this.#context, this.id);
  }

  /** Batches that hold the events from `from` to before `to`; see `EventLog.batches`. */
  batches(from = 0, to: number = Number.POSITIVE_INFINITY): Generator<Batch, void> {
    return this.log.batches(from, to);
  }

  /** The events from `from` to before `to`, in order; payloads are fetched when looked at. */
  *events(from = 0, to: number = Number.POSITIVE_INFINITY): Generator<EventView, void> {
    for (const batch of this.log.batches(from, to)) {
      for (const walk = new BatchWalk(batch); walk.next(); ) {
        if (walk.seq < from) continue;
        if (walk.seq >= to) return;
        yield this.#checked(new EventView(walk.event(), this.#context.blobs), walk.seq);
      }
    }
  }

  #checked(event: EventView, seq: number): EventView {
    if (event.seq === seq) return event;
    throw new ReachError("CORRUPT", `the event in place ${seq} says it is event ${event.seq}`, {
      where: `${this.id}@${seq}`,
    });
  }

  /** One event. Throws `NOT_FOUND` when the session does not have it. */
  event(seq: number): EventView {
    for (const event of this.events(seq, seq + 1)) return event;
    throw new ReachError("NOT_FOUND", `session ${this.id} has no event ${seq}`, {
      hint: `its events are 0 to ${this.size - 1}`,
    });
  }

  /** The newest signed checkpoint, verified; `undefined` where none has been signed. */
  checkpoint(): Checkpoint | undefined {
    return this.signedNote()?.checkpoint;
  }

  /** The same, with the very bytes that say it: another one may take its place at any time. */
  signedNote(): { readonly checkpoint: Checkpoint; readonly note: Uint8Array } | undefined {
    const path = checkpointPath(this.#context.root, this.id);
    if (!this.#context.disk.exists(path)) return undefined;
    const { verifier } = this.#context.identity;
    return this.#reporting(() => {
      const note = this.checkpointNote();
      return { checkpoint: openCheckpoint(note, [verifier], this.origin), note };
    });
  }

  /** The bytes of the newest checkpoint: a C2SP signed note. Throws `NOT_FOUND`. */
  checkpointNote(): Uint8Array {
    return readFile(this.#context.disk, checkpointPath(this.#context.root, this.id));
  }

  /**
   * Root of the tree over the first `size` events. From the stored nodes where they belong to the
   * newest checkpoint, else computed from the events.
   */
  root(size: number = this.size): Uint8Array {
    return this.#storedRoot(size) ?? this.computedRoot(size);
  }

  /** The same, and others get their turn while it is computed; what `onTurn` throws ends it. */
  async rootInTurns(size: number, onTurn: () => void): Promise<Uint8Array> {
    const stored = this.#storedRoot(size);
    if (stored) return stored;
    const range = new RangeBuilder();
    for (let begin = 0; begin < size; begin += turnEvents) {
      this.#grow(range, Math.min(begin + turnEvents, size));
      await new Promise((resolve) => setImmediate(resolve));
      onTurn();
    }
    return range.root();
  }

  /**
   * The root from the stored nodes, if they prove that it is one of the signed tree's beginnings:
   * they may be damaged below those that the signed root is made of.
   */
  #storedRoot(first: number): Uint8Array | undefined {
    const found = this.#signedTree(first);
    if (!found) return undefined;
    const { signed, stored } = found;
    const firstRoot = rootAt(first, stored);
    const { size: second, root: secondRoot } = signed;
    const proof = first > 0 ? proveConsistency(first, second, stored) : [];
    return verifyConsistency({ first, second, firstRoot, secondRoot, proof }).ok
      ? firstRoot
      : undefined;
  }

  /** The root over the first `size` events, from their bytes alone. */
  computedRoot(size: number = this.size): Uint8Array {
    const range = new RangeBuilder();
    this.#grow(range, size);
    return range.root();
  }

  /** Adds the events from the end of `range` to before `to`. */
  #grow(range: RangeBuilder, to: number): void {
    for (const batch of this.log.batches(range.end, to)) {
      for (const walk = new BatchWalk(batch); range.end < to && walk.next(); ) {
        if (walk.seq === range.end) range.appendLeaf(walk.preimage());
      }
    }
    if (range.end === to) return;
    throw new ReachError("NOT_FOUND", `session ${this.id} has only ${range.end} events`);
  }

  /**
   * The stored hashes of the tree up to `size` leaves, if `tree.log` holds them and those that the
   * root of the newest checkpoint is made of are right; the ones below may still be damaged.
   */
  storedTree(size: number): HashReader | undefined {
    return this.#signedTree(size)?.stored;
  }

  /** The stored hashes, and the checkpoint that they belong to. */
  #signedTree(size: number): { stored: HashReader; signed: Checkpoint } | undefined {
    const { disk, root } = this.#context;
    const path = treePath(root, this.id);
    if (!disk.exists(path)) return undefined;
    const signed = this.checkpoint();
    if (!signed || size > signed.size) return undefined;
    const bytes = 32 * storedCount(signed.size);
    // Hash by hash: a proof needs a few hundred of what may be millions.
    const stored: HashReader = (indexes) => {
      const file = disk.open(path, "read");
      try {
        if (file.size() < bytes) throw new ReachError("CORRUPT", `${path} is cut off`);
        return indexes.map((index) => {
          const hash = new Uint8Array(32);
          file.read(hash, 32 * index);
          return hash;
        });
      } finally {
        file.close();
      }
    };
    try {
      const whole = equalBytes(rootAt(signed.size, stored), signed.root);
      return whole ? { stored, signed } : undefined;
    } catch (error) {
      if (codeOf(error) === "CORRUPT") return undefined;
      throw error;
    }
  }

  /** The snapshots of the program with this hash whose signatures hold, by size. */
  snapshots(program: Uint8Array): SnapshotRecord[] {
    return [...this.snapshotsDown(program)].reverse();
  }

  /** The same, the newest first: a signature is checked when it is its turn (0.1 ms each). */
  *snapshotsDown(program: Uint8Array): Generator<SnapshotRecord, void> {
    const { disk, root, identity } = this.#context;
    const path = snapshotPath(sessionFolder(root, this.id), program);
    const { origin } = this;
    for (const record of readSnapshots(disk, path, program).records.reverse()) {
      const text = snapshotText(origin, program, record);
      if (identity.verifier.verify(text, record.signature)) yield record;
    }
  }

  /** Why the session is read-only, if it is. */
  get quarantine(): Quarantine | undefined {
    return readQuarantine(this.#context.disk, this.#context.root, this.id);
  }

  /** Events that may be relied on: of a damaged session those before the damage. */
  get reliableSize(): number {
    return Math.min(this.size, this.quarantine?.seq ?? Number.POSITIVE_INFINITY);
  }

  close(): void {
    this.log.close();
  }
}

/** The origin of a session's checkpoints. */
export function sessionOrigin(
  context: Pick<ReaderContext, "identity" | "workspace">,
  id: SessionId,
): string {
  return `${context.identity.origin}/${context.workspace}/s/${id}`;
}

/** The stored hashes of a session's tree. */
export function treePath(root: string, id: SessionId): string {
  return `${sessionFolder(root, id)}/tree.log`;
}

/** What is left of a removed session. */
export function tombstonePath(root: string, id: SessionId): string {
  return `${sessionFolder(root, id)}/tombstone`;
}

/** Why a session is read-only. */
export function quarantinePath(root: string, id: SessionId): string {
  return `${sessionFolder(root, id)}/quarantine.json`;
}

/** Whether a session has been removed: its tombstone is there, whatever it holds. */
export function isRemoved(disk: Disk, root: string, id: SessionId): boolean {
  return disk.exists(tombstonePath(root, id));
}

/** Whether there is anything of a session: its manifest, its events, or both, may be lost. */
export function hasFiles(disk: Disk, root: string, id: SessionId): boolean {
  if (!disk.exists(sessionFolder(root, id))) return false;
  const paths = [manifestPath(root, id), eventLogPath(root, id), checkpointPath(root, id)];
  return paths.some((path) => disk.exists(path));
}

/** The quarantine of a session, if there is one. */
export function readQuarantine(disk: Disk, root: string, id: SessionId): Quarantine | undefined {
  const path = quarantinePath(root, id);
  if (!disk.exists(path)) return undefined;
  try {
    const value = JSON.parse(fromUtf8(readFile(disk, path))) as Quarantine;
    return { seq: Number(value.seq), reason: String(value.reason) };
  } catch {
    return { seq: 0, reason: "its quarantine note is damaged as well" };
  }
}

/** The manifest of a session. Throws `NOT_FOUND` or `CORRUPT`. */
export function readManifest(disk: Disk, root: string, id: SessionId): Manifest {
  const path = manifestPath(root, id);
  try {
    return decodeManifest(readFile(disk, path), id);
  } catch (error) {
    if (codeOf(error) !== "NOT_FOUND") throw error;
    if (disk.exists(eventLogPath(root, id))) {
      throw new ReachError("CORRUPT", `session ${id} has events but no manifest`, { where: id });
    }
    throw new ReachError("NOT_FOUND", `there is no session ${id}`, {
      where: id,
      hint: "`reach ls` shows the sessions of this data directory",
    });
  }
}
