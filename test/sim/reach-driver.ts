/**
 * The storage engine of Reach, as the simulation drives it: a data directory with its journal,
 * sessions, blobs, snapshots and checkpoints on a simulated disk, its files made small.
 */
import { codeOf, type SessionId, sha256, utf8 } from "../../src/base/index.ts";
import type { Disk } from "../../src/disk/index.ts";
import type { RestingJournal, WaitingPlacements } from "../../src/log/index.ts";
import {
  type BulkWriter,
  collectGarbage,
  Directory,
  removeSession,
  type SessionReader,
  type SessionWriter,
  type StorageSizes,
} from "../../src/session/index.ts";
import type {
  Appended,
  Claim,
  Engine,
  EngineDriver,
  Glimpse,
  SessionView,
  World,
} from "./engine.ts";
import type { Operation } from "./operations.ts";
import { PowerLoss } from "./power.ts";
import { simulatedProcesses } from "./simulated-processes.ts";
import { treeRoot } from "./tree.ts";

const path = "/data/main";
const KiB = 1024;

/** Everything that has an end reaches it several times in a run. */
const sizes: StorageSizes = {
  segmentBytes: 12 * KiB,
  zeroStepBytesMin: 4 * KiB,
  zeroStepBytesMax: 8 * KiB,
  groupBytesMax: 32 * KiB,
  groupEntriesMax: 8,
  reserveBytes: 64 * KiB,
  journaledPayloadBytesMax: 16 * KiB,
  packBytesMax: 48 * KiB,
};

/** The program whose snapshots are kept; what it computes does not matter here. */
const program = sha256(utf8("simulated program"));
const stateSizes = [40, 6 * KiB, 20 * KiB];
const bulkWatermarkEvents = 12;

class ReachEngine implements Engine {
  readonly #directory: Directory;
  readonly #world: World;
  readonly #writers = new Map<string, SessionWriter>();
  /** Sessions that an import has to itself, until it has ended. */
  readonly #importing = new Map<string, Promise<void>>();

  constructor(directory: Directory, world: World) {
    this.#directory = directory;
    this.#world = world;
  }

  createSession(): string {
    const writer = this.#directory.createSession();
    this.#writers.set(writer.id, writer);
    return writer.id;
  }

  #writer(session: string): SessionWriter {
    const open = this.#writers.get(session);
    if (open !== undefined) return open;
    const writer = this.#openWriter(session as SessionId);
    this.#writers.set(session, writer);
    return writer;
  }

  #openWriter(id: SessionId): SessionWriter {
    try {
      // A session of which nothing became durable does not exist yet: it is begun again.
      if (!this.sessions().includes(id)) return this.#directory.createSession({ id });
      return this.#directory.appendTo(id);
    } catch (error) {
      // An import failed and could not be undone then: the next one to come does it.
      const undoes = codeOf(error) === "UNRECOVERED" && !this.#importing.has(id);
      if (undoes) this.#exclusively(id, this.#directory.undoImport(id));
      throw error;
    }
  }

  #exclusively(session: string, work: Promise<unknown>): void {
    const settled = work
      .catch(() => undefined)
      .then(() => {
        if (this.#importing.get(session) === settled) this.#importing.delete(session);
      });
    this.#importing.set(session, settled);
  }

  append(session: string, payloads: readonly Uint8Array[]): Appended {
    const writer = this.#writer(session);
    const firstSeq = writer.nextSeq;
    const durable = payloads.map(
      (bytes) => writer.append({ ...this.#header(), form: "bytes", bytes }).durable,
    );
    return { firstSeq, durable: Promise.all(durable).then(() => undefined) };
  }

  async appendLarge(session: string, bytes: Uint8Array): Promise<Appended> {
    const writer = this.#writer(session);
    const { seq, durable } = await writer.appendLarge({ ...this.#header(), form: "bytes", bytes });
    return { firstSeq: seq, durable };
  }

  #header(): { kind: "emit"; type: string; time: number; ref: null } {
    return { kind: "emit", type: "simulated", time: this.#world.clock(), ref: null };
  }

  bulk(
    session: string,
    payloads: readonly Uint8Array[],
    acknowledge: (count: number) => void,
  ): Appended {
    const writer = this.#writer(session);
    const firstSeq = writer.nextSeq;
    const durable = this.#import(writer, payloads, acknowledge);
    this.#exclusively(session, durable);
    return { firstSeq, durable };
  }

  async #import(
    writer: SessionWriter,
    payloads: readonly Uint8Array[],
    acknowledge: (count: number) => void,
  ): Promise<void> {
    const { id } = writer;
    this.#writers.delete(id);
    await this.#directory.closeWriter(writer);
    const bulk = await this.#directory.openBulk({ id });
    try {
      // A session that an import begins goes with it when it is given up.
      const keeps = bulk.nextSeq > 0;
      await this.#appendAll(bulk, payloads, keeps ? acknowledge : () => {});
      await this.#directory.closeWriter(bulk);
    } catch (error) {
      await this.#directory.discardBulk(bulk);
      throw error;
    }
  }

  async #appendAll(
    bulk: BulkWriter,
    payloads: readonly Uint8Array[],
    acknowledge: (count: number) => void,
  ): Promise<void> {
    for (const [index, bytes] of payloads.entries()) {
      bulk.append(this.#header(), "bytes", bytes);
      if ((index + 1) % bulkWatermarkEvents !== 0) continue;
      await bulk.watermark();
      acknowledge(index + 1);
    }
  }

  async checkpoint(session: string): Promise<Claim> {
    while (this.#importing.has(session)) await this.#importing.get(session);
    const writer = this.#writer(session);
    await writer.flush();
    await this.#directory.signCheckpoint(writer);
    return this.#claim(session) ?? { size: 0, root: treeRoot([]) };
  }

  #claim(session: string): Claim | undefined {
    return this.#read(session, (reader) => reader.checkpoint());
  }

  /** What `look` finds in a session; `undefined` when there is no such session yet. */
  #read<T>(session: string, look: (reader: SessionReader) => T): T | undefined {
    if (!this.sessions().includes(session)) return undefined;
    const reader = this.#directory.session(session as SessionId);
    try {
      return look(reader);
    } finally {
      reader.close();
    }
  }

  async snapshot(session: string): Promise<void> {
    const claim = this.#read(session, (reader) => ({ size: reader.size, root: reader.root() }));
    if (claim === undefined || claim.size === 0) return;
    const { size, root } = claim;
    const state = new Uint8Array(stateSizes[(root[0] as number) % stateSizes.length] as number);
    for (let at = 0; at < state.length; at += root.length)
      state.set(root.subarray(0, state.length - at), at);
    const snapshot = { size, root, state, stateHash: sha256(state), stateBytes: state.length };
    await this.#directory.keepSnapshots(session as SessionId, program, [snapshot]);
  }

  async #closeWriters(): Promise<void> {
    while (this.#importing.size > 0) await Promise.all(this.#importing.values());
    for (const [session, writer] of [...this.#writers]) {
      this.#writers.delete(session);
      await this.#directory.closeWriter(writer);
    }
  }

  async remove(session: string): Promise<void> {
    await this.#closeWriters();
    await removeSession(this.#directory, session as SessionId, this.#world.clock());
  }

  async collect(): Promise<void> {
    await this.#closeWriters();
    await collectGarbage(this.#directory);
  }

  sessions(): readonly string[] {
    return this.#directory.sessionIds();
  }

  async view(id: string): Promise<SessionView> {
    return viewOf(this.#directory, id as SessionId);
  }

  async close(): Promise<void> {
    await this.#directory.close();
  }

  abandon(): void {
    try {
      this.#directory.crash();
    } catch (error) {
      // The power is off by now: whatever it still wanted to write had no effect.
      if (!(error instanceof PowerLoss)) throw error;
    }
  }
}

function viewOf(directory: Directory, id: SessionId): SessionView {
  const reader = directory.session(id);
  try {
    const events: Uint8Array[] = [];
    const payloads: Uint8Array[] = [];
    for (const event of reader.events()) {
      events.push(event.bytes);
      payloads.push(event.payloadBytes);
    }
    const { quarantine } = reader;
    const damage = quarantine && `${quarantine.reason} at ${quarantine.seq}`;
    const problem = damage ?? snapshotProblem(reader);
    const checkpoint = reader.checkpoint();
    return { id, events, payloads, root: reader.root(), checkpoint, problem };
  } finally {
    reader.close();
  }
}

/** A snapshot may be missing; one that is there has its state in the store, whole. */
function snapshotProblem(reader: SessionReader): string | undefined {
  for (const { size, stateHash, stateBytes } of reader.snapshots(program)) {
    const state = reader.blobs.get(stateHash);
    if (state.length !== stateBytes) return `the state of snapshot ${size} has another size`;
  }
  return undefined;
}

/** Reads all sessions without recovering anything; nothing when there is no directory yet. */
async function look(disk: Disk, world: World): Promise<Glimpse[]> {
  const processes = simulatedProcesses(world.clock());
  let directory: Directory;
  try {
    directory = await Directory.open({ path, mode: "read", disk, processes });
  } catch (error) {
    if (codeOf(error) === "NOT_FOUND") return [];
    throw error;
  }
  try {
    return directory.sessionIds().map((id): Glimpse => {
      try {
        return { view: viewOf(directory, id), error: undefined };
      } catch (error) {
        return { view: undefined, error };
      }
    });
  } finally {
    await directory.close();
  }
}

/** What an operation is about, by the file it concerns. */
function activityOf({ kind, path: file }: Operation): string | undefined {
  if (file.endsWith(".wal") && kind === "remove") return "segment retirement";
  if (file.includes("/blobs/")) return "blob packs";
  if (file.includes("/bulk/")) return "bulk marker";
  if (file.includes("/snapshots/")) return "snapshot file";
  if (file.includes("tombstone")) return "tombstone";
  if (file.endsWith("checkpoint") || file.includes("checkpoint.")) return "checkpoint file";
  if (file.includes("lock.")) return "lock";
  if (file.includes("reserve")) return "reserve";
  if (file.includes("/journal")) return "journal";
  if (file.includes("/sessions")) return "session files";
  return undefined;
}

/** Turns of the microtask queue until something is placed, and between one session and the next. */
const placedAfterTurns = 60;
const turnsBetween = 7;

/** Quiet moments, as often in the middle of something as not. */
function placedLater(waiting: WaitingPlacements): void {
  const go = async (): Promise<void> => {
    for (let turn = 0; turn < placedAfterTurns; turn++) await Promise.resolve();
    while (waiting.placeSome(0))
      for (let turn = 0; turn < turnsBetween; turn++) await Promise.resolve();
  };
  void go();
}

/** Turns of the microtask queue until a journal is retired that is not full. */
const restsAfterTurns = 40;

/** Moments of rest, as often in the middle of something as not. */
function rests(journal: RestingJournal): void {
  const go = async (): Promise<void> => {
    for (let turn = 0; turn < restsAfterTurns; turn++) await Promise.resolve();
    await journal.rest();
  };
  void go();
}

async function open(disk: Disk, world: World, takeOver: boolean): Promise<Engine> {
  const { clock, entropy } = world;
  const [choice = 0] = entropy(1);
  const processes = simulatedProcesses(world.clock());
  const options = {
    path,
    mode: "write",
    disk,
    clock,
    entropy,
    processes,
    takeOver,
    sizes,
    // Every other process lets what it has acknowledged wait for its place, every third one rests.
    ...(choice % 2 === 0 ? {} : { placeLater: placedLater }),
    ...(choice % 3 === 0 ? { restLater: rests } : {}),
  } as const;
  return new ReachEngine(await Directory.open(options), world);
}

/** Reach, with files small enough to be filled, retired and collected many times in one run. */
export function reachDriver(): EngineDriver {
  return {
    name: "reach",
    open: (disk, world) => open(disk, world, false),
    takeOver: (disk, world) => open(disk, world, true),
    look,
    activityOf,
    // Indexes and stored trees are derived; they are written when a session has been read far.
    // So does a pack that holds nothing: it goes when the next process opens the store.
    isStable: (file, size) =>
      /\/(events\.log|manifest\.cbor|checkpoint|tombstone)$/.test(file) ||
      (file.endsWith(".pack") && size > 16),
    appendsAreWhole: false,
    resumesAfterFullDisk: true,
    resumesAfterFault: true,
  };
}
