/**
 * A storage engine small enough to be right, and the five classic ways to get it wrong. It shows
 * that the simulation has teeth: it passes the first and catches each of the others.
 *
 * A `snapshot` holds all events; one journal, `<n>.wal`, holds those since. The snapshot names the
 * journal that continues it; any other is left over. A full journal is recycled under its next name
 * after a new snapshot is durable, so frames of its former life stand behind the new ones.
 */
import {
  concat,
  crc32,
  ReachError,
  readU16,
  readU32,
  writeU16,
  writeU32,
} from "../../src/base/index.ts";
import { type Disk, type DiskFile, readFile, replaceFile } from "../../src/disk/index.ts";
import type { Appended, Claim, Engine, EngineDriver, SessionView } from "./engine.ts";
import { treeRoot } from "./tree.ts";

/** The mistakes, each planted on purpose. */
export const mistakes = [
  "skips a sync",
  "acknowledges before the sync",
  "applies a frame twice",
  "forgets the folder sync",
  "accepts a frame at the wrong place",
] as const;

/** One of `mistakes`. */
export type Mistake = (typeof mistakes)[number];

const folder = "/toy";
const journalBytes = 16 * 1024;
const headerBytes = 12;

interface Waiting {
  readonly session: string;
  readonly payloads: readonly Uint8Array[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

type Sessions = Map<string, Uint8Array[]>;

/** Entries of `session number, length, bytes`: the body of frames and of the snapshot. */
function encodeEntries(entries: Iterable<readonly [string, readonly Uint8Array[]]>): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [session, payloads] of entries) {
    for (const payload of payloads) {
      const head = new Uint8Array(6);
      writeU16(head, 0, Number(session));
      writeU32(head, 2, payload.length);
      parts.push(head, payload);
    }
  }
  return concat(...parts);
}

function applyEntries(bytes: Uint8Array, sessions: Sessions): void {
  for (let at = 0; at < bytes.length; ) {
    const session = String(readU16(bytes, at));
    const end = at + 6 + readU32(bytes, at + 2);
    const payloads = sessions.get(session) ?? [];
    payloads.push(bytes.slice(at + 6, end));
    sessions.set(session, payloads);
    at = end;
  }
}

/** `crc, length, place, body`; the place is that of the frame in the life of all journals. */
function encodeFrame(place: number, body: Uint8Array): Uint8Array {
  const frame = new Uint8Array(headerBytes + body.length);
  writeU32(frame, 4, body.length);
  writeU32(frame, 8, place);
  frame.set(body, headerBytes);
  writeU32(frame, 0, crc32(frame.subarray(4)));
  return frame;
}

/** The body of the frame at the start of `bytes`, if there is a valid one for this place. */
function decodeFrame(bytes: Uint8Array, place: number | undefined): Uint8Array | undefined {
  if (bytes.length < headerBytes) return undefined;
  const end = headerBytes + readU32(bytes, 4);
  if (end > bytes.length || crc32(bytes.subarray(4, end)) !== readU32(bytes, 0)) return undefined;
  if (place !== undefined && readU32(bytes, 8) !== place) return undefined;
  return bytes.subarray(headerBytes, end);
}

class ToyEngine implements Engine {
  readonly #disk: Disk;
  readonly #mistake: Mistake | undefined;
  readonly #sessions: Sessions = new Map();
  /** Events of each session that were given a place, durable or waiting. */
  readonly #taken = new Map<string, number>();
  readonly #claims = new Map<string, Claim>();
  #queue: Waiting[] = [];
  #journal: DiskFile | undefined;
  #number = 0;
  #offset = 0;
  #broken = true;
  #busy: Promise<void> | undefined;
  #claiming: Promise<unknown> = Promise.resolve();

  constructor(disk: Disk, mistake: Mistake | undefined) {
    this.#disk = disk;
    this.#mistake = mistake;
  }

  async recover(): Promise<void> {
    this.#disk.createFolder(folder);
    await this.#disk.syncFolder("/");
    const names = this.#disk.list(folder);
    if (names.includes("snapshot")) {
      const bytes = readFile(this.#disk, `${folder}/snapshot`);
      const body = decodeFrame(bytes, undefined);
      if (body === undefined) throw new ReachError("CORRUPT", "the snapshot is damaged");
      this.#number = readU32(bytes, 8);
      applyEntries(body, this.#sessions);
    }
    for (const name of names.filter((name) => name.endsWith(".wal"))) {
      const number = Number.parseInt(name, 10);
      const leftOver = number !== this.#number && this.#mistake !== "applies a frame twice";
      if (!leftOver) this.#applyJournal(readFile(this.#disk, `${folder}/${name}`), number);
    }
    for (const name of names.filter((name) => name.endsWith(".checkpoint"))) {
      const bytes = readFile(this.#disk, `${folder}/${name}`);
      const claim = { size: readU32(bytes, 0), root: bytes.slice(4) };
      this.#claims.set(name.slice(0, -".checkpoint".length), claim);
    }
    await this.#rebuild();
  }

  #applyJournal(bytes: Uint8Array, number: number): void {
    for (let at = 0; ; ) {
      const anywhere = this.#mistake === "accepts a frame at the wrong place";
      const body = decodeFrame(bytes.subarray(at), anywhere ? undefined : at + number * 2 ** 20);
      if (body === undefined) return;
      applyEntries(body, this.#sessions);
      at += headerBytes + body.length;
    }
  }

  /** A new snapshot of all that is acknowledged, and an empty journal under a new name. */
  async #rebuild(): Promise<void> {
    this.#journal?.close();
    await this.#writeSnapshot(++this.#number);
    const path = `${folder}/${this.#number}.wal`;
    this.#disk.remove(path);
    this.#journal = this.#disk.open(path, "create");
    if (this.#mistake !== "forgets the folder sync") await this.#disk.syncFolder(folder);
    for (const name of this.#disk.list(folder)) {
      const old = name.endsWith(".wal") && Number.parseInt(name, 10) < this.#number;
      if (old) this.#disk.remove(`${folder}/${name}`);
    }
    this.#offset = 0;
    this.#broken = false;
  }

  /** The same when all is well: the journal goes on as the next one, with its old bytes. */
  async #recycle(): Promise<void> {
    const old = `${folder}/${this.#number}.wal`;
    this.#broken = true;
    await this.#writeSnapshot(++this.#number);
    this.#disk.rename(old, `${folder}/${this.#number}.wal`);
    if (this.#mistake !== "forgets the folder sync") await this.#disk.syncFolder(folder);
    this.#offset = 0;
    this.#broken = false;
  }

  async #writeSnapshot(number: number): Promise<void> {
    const bytes = encodeFrame(number, encodeEntries(this.#sessions));
    if (this.#mistake !== "skips a sync") {
      await replaceFile(this.#disk, `${folder}/snapshot`, bytes);
      return;
    }
    this.#disk.remove(`${folder}/snapshot.tmp`);
    const file = this.#disk.open(`${folder}/snapshot.tmp`, "create");
    file.write(bytes, 0);
    file.close();
    this.#disk.rename(`${folder}/snapshot.tmp`, `${folder}/snapshot`);
    await this.#disk.syncFolder(folder);
  }

  createSession(): string {
    const known = [...this.#taken.keys(), ...this.#sessions.keys()].map(Number);
    const id = String(Math.max(0, ...known) + 1);
    this.#taken.set(id, 0);
    return id;
  }

  append(session: string, payloads: readonly Uint8Array[]): Appended {
    const firstSeq = this.#taken.get(session) ?? this.#sessions.get(session)?.length ?? 0;
    this.#taken.set(session, firstSeq + payloads.length);
    const durable = new Promise<void>((resolve, reject) => {
      this.#queue.push({ session, payloads, resolve, reject });
    });
    this.#busy ??= this.#commitAll();
    return { firstSeq, durable };
  }

  bulk(session: string, payloads: readonly Uint8Array[]): Appended {
    const appended = payloads.map((payload) => this.append(session, [payload]));
    const { firstSeq } = appended[0] as Appended;
    const all = Promise.all(appended.map(({ durable }) => durable));
    return { firstSeq, durable: all.then(() => undefined) };
  }

  async #commitAll(): Promise<void> {
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const group = [this.#queue.shift() as Waiting];
      while (this.#queue.length > 0 && group.length < 8) group.push(this.#queue.shift() as Waiting);
      try {
        await this.#commit(group);
      } catch (error) {
        this.#broken = true;
        this.#refuse(group, error);
      }
    }
    this.#busy = undefined;
  }

  /** What waits behind a group that failed stands on it, so it fails, too. */
  #refuse(group: readonly Waiting[], error: unknown): void {
    const waiting = [...group, ...this.#queue];
    this.#queue = [];
    for (const { session, reject } of waiting) {
      this.#taken.set(session, this.#sessions.get(session)?.length ?? 0);
      reject(error);
    }
  }

  async #commit(group: readonly Waiting[]): Promise<void> {
    const body = encodeEntries(group.map(({ session, payloads }) => [session, payloads]));
    if (this.#broken) await this.#rebuild();
    else if (this.#offset > 0 && this.#offset + body.length > journalBytes) await this.#recycle();
    const frame = encodeFrame(this.#offset + this.#number * 2 ** 20, body);
    const journal = this.#journal as DiskFile;
    journal.write(frame, this.#offset);
    const early = this.#mistake === "acknowledges before the sync";
    if (!early) await journal.sync();
    applyEntries(body, this.#sessions);
    for (const { resolve } of group) resolve();
    if (early) await journal.sync();
    this.#offset += frame.length;
  }

  checkpoint(session: string): Promise<Claim> {
    const claiming = this.#claiming.then(() => this.#claim(session));
    this.#claiming = claiming.catch(() => undefined);
    return claiming;
  }

  async #claim(session: string): Promise<Claim> {
    const payloads = this.#sessions.get(session) ?? [];
    const claim = { size: payloads.length, root: treeRoot(payloads) };
    const bytes = concat(new Uint8Array(4), claim.root);
    writeU32(bytes, 0, claim.size);
    await replaceFile(this.#disk, `${folder}/${session}.checkpoint`, bytes);
    this.#claims.set(session, claim);
    return claim;
  }

  sessions(): readonly string[] {
    return [...this.#sessions.keys()];
  }

  async view(id: string): Promise<SessionView> {
    const events = [...(this.#sessions.get(id) ?? [])];
    return { id, events, payloads: events, root: undefined, checkpoint: this.#claims.get(id) };
  }

  async close(): Promise<void> {
    await this.#busy;
    await this.#claiming;
    this.#journal?.close();
  }

  abandon(): void {
    this.#queue = [];
  }
}

/** The toy, right or with one mistake. */
export function toyDriver(mistake?: Mistake): EngineDriver {
  return {
    name: mistake === undefined ? "toy" : `toy that ${mistake}`,
    async open(disk) {
      const engine = new ToyEngine(disk, mistake);
      await engine.recover();
      return engine;
    },
    activityOf({ kind, path }) {
      if (path.includes("snapshot")) return "journal retirement";
      return kind === "rename" ? "journal recycling" : undefined;
    },
    isStable: (path) => path.endsWith(".checkpoint"),
    appendsAreWhole: true,
    resumesAfterFullDisk: true,
    resumesAfterFault: true,
  };
}
