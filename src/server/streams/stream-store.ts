/**
 * Finding streams by their names, without a table of names: the random part of a session's id is
 * derived from the name of its stream, so all sessions that a name ever had lie in one folder, the
 * newest being the stream. What is known of a stream is kept while it is used.
 */
import { codeOf, newSessionId, type SessionId, sha256, utf8 } from "../../base/index.ts";
import { folderOf } from "../../disk/index.ts";
import { sessionFolder } from "../../log/index.ts";
import { type Directory, isRemoved } from "../../session/index.ts";
import type { ReaderPool } from "../reader-pool.ts";
import { type StreamConfig, streamFormat } from "./stream-note.ts";
import { StreamState } from "./stream-state.ts";

/** Characters of an id that its time of creation decides; what follows is derived. */
const timeChars = "01234567-89ab".length;
const timeDigits = 12;
const domain = "reach/stream/v1";
/** Streams that are kept in memory; the ones not used for longest are read again. */
const keptMaxDefault = 10_000;

/** A stream in memory. */
export class Stream {
  readonly id: SessionId;
  readonly config: StreamConfig;
  readonly state: StreamState;
  /** When somebody read or wrote it last, as far as this process knows. */
  usedAt: number;
  /** Reads under way that have no end. */
  observers = 0;
  /** The greatest Stream-Seq on its way to the log. */
  sequence: string | undefined;
  /** Settles when what closes or deletes it is durable, or has failed. */
  closing: Promise<void> | undefined;

  constructor(id: SessionId, config: StreamConfig, state: StreamState, usedAt: number) {
    this.id = id;
    this.config = config;
    this.state = state;
    this.usedAt = usedAt;
  }

  /** When it goes, in milliseconds since the epoch, if nobody uses it until then. */
  get expires(): number {
    const { ttl, expiresAt } = this.config;
    const idle = ttl === null || this.observers > 0 ? Infinity : this.usedAt + 1000 * ttl;
    return Math.min(idle, expiresAt === null ? Infinity : Date.parse(expiresAt));
  }
}

/** The streams of one directory. */
export class StreamStore {
  readonly #directory: Directory;
  readonly #readers: ReaderPool;
  readonly #clock: () => number;
  readonly #keptMax: number;
  /** In order of use, the latest last. */
  readonly #kept = new Map<SessionId, Promise<Stream | undefined>>();
  /** Those that somebody follows: known as they are, however many others are used. */
  readonly #followed = new Map<SessionId, Stream>();
  readonly #newest = new Map<string, SessionId>();

  constructor(
    directory: Directory,
    readers: ReaderPool,
    clock: () => number,
    keptMax: number = keptMaxDefault,
  ) {
    this.#directory = directory;
    this.#readers = readers;
    this.#clock = clock;
    this.#keptMax = keptMax;
  }

  /** Somebody follows a stream until the function is called that this returns. */
  follow(stream: Stream): () => void {
    stream.observers += 1;
    this.#followed.set(stream.id, stream);
    let following = true;
    return () => {
      if (!following) return;
      following = false;
      stream.observers -= 1;
      if (stream.observers === 0) this.#followed.delete(stream.id);
    };
  }

  /** The stream that a name has now, deleted or not; `undefined` if it never had one. */
  async named(name: string): Promise<Stream | undefined> {
    const newest = this.#newest.get(name);
    const known = newest === undefined ? undefined : await this.of(newest);
    if (known?.state.complete) return known;
    for (const id of this.#sessionsOf(name)) {
      const stream = await this.of(id);
      if (stream?.config.name !== name || !stream.state.complete) continue;
      this.#newest.set(name, id);
      return stream;
    }
    return undefined;
  }

  /** The stream of a session, as far as it is durable; `undefined` if there is none, or no more. */
  async of(id: SessionId): Promise<Stream | undefined> {
    let kept = this.#kept.get(id);
    const followed = this.#followed.get(id);
    if (kept) this.#kept.delete(id);
    else kept = followed ? Promise.resolve(followed) : this.#load(id);
    this.#kept.set(id, kept);
    this.#evict();
    try {
      const stream = await kept;
      if (stream) await this.refresh(stream);
      else this.#kept.delete(id);
      return stream;
    } catch (error) {
      this.#kept.delete(id);
      const code = codeOf(error);
      if (code === "NOT_FOUND" || code === "GONE") return undefined;
      throw error;
    }
  }

  /** Looks at what has become durable. */
  async refresh(stream: Stream): Promise<void> {
    await this.#readers.with(stream.id, (reader) => stream.state.read(reader));
  }

  /** A session id for a stream of this name: later than every one that the name has had. */
  newId(name: string): SessionId {
    const [latest] = this.#sessionsOf(name);
    const after = latest === undefined ? 0 : timeOf(latest) + 1;
    return this.#idOf(name, Math.max(this.#clock(), after));
  }

  /** Forgets what is known of a session: its log decides. */
  forget(id: SessionId): void {
    this.#kept.delete(id);
  }

  /** Streams in memory that may go by themselves. */
  async expiring(): Promise<Stream[]> {
    const found: Stream[] = [];
    const followed = [...this.#followed.values()].filter(({ id }) => !this.#kept.has(id));
    for (const kept of [...this.#kept.values(), ...followed]) {
      const stream = await Promise.resolve(kept).catch(() => undefined);
      if (stream && !stream.state.deleted && stream.expires < Infinity) found.push(stream);
    }
    return found;
  }

  async #load(id: SessionId): Promise<Stream | undefined> {
    return this.#readers.with(id, async (reader) => {
      if (reader.manifest.format !== streamFormat) return undefined;
      const state = new StreamState();
      await state.read(reader);
      const { config } = state;
      return config && new Stream(id, config, state, Math.max(state.time, this.#clock()));
    });
  }

  /** Every session that the name has had and that is not removed, the newest first. */
  #sessionsOf(name: string): SessionId[] {
    const { disk, path } = this.#directory;
    const id = this.#idOf(name, 0);
    const derived = id.slice(timeChars);
    return disk
      .list(folderOf(sessionFolder(path, id)))
      .filter((found) => found.length === id.length && found.endsWith(derived))
      .filter((found) => !isRemoved(disk, path, found))
      .sort()
      .reverse();
  }

  #idOf(name: string, time: number): SessionId {
    const { workspace } = this.#directory;
    const hash = sha256(utf8(`${domain}\0${workspace}\0${name}`));
    return newSessionId(
      () => time,
      () => hash.slice(0, 16),
    );
  }

  #evict(): void {
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > this.#keptMax && oldest !== undefined) this.#kept.delete(oldest);
    const [name] = this.#newest.keys();
    if (this.#newest.size > this.#keptMax && name !== undefined) this.#newest.delete(name);
  }
}

/** The time that an id was made at. */
function timeOf(id: SessionId): number {
  return Number.parseInt(id.replaceAll("-", "").slice(0, timeDigits), 16);
}
