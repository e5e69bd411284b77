/**
 * Reach as a library: a data directory with what people do with it. Everything here is put together
 * from the folders below; the command line does the same with the same pieces.
 */
import { checkWorkspaceName, ReachError, type SessionId, sessionIdBytes } from "./base/index.ts";
import { checkEventRange, type EventView } from "./event/index.ts";
import {
  fileSource,
  type ImportOptions,
  type ImportReport,
  importSource,
} from "./importers/index.ts";
import { isKeyName } from "./merkle/index.ts";
import { Recording, Rerun, type RerunOptions } from "./recorder/index.ts";
import {
  closeWorkers,
  programFor,
  type ReplayReport,
  replaySession,
  type StateReport,
  stateAt,
} from "./runtime/index.ts";
import {
  type ByteSink,
  Directory,
  exportOriginal,
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

/** Which events to read. */
export interface EventRange {
  /** First seq. Default 0. */
  readonly from?: number;
  /** Seq behind the last one. Default: the end of the session. */
  readonly to?: number;
}

/**
 * Opens a data directory; creates it when it is missing and `mode` is `write`. Throws `LOCKED`
 * while somebody else writes it, `NOT_FOUND` when there is none to read, `USAGE` for bad options.
 */
export async function open(options: OpenOptions): Promise<Reach> {
  checkOptions(options);
  const { data, workspace = "default", mode = "write", origin } = options;
  const named = origin === undefined ? {} : { origin };
  return new Reach(await Directory.open({ path: `${data}/${workspace}`, mode, ...named }));
}

/** What compiles as none of these comes from a variable that is not set, or from a typing error. */
function checkOptions({ data, workspace = "default", mode = "write", origin }: OpenOptions): void {
  const usage = (name: string, what: string, value: unknown, hint: string): ReachError =>
    new ReachError("USAGE", `\`${name}\` is ${what}: ${String(value)}`, { hint });
  if (typeof data !== "string" || data === "") {
    throw usage("data", "no path", data, 'for example: open({ data: "./.reach" })');
  }
  checkWorkspaceName(workspace);
  if (mode !== "read" && mode !== "write") {
    throw usage("mode", 'neither "read" nor "write"', mode, "default: write");
  }
  if (origin !== undefined && !isKeyName(origin)) {
    throw usage("origin", "no name of a key", origin, "text without spaces and `+`");
  }
}

/** How many are open in this process: its worker threads are for all of them. */
let opened = 0;

/** An open data directory. */
export class Reach {
  /** The pieces below, for what this class does not offer. */
  readonly directory: Directory;
  #isOpen = true;

  constructor(directory: Directory) {
    this.directory = directory;
    opened += 1;
  }

  /**
   * Begins a new session; it exists once its first event is durable. `type` is what it is called,
   * as is `name`.
   */
  record(session: { type?: string; name?: string; id?: SessionId } = {}): Recording {
    const { id, type = "", name = type } = session;
    const request = id === undefined ? { name } : { name, id };
    return new Recording(this.directory, this.directory.createSession(request));
  }

  /**
   * Runs code again over what was recorded of it: give it this instead of a recording. Its effects
   * are answered from the log and never run; what it makes is compared. `close` says the verdict.
   */
  rerun(id: SessionId, options: RerunOptions = {}): Rerun {
    checkPatience(options.patienceMs);
    return new Rerun(this.directory.session(id), options);
  }

  /**
   * Goes on with a session, also one whose process has died: a note in its log says so, and effects
   * that were under way get a result, a failure with the code `INTERRUPTED`; `leftOpen` of the
   * recording names them. Throws `USAGE`, `NOT_FOUND`, `CONFLICT` while it is being written.
   */
  resume(id: SessionId): Recording {
    sessionIdBytes(id); // paths are made of it
    return Recording.resume(this.directory, id);
  }

  /** Imports a file, or a folder of files; see `importSource`. */
  import(path: string, options: Omit<ImportOptions, "source"> = {}): Promise<ImportReport> {
    return importSource(this.directory, { ...options, source: fileSource(path) });
  }

  /** Ids of all sessions, oldest first. */
  sessions(): SessionId[] {
    return this.directory.sessionIds();
  }

  /**
   * The events of a session in order; each is valid as long as it is held. Throws `NOT_FOUND`, and
   * `USAGE` for a range that is none; one behind the end has no events.
   */
  *events(id: SessionId, { from = 0, to }: EventRange = {}): Generator<EventView, void> {
    checkEventRange(from, to);
    const reader = this.directory.session(id);
    try {
      yield* reader.events(from, to);
    } finally {
      reader.close();
    }
  }

  /**
   * The state after `at` events (default: all of them), of the program that the session ran, of the
   * built-in `transcript` for a recorded one, or of the one in a file. A program that does not come
   * back from an event within `patienceMs` (30,000) is given up: `WORKER_FAILED`.
   */
  async state(
    id: SessionId,
    options: { at?: number; program?: string; patienceMs?: number } = {},
  ): Promise<StateReport> {
    const { at, patienceMs } = options;
    checkPatience(patienceMs);
    const program = await programFor(this.directory, id, options.program);
    return stateAt(this.directory, id, at, { program, patienceMs });
  }

  /**
   * Replays a session and compares. An executed one is run again with its own code, or with that in
   * `program`, a file; no effect is run. A recorded one is folded, by default with `transcript`. A
   * program that does not come back within `patienceMs` is given up, as by `state`.
   */
  async replay(
    id: SessionId,
    options: {
      program?: string;
      workers?: number;
      keep?: boolean;
      strict?: boolean;
      patienceMs?: number;
    } = {},
  ): Promise<ReplayReport> {
    const { program, keep = this.directory.writable, ...rest } = options;
    checkPatience(rest.patienceMs);
    return replaySession(this.directory, id, {
      ...rest,
      keep,
      program: await programFor(this.directory, id, program),
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

  /** Flushes, signs, gives the lock up; the last one of a process ends its worker threads. */
  async close(): Promise<void> {
    await this.directory.close();
    if (this.#isOpen) opened -= 1;
    this.#isOpen = false;
    if (opened === 0) await closeWorkers();
  }
}

function checkPatience(ms: number | undefined): void {
  if (ms === undefined || ms > 0) return;
  throw new ReachError("USAGE", `${ms} is no time to wait, in milliseconds`);
}
