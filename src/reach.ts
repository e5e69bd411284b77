/**
 * Reach as a library: a data directory with what people do with it. Everything here is put together
 * from the folders below; the command line does the same with the same pieces.
 */
import { encodeValue, type SessionId, systemClock } from "./base/index.ts";
import type { EventKind, EventView } from "./event/index.ts";
import {
  fileSource,
  type ImportOptions,
  type ImportReport,
  importSource,
} from "./importers/index.ts";
import {
  closeWorkers,
  loadProgram,
  type ReplayReport,
  replaySession,
  type StateReport,
  stateAt,
} from "./runtime/index.ts";
import {
  type ByteSink,
  Directory,
  exportOriginal,
  type SessionWriter,
  type VerifyReport,
  verifySession,
} from "./session/index.ts";

/** How a data directory is opened. */
export interface OpenOptions {
  /** The folder, `./.reach` by convention. */
  readonly data: string;
  /** Sessions of a directory are kept apart by workspace. Default `default`. */
  readonly workspace?: string;
  /** `read` takes no lock and works beside a writer. Default `write`. */
  readonly mode?: "read" | "write";
  /** Name that a new directory signs for. Default `reach.local`. */
  readonly origin?: string;
}

/** An event to append. */
export interface EventInput {
  /** Your word for it, at most 256 bytes. */
  readonly type: string;
  /** Plain data: null, booleans, numbers, bigints, strings, Uint8Array, arrays, objects. */
  readonly data: unknown;
  /** Default `emit`. */
  readonly kind?: EventKind;
  /** Milliseconds since the epoch. Default now. */
  readonly time?: number;
  /** The seq that this one answers. */
  readonly ref?: number;
}

/** Which events to read. */
export interface EventRange {
  /** First seq. Default 0. */
  readonly from?: number;
  /** Seq behind the last one. Default: the end of the session. */
  readonly to?: number;
}

/** Opens a data directory; creates it when it is missing and `mode` is `write`. */
export async function open(options: OpenOptions): Promise<Reach> {
  const { data, workspace = "default", mode = "write", origin } = options;
  const named = origin === undefined ? {} : { origin };
  return new Reach(await Directory.open({ path: `${data}/${workspace}`, mode, ...named }));
}

/** A session that is being recorded. */
export class Recording {
  readonly id: SessionId;
  readonly #directory: Directory;
  readonly #writer: SessionWriter;

  constructor(directory: Directory, writer: SessionWriter) {
    this.id = writer.id;
    this.#directory = directory;
    this.#writer = writer;
  }

  /**
   * Appends an event; resolves with its seq once it is durable. Calls may overlap, their order is
   * the order of the events. Throws `DATA_UNSUPPORTED` with the path of what cannot be kept.
   */
  async append(event: EventInput): Promise<number> {
    const { type, data, kind = "emit", time = systemClock(), ref = null } = event;
    const bytes = encodeValue(data);
    const appended = this.#writer.appendLarge({ type, kind, time, ref, form: "cbor", bytes });
    const { seq, durable } = await appended;
    await durable;
    return seq;
  }

  /** Ends the recording: everything is durable and a checkpoint is signed. */
  async close(): Promise<void> {
    await this.#directory.closeWriter(this.#writer);
    await this.#directory.signCheckpoint(this.#writer);
  }
}

/** An open data directory. */
export class Reach {
  /** The pieces below, for what this class does not offer. */
  readonly directory: Directory;

  constructor(directory: Directory) {
    this.directory = directory;
  }

  /** Begins a new session; it exists once its first event is durable. */
  record(session: { name?: string; id?: SessionId } = {}): Recording {
    return new Recording(this.directory, this.directory.createSession(session));
  }

  /** Goes on with a session. */
  resume(id: SessionId): Recording {
    return new Recording(this.directory, this.directory.appendTo(id));
  }

  /** Imports a file, or a folder of files; see `importSource`. */
  import(path: string, options: Omit<ImportOptions, "source"> = {}): Promise<ImportReport> {
    return importSource(this.directory, { ...options, source: fileSource(path) });
  }

  /** Ids of all sessions, oldest first. */
  sessions(): SessionId[] {
    return this.directory.sessionIds();
  }

  /** The events of a session in order; each is valid as long as it is held. */
  *events(id: SessionId, { from = 0, to }: EventRange = {}): Generator<EventView, void> {
    const reader = this.directory.session(id);
    try {
      yield* reader.events(from, to);
    } finally {
      reader.close();
    }
  }

  /** The state of a program after `at` events (default: all of them). */
  async state(
    id: SessionId,
    options: { at?: number; program?: string } = {},
  ): Promise<StateReport> {
    const program = await loadProgram(options.program);
    return stateAt(this.directory, id, options.at, { program });
  }

  /** Replays a session and compares; `program` is a file, by default the built-in `transcript`. */
  async replay(
    id: SessionId,
    options: { program?: string; workers?: number; keep?: boolean } = {},
  ): Promise<ReplayReport> {
    const { program, keep = this.directory.writable, ...rest } = options;
    return replaySession(this.directory, id, {
      ...rest,
      keep,
      program: await loadProgram(program),
    });
  }

  /** Checks a session: integrity and completeness as separate verdicts. */
  verify(id: SessionId, options: { verifierKey?: string } = {}): Promise<VerifyReport> {
    return verifySession(this.directory, id, options);
  }

  /** Writes the source that a session was imported from, byte for byte. */
  async exportOriginal(id: SessionId, out: ByteSink): Promise<{ bytes: number; sha256: string }> {
    const reader = this.directory.session(id);
    try {
      return await exportOriginal(reader, out);
    } finally {
      reader.close();
    }
  }

  /** Flushes, signs, gives the lock up, ends worker threads. */
  async close(): Promise<void> {
    await this.directory.close();
    await closeWorkers();
  }
}
