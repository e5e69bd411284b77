/**
 * The storage engine of Reach, as the simulation drives it: a data directory with its journal,
 * sessions, blobs and checkpoints on the simulated disk.
 */
import { limits, type SessionId } from "../../src/base/index.ts";
import type { Processes } from "../../src/log/index.ts";
import { Directory, type SessionWriter } from "../../src/session/index.ts";
import type { Appended, Claim, Engine, EngineDriver, SessionView, World } from "./engine.ts";
import type { Operation } from "./operations.ts";
import { PowerLoss } from "./power.ts";
import type { SimDisk } from "./sim-disk.ts";
import { treeRoot } from "./tree.ts";

const path = "/data/main";

/** Each world is a process of its own, and when it begins the one before is dead. */
function processesOf(world: World): Processes {
  const started = String(world.clock());
  return {
    self: () => ({ pid: 1, boot: "simulated", started, host: "simulated" }),
    isAlive: (holder) => holder.started === started,
    pause: () => Promise.resolve(),
  };
}

class ReachEngine implements Engine {
  readonly #directory: Directory;
  readonly #world: World;
  readonly #writers = new Map<string, SessionWriter>();
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
    // A session of which nothing became durable does not exist yet: it is begun again.
    const exists = this.sessions().includes(session);
    const writer = exists
      ? this.#directory.appendTo(session)
      : this.#directory.createSession({ id: session as SessionId });
    this.#writers.set(session, writer);
    return writer;
  }

  append(session: string, payloads: readonly Uint8Array[]): Appended {
    const writer = this.#writer(session);
    const firstSeq = writer.nextSeq;
    const durable = payloads.map(
      (bytes) => writer.append({ ...this.#header(), form: "bytes", bytes }).durable,
    );
    return { firstSeq, durable: Promise.all(durable).then(() => undefined) };
  }

  #header(): { kind: "emit"; type: string; time: number; ref: null } {
    return { kind: "emit", type: "simulated", time: this.#world.clock(), ref: null };
  }

  bulk(session: string, payloads: readonly Uint8Array[]): Appended {
    const writer = this.#writer(session);
    const firstSeq = writer.nextSeq;
    const durable = this.#import(writer, payloads);
    const settled = durable.catch(() => undefined);
    this.#importing.set(session, settled);
    return { firstSeq, durable };
  }

  async #import(writer: SessionWriter, payloads: readonly Uint8Array[]): Promise<void> {
    const { id } = writer;
    this.#writers.delete(id);
    await this.#directory.closeWriter(writer);
    const bulk = await this.#directory.openBulk({ id });
    try {
      for (const bytes of payloads) bulk.append(this.#header(), "bytes", bytes);
      await this.#directory.closeWriter(bulk);
    } catch (error) {
      await this.#directory.discardBulk(bulk);
      throw error;
    }
  }

  async checkpoint(session: string): Promise<Claim> {
    await this.#importing.get(session);
    const writer = this.#writer(session);
    await writer.flush();
    await this.#directory.signCheckpoint(writer);
    return this.#claim(session) ?? { size: 0, root: treeRoot([]) };
  }

  #claim(session: string): Claim | undefined {
    if (!this.sessions().includes(session)) return undefined;
    const reader = this.#directory.session(session);
    try {
      return reader.checkpoint();
    } finally {
      reader.close();
    }
  }

  sessions(): readonly string[] {
    return this.#directory.sessionIds();
  }

  async view(id: string): Promise<SessionView> {
    const reader = this.#directory.session(id);
    try {
      const events: Uint8Array[] = [];
      const payloads: Uint8Array[] = [];
      for (const event of reader.events()) {
        events.push(event.bytes.slice());
        payloads.push(event.payloadBytes.slice());
      }
      const { quarantine } = reader;
      const problem = quarantine && `${quarantine.reason} at ${quarantine.seq}`;
      return {
        id,
        events,
        payloads,
        root: reader.root(),
        checkpoint: reader.checkpoint(),
        problem,
      };
    } finally {
      reader.close();
    }
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

/** What an operation is about, by the file it concerns. */
function activityOf({ kind, path: file }: Operation): string | undefined {
  if (file.endsWith(".wal") && kind === "remove") return "segment retirement";
  if (file.includes("/blobs/")) return "blob packs";
  if (file.includes("/bulk/")) return "bulk marker";
  if (file.endsWith("checkpoint") || file.includes("checkpoint.")) return "checkpoint file";
  if (file.includes("lock.")) return "lock";
  if (file.includes("reserve")) return "reserve";
  if (file.includes("/journal")) return "journal";
  if (file.includes("/sessions")) return "session files";
  return undefined;
}

/** Reach, with a journal small enough to be retired many times in one run. */
export function reachDriver(): EngineDriver {
  // Drafted against limits that are constants; the engine has to take them as options.
  Object.assign(limits, { journalSegmentBytes: 32 * 1024 });
  return {
    name: "reach",
    async open(disk: SimDisk, world: World): Promise<Engine> {
      const { clock, entropy } = world;
      const processes = processesOf(world);
      const options = { path, mode: "write", disk, clock, entropy, processes } as const;
      return new ReachEngine(await Directory.open(options), world);
    },
    activityOf,
    isStable: (file) => file.includes("/sessions/") && !/\.(idx|log)$/.test(file),
    appendsAreWhole: false,
    resumesAfterFullDisk: true,
    resumesAfterFault: true,
  };
}
