/**
 * Damages a data directory in one place and looks what becomes of it: first as a reader finds it,
 * then opened for writing, which recovers it, then after life has gone on and another recovery.
 */
import { codeOf, type SessionId, toHex, utf8 } from "../../src/base/index.ts";
import { Directory } from "../../src/session/index.ts";
import type { Damage } from "./damage.ts";
import {
  examine,
  type Original,
  type Originals,
  type Outcome,
  reported,
  takeOriginals,
  WrongAnswer,
} from "./examination.ts";
import { MemoryDisk } from "./memory-disk.ts";
import {
  type DirectoryName,
  fixedClock,
  fixedEntropy,
  processNumber,
  type SessionIds,
  smallSizes,
  workspace,
  writeClean,
  writeCrashed,
} from "./small-directories.ts";

/** Where the directories lie on their disks. */
export const root = "/data/fixtures";

/** How many cases there were, and how they came out. */
export interface Tally {
  cases: number;
  /** Nothing was lost, and nothing had to be said. */
  whole: number;
  /** Something was said about a session, and all its events are there. */
  reported: number;
  /** Events or payloads of a session are lost, and that was said. */
  lost: number;
  /** The directory could not be opened for writing, and why was said. */
  refused: number;
}

/** A new tally. */
export function newTally(): Tally {
  return { cases: 0, whole: 0, reported: 0, lost: 0, refused: 0 };
}

/** A directory on a disk, with what it holds. */
export class Patient {
  readonly name: DirectoryName | "lost";
  readonly disk: MemoryDisk;
  readonly ids: SessionIds;
  readonly originals: Originals;

  private constructor(
    name: DirectoryName | "lost",
    disk: MemoryDisk,
    ids: SessionIds,
    originals: Originals,
  ) {
    this.name = name;
    this.disk = disk;
    this.ids = ids;
    this.originals = originals;
  }

  /**
   * Writes a directory and reads what a recovery of it gives. `lost` is `crashed` after a loss of
   * power: what the processes had not made durable in its place is in the journal alone.
   */
  static async create(name: DirectoryName | "lost"): Promise<Patient> {
    const disk = MemoryDisk.create(root);
    let closed = disk;
    const ids =
      name === "clean"
        ? await writeClean(disk, root)
        : await writeCrashed(disk, root, () => {
            closed = disk.copy();
          });
    if (name === "lost") losePower(disk, closed, ids["growing"] as SessionId);
    const directory = await open(disk.copy(), "write", 100);
    const originals = await takeOriginals(directory);
    directory.crash();
    return new Patient(name, disk, ids, originals);
  }

  /** Files, relative to the root. */
  files(): string[] {
    return this.disk.paths().map((path) => path.slice(root.length + 1));
  }

  /** The segments of the journal. */
  segments(): string[] {
    return this.files().filter((file) => file.endsWith(".wal"));
  }

  bytesOf(file: string): Uint8Array {
    return this.disk.bytesOf(`${root}/${file}`);
  }

  #damaged(file: string, { bytes }: Damage): MemoryDisk {
    const disk = this.disk.copy();
    if (bytes) disk.put(`${root}/${file}`, bytes);
    else disk.remove(`${root}/${file}`);
    return disk;
  }

  /** Sessions that damage of a file may hit. */
  #mayHit(file: string, { name }: Damage): (id: SessionId, outcome: Outcome) => boolean {
    // Where several groups are gone, nobody knows whose they were: sessions that no checkpoint
    // proves complete are said to be in doubt, although their own files have everything.
    if (file.endsWith(".wal")) {
      if (this.name === "lost") return () => true;
      return (_, outcome) => !name.startsWith("flip") && outcome === "reported";
    }
    const session = /^sessions\/..\/([^/]+)\//.exec(file)?.[1];
    if (session !== undefined) return (id) => id === session;
    if (file.startsWith("bulk/")) return (id) => file.endsWith(id);
    const all = /^(?:blobs\/.*\.pack|reach\.json|keys\/.*)$/.test(file);
    return () => all;
  }

  /**
   * Damages `file`, looks at it as a reader and as a writer, and goes on from there when `lives`.
   * Throws `WrongAnswer` when Reach breaks a promise.
   */
  async endure(file: string, damage: Damage, tally: Tally, lives = true): Promise<void> {
    const disk = this.#damaged(file, damage);
    try {
      // After a loss of power readers see what is in its place, and recovery has yet to come.
      if (this.name !== "lost") await this.#asReader(file, damage, disk.copy(true));
      tally.cases += 1;
      const verdict = await this.#asWriter(file, damage, disk, lives && this.name !== "lost");
      tally[verdict] += 1;
    } catch (error) {
      if (error instanceof WrongAnswer) error.message = `${file}, ${damage.name}: ${error.message}`;
      throw error;
    }
  }

  async #asReader(file: string, damage: Damage, disk: MemoryDisk): Promise<void> {
    let directory: Directory;
    try {
      directory = await open(disk, "read", 200);
    } catch (error) {
      reported(error, "opening for reading");
      if (file !== "reach.json") throw new WrongAnswer(`cannot be opened for reading: ${error}`);
      return;
    }
    const unrecovered = disk.list(`${root}/journal`).some((name) => name.endsWith(".wal"));
    const state = unrecovered ? "unrecovered" : "here";
    this.#judge(file, damage, await examine(directory, this.originals, state));
    await directory.close();
  }

  async #asWriter(
    file: string,
    damage: Damage,
    disk: MemoryDisk,
    lives: boolean,
  ): Promise<"whole" | "reported" | "lost" | "refused"> {
    let directory: Directory;
    try {
      directory = await open(disk, "write", 201);
    } catch (error) {
      const { code } = reported(error, "opening for writing");
      const expected =
        file.startsWith("keys/") || code === "LOCKED" || code === "FORMAT_UNSUPPORTED";
      if (!expected) throw new WrongAnswer(`cannot be opened for writing: ${error}`);
      return "refused";
    }
    const { torn, damage: lost = [] } = directory.recovery ?? {};
    const unknown = torn !== undefined || lost.some(({ entries }) => entries === undefined);
    const isLost = this.name === "lost" && unknown;
    const outcomes = await examine(directory, this.originals, isLost ? "lost" : "here");
    this.#judge(file, damage, outcomes);
    if (lives) await this.#goOn(file, damage, disk, directory);
    else directory.crash();
    const all = new Set(outcomes.values());
    return all.has("lost") ? "lost" : all.has("reported") ? "reported" : "whole";
  }

  #judge(file: string, damage: Damage, outcomes: ReadonlyMap<SessionId, Outcome>): void {
    const mayHit = this.#mayHit(file, damage);
    for (const [id, outcome] of outcomes) {
      if (outcome !== "whole" && !mayHit(id, outcome))
        throw new WrongAnswer(`session ${id} is ${outcome}`);
    }
  }

  /** Appends to every session that takes events; after a crash and a recovery they are there. */
  async #goOn(file: string, damage: Damage, disk: MemoryDisk, directory: Directory): Promise<void> {
    const originals = new Map<SessionId, Original>(this.originals);
    for (const original of this.originals.values()) {
      const grown = await appendOne(
        directory,
        original,
        this.#mayHit(file, damage)(original.id, "reported"),
      );
      if (grown) originals.set(original.id, grown);
    }
    directory.crash();
    const next = await open(disk, "write", 202);
    const outcomes = await examine(next, originals);
    this.#judge(file, damage, outcomes);
    await next.close();
    const reader = await open(disk.copy(true), "read", 203);
    this.#judge(file, damage, await examine(reader, originals));
    await reader.close();
  }
}

/** Takes back what was written to sessions and packs without being made durable there. */
function losePower(disk: MemoryDisk, closed: MemoryDisk, imported: SessionId): void {
  const isDurable = (path: string): boolean =>
    path.includes(imported) || path.endsWith("00000002.pack");
  for (const path of disk.paths()) {
    if (!/\/(?:sessions|blobs)\//.test(path) || isDurable(path)) continue;
    if (closed.exists(path)) disk.put(path, closed.bytesOf(path));
    else disk.remove(path);
  }
}

function open(disk: MemoryDisk, mode: "read" | "write", process: number): Promise<Directory> {
  return Directory.open({
    path: root,
    mode,
    workspace,
    disk,
    clock: fixedClock(),
    entropy: fixedEntropy(`process ${process}`),
    processes: processNumber(process),
    sizes: smallSizes,
  });
}

/** Appends one event; the session as it should be then, `undefined` where it takes none. */
async function appendOne(
  directory: Directory,
  original: Original,
  mayRefuse: boolean,
): Promise<Original | undefined> {
  const { id, events, payloads, roots, problems } = original;
  const bytes = utf8(`one more event of ${id}`);
  try {
    const writer = directory.appendTo(id);
    const header = { kind: "emit", type: "more", time: 1_700_000_000_000, ref: null } as const;
    const { seq, durable } = writer.append({ ...header, form: "bytes", bytes });
    await durable;
    if (seq !== events.length) throw new WrongAnswer(`seq ${seq} of ${id} is given out again`);
    await directory.closeWriter(writer);
  } catch (error) {
    if (error instanceof WrongAnswer) throw error;
    reported(error, `appending to ${id}`);
    const refused = mayRefuse || (problems > 0 && codeOf(error) === "QUARANTINED");
    if (!refused) throw new WrongAnswer(`session ${id} takes no events: ${error}`);
    return undefined;
  }
  const reader = directory.session(id);
  const event = reader.event(events.length);
  const grown = {
    ...original,
    events: [...events, event.bytes.slice()],
    payloads: [...payloads, bytes],
    roots: [...roots, toHex(reader.computedRoot(events.length + 1))],
  };
  reader.close();
  return grown;
}
