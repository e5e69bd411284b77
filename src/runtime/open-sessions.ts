/**
 * What a worker has open: event logs and blob stores, the ones used last, so that asking for one
 * state after the other does not open files and read indexes each time. A log that was replaced by
 * another file (recovery does that) is noticed and opened again.
 */
import { statSync } from "node:fs";
import { codeOf, ReachError, type SessionId } from "../base/index.ts";
import { PackBlobs } from "../blobs/index.ts";
import { nodeDisk } from "../disk/index.ts";
import { BatchWalk, EventView, type PayloadSource } from "../event/index.ts";
import {
  blobFolder,
  EventLog,
  eventLogPath,
  type LogExtent,
  readWatermark,
  sessionFolder,
} from "../log/index.ts";
import { isRemoved } from "../session/index.ts";
import { readSnapshots, type SnapshotRecord, snapshotPath } from "../snapshots/index.ts";
import type { SessionPlace } from "./protocol.ts";
import { outsideOfProgram } from "./whereabouts.ts";

const sessionsMax = 16;
const storesMax = 4;

/** One session, open for reading. */
export class OpenSession {
  readonly log: EventLog;
  readonly blobs: PackBlobs;
  /** The payloads of its events, for programs that ask for them while they run. */
  readonly payloads: PayloadSource;
  readonly #place: SessionPlace;
  readonly #inode: number;
  #extent: LogExtent = { end: 0, size: 0, problem: undefined };
  #snapshots: { program: Uint8Array; version: string; records: SnapshotRecord[] } | undefined;

  constructor(place: SessionPlace, blobs: PackBlobs) {
    const { root, id } = place;
    const path = eventLogPath(root, id);
    const index = `${sessionFolder(root, id)}/events.idx`;
    this.#place = place;
    this.blobs = blobs;
    this.payloads = { get: (sha256) => outsideOfProgram(() => blobs.get(sha256)) };
    this.log = new EventLog(nodeDisk, path, index, id, true);
    this.#inode = inodeOf(path);
  }

  /** Whether the open log is still the one that the name stands for. */
  get current(): boolean {
    return inodeOf(this.log.path) === this.#inode;
  }

  /** How far the log can be read; looked up again when that is less than `wanted` events. */
  extent(wanted: number): LogExtent {
    if (this.#extent.size >= wanted) return this.#extent;
    this.log.boundAt(readWatermark(nodeDisk, this.#place.root, this.#place.id)?.end);
    this.#extent = this.log.extent();
    return this.#extent;
  }

  /** The snapshots of a program by size; signatures are not checked. */
  snapshots(program: Uint8Array): readonly SnapshotRecord[] {
    const path = snapshotPath(sessionFolder(this.#place.root, this.#place.id), program);
    const stat = statSync(path, { throwIfNoEntry: false });
    const version = stat ? `${stat.ino}:${stat.size}:${stat.mtimeMs}` : "";
    const known = this.#snapshots;
    if (known && known.version === version && Buffer.compare(known.program, program) === 0) {
      return known.records;
    }
    const { records } = readSnapshots(nodeDisk, path, program);
    this.#snapshots = { program, version, records };
    return records;
  }

  /** The events `from` to `to`; payloads come from `source`. */
  *events(from: number, to: number, source: PayloadSource = this.payloads): Generator<EventView> {
    for (const batch of this.log.batches(from, to)) {
      for (const walk = new BatchWalk(batch); walk.next() && walk.seq < to; ) {
        if (walk.seq >= from) yield new EventView(walk.event(), source);
      }
    }
  }

  close(): void {
    this.log.close();
  }
}

function inodeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.ino ?? -1;
}

/** A bounded set of values by key; the one used least recently makes room. */
class Recent<T> {
  readonly #most: number;
  readonly #drop: (value: T) => void;
  readonly #values = new Map<string, T>();

  constructor(most: number, drop: (value: T) => void) {
    this.#most = most;
    this.#drop = drop;
  }

  get(key: string): T | undefined {
    const value = this.#values.get(key);
    if (value === undefined) return undefined;
    this.#values.delete(key);
    this.#values.set(key, value);
    return value;
  }

  set(key: string, value: T): void {
    this.#values.set(key, value);
    if (this.#values.size > this.#most) this.delete(this.#values.keys().next().value as string);
  }

  delete(key: string): void {
    const value = this.#values.get(key);
    this.#values.delete(key);
    if (value !== undefined) this.#drop(value);
  }
}

/** The sessions that a worker has open. */
export class OpenSessions {
  readonly #stores = new Recent<PackBlobs>(storesMax, (blobs) => blobs.close());
  readonly #sessions = new Recent<OpenSession>(sessionsMax, (session) => session.close());

  /** The session at a place. Throws `GONE` for a removed one, `NOT_FOUND` where there is none. */
  async open(place: SessionPlace): Promise<OpenSession> {
    const { root, id } = place;
    const key = `${root}\0${id}`;
    checkPresent(root, id);
    const known = this.#sessions.get(key);
    if (known?.current) return known;
    this.#sessions.delete(key);
    const blobs = await this.#store(root);
    const session = openLog(place, blobs);
    this.#sessions.set(key, session);
    return session;
  }

  async #store(root: string): Promise<PackBlobs> {
    const known = this.#stores.get(root);
    if (known) return known;
    const blobs = await PackBlobs.open(nodeDisk, blobFolder(root), "read");
    this.#stores.set(root, blobs);
    return blobs;
  }
}

function checkPresent(root: string, id: SessionId): void {
  if (!isRemoved(nodeDisk, root, id)) return;
  throw new ReachError("GONE", `session ${id} has been removed`, { where: id });
}

function openLog(place: SessionPlace, blobs: PackBlobs): OpenSession {
  try {
    return new OpenSession(place, blobs);
  } catch (error) {
    if (codeOf(error) !== "NOT_FOUND") throw error;
    throw new ReachError("NOT_FOUND", `there is no session ${place.id}`, {
      where: place.id,
      hint: "`reach ls` shows the sessions of this data directory",
    });
  }
}
