/**
 * The engine: starts sessions, takes inputs for them, runs them, resumes them, lets them sleep and
 * wakes them. It lives in the process that writes the data directory; programs run in lanes.
 */
import { codeOf, encodeValue, messageOf, type SessionId } from "../base/index.ts";
import type { DriverSnapshot, ProgramEvent } from "../driver/index.ts";
import { checkEventType } from "../event/index.ts";
import { type LoadedProgram, runtimeName } from "../runtime/index.ts";
import {
  type ForkOptions,
  type ForkReport,
  forkSession,
  type Manifest,
  type RootMark,
  secretsOf,
} from "../session/index.ts";
import { breathe, Turns, WorkChain } from "./background-work.ts";
import { ContextRoom } from "./context-room.ts";
import { type EngineLimits, engineLimits } from "./engine-limits.ts";
import { EngineCounters } from "./engine-metrics.ts";
import type {
  EndReport,
  EngineFigures,
  EngineMetrics,
  EngineOptions,
  PhaseListener,
  SessionStatus,
  StartOptions,
} from "./engine-options.ts";
import { machineNow } from "./host/machine-clock.ts";
import { type InputKey, InputKeys, type TakenInput } from "./input-keys.ts";
import { runnerSource } from "./lanes/runner-source.ts";
import { ProgramShelf } from "./program-shelf.ts";
import { ProgramStarts } from "./program-starts.ts";
import { engineClosing, engineFull } from "./refusals.ts";
import { type RunnerSource, Scheduler } from "./scheduler.ts";
import { SessionActor } from "./session-actor.ts";
import { SessionLog } from "./session-log.ts";
import { SessionTable, type TableServices } from "./session-table.ts";
import { storedSession } from "./stored-sessions.ts";

const closeGraceMs = 10_000;
/** Before something that failed is tried again. */
const laterMs = 1000;
const snapshotBytesMax = 64 * 1024 * 1024;

interface Started {
  readonly id: SessionId;
  readonly created: boolean;
}

/** Looks in a row, so far apart, that find nothing at work. */
const calmLooks = 3;
const calmLookMs = 4;

/** Somebody who waits for the end of a session. */
interface Waiter {
  readonly resolve: (report: EndReport) => void;
  readonly reject: (error: unknown) => void;
}

/** Runs sessions. */
export class Engine {
  readonly #options: EngineOptions;
  readonly #limits: EngineLimits;
  readonly #table: SessionTable;
  readonly #scheduler: Scheduler;
  readonly #shelf: ProgramShelf;
  readonly #services: TableServices;
  readonly #room: ContextRoom;
  readonly #keys: InputKeys;
  readonly #counters = new EngineCounters();
  readonly #turns: Turns;
  readonly #starts: ProgramStarts;
  readonly #snapshots: WorkChain;
  readonly #endings: WorkChain;
  readonly #listeners = new Set<PhaseListener>();
  readonly #waiters = new Map<SessionId, Set<Waiter>>();
  readonly #starting = new Map<SessionId, Promise<Started>>();
  #inboxBytes = 0;
  #snapshotBytes = 0;
  #closing = false;
  #closed: Promise<void> | undefined;

  private constructor(options: EngineOptions, limits: EngineLimits, source: RunnerSource) {
    this.#options = options;
    this.#keys = new InputKeys(options.directory);
    this.#limits = limits;
    const runtime = options.runtime ?? runtimeName();
    this.#shelf = new ProgramShelf(options.directory, runtime, options.programs ?? []);
    this.#turns = new Turns(this.#limits.resumesMax);
    const trouble = (error: unknown): void => this.#trouble(messageOf(error));
    this.#snapshots = new WorkChain(trouble);
    this.#endings = new WorkChain(trouble);
    this.#services = this.#makeServices();
    const { now, delay } = this.#services;
    this.#room = new ContextRoom({
      now,
      delay,
      isFull: () => this.#scheduler.isFull,
      onRoom: () => this.#scheduler.admit(),
    });
    this.#starts = new ProgramStarts(delay);
    this.#table = new SessionTable(this.#services);
    this.#scheduler = new Scheduler(source, limits, this.#room, now, {
      onReply: (reply) => this.#room.actorOf(reply.handle)?.onReply(reply),
      onLost: (lanes, why, isForeign) => {
        const which = lanes.some(({ isQuarantine }) => isQuarantine) ? " of suspects" : "";
        this.#trouble(`${lanes.length} lanes${which} were lost: ${why}`);
        const keepers = lanes.flatMap(({ keeper }) => keeper ?? []);
        for (const actor of [...this.#table.actors()]) {
          for (const lane of lanes) actor.onLaneLost(lane, why, isForeign, keepers);
        }
      },
      onAside: (lane) => {
        for (const actor of [...this.#table.actors()]) actor.onLaneAside(lane);
      },
    });
  }

  /**
   * Opens an engine over a directory that is open for writing, and goes on with its sessions.
   * Throws what the disk throws when the registry of sessions cannot be marked as behind.
   */
  static async open(options: EngineOptions): Promise<Engine> {
    const limits = { ...engineLimits, ...options.limits };
    const source = await runnerSource(options, limits);
    const engine = new Engine(options, limits, source);
    if ((options.programs?.length ?? 0) > 0) engine.#scheduler.start();
    try {
      await engine.#table.open(options.resumes ?? "all");
    } catch (error) {
      await engine.close({ graceMs: 0 });
      throw error;
    }
    return engine;
  }

  #makeServices(): TableServices {
    const { directory, effects, clock = Date.now } = this.#options;
    const now = (): number => performance.now();
    const delay = this.#options.delay ?? systemDelay;
    return {
      directory,
      effects,
      limits: this.#limits,
      clock,
      now,
      delay,
      breathe,
      enqueue: (actor) => this.#scheduler.enqueue(actor),
      release: (lane) => this.#scheduler.release(lane),
      newHandle: (actor, lane) => this.#room.open(actor, lane),
      forget: ({ handle, lane }) => this.#room.close(handle, lane),
      programOf: (manifest) => this.#shelf.orderOf(manifest),
      secretsOf,
      resumeTurn: () => this.#turns.take(),
      setTimer: (id, due) => this.#table.setTimer(id, due),
      later: (wake) => void delay(laterMs, wake),
      keepSnapshots: (manifest, log, snapshots, marks, durable) => {
        this.#keepSnapshots(manifest, log, snapshots, marks, durable);
      },
      inboxBytes: (change) => {
        this.#inboxBytes += change;
      },
      count: (counter) => this.#counters.count(counter),
      spawned: (ms) => {
        this.#counters.spawned(ms);
        this.#options.onSpawn?.(ms);
      },
      phaseChanged: ({ id }, phase) => {
        for (const listener of this.#listeners) listener(id, phase);
      },
      ended: (actor, report, log) => this.#ended(actor, report, log),
      stuck: ({ id }, error, log) => {
        this.#trouble(`session ${id} is stuck: ${error.message}`);
        this.#endings.add(() => log.close());
        this.#settle(id, ({ reject }) => reject(error));
      },
      trouble: (text) => this.#trouble(text),
    };
  }

  #trouble(text: string): void {
    this.#options.onTrouble?.(text);
  }

  /** States are only a cache: when too many wait to be written, one is left out. */
  #keepSnapshots(
    { id, program }: Manifest,
    log: SessionLog,
    snapshots: readonly DriverSnapshot[],
    marks: readonly RootMark[],
    durable: Promise<void>,
  ): void {
    const bytes = snapshots.reduce((sum, snapshot) => sum + snapshot.bytes.length, 0);
    if (!program || this.#snapshotBytes + bytes > snapshotBytesMax) return;
    this.#snapshotBytes += bytes;
    this.#snapshots.add(async () => {
      try {
        await durable;
        const kept = snapshots.flatMap(({ size, hash, bytes: state }, i) => {
          const root = marks[i]?.root;
          return root ? [{ size, root, stateHash: hash, stateBytes: state.length, state }] : [];
        });
        await this.#options.directory.keepSnapshots(id, program.bundle, kept);
        await log.sign();
      } finally {
        this.#snapshotBytes -= bytes;
      }
    });
  }

  #ended({ id }: SessionActor, report: EndReport, log: SessionLog): void {
    this.#counters.ended(report.outcome);
    this.#settle(id, ({ resolve }) => resolve(report));
    this.#endings.add(async () => {
      try {
        await log.sign();
      } finally {
        await log.close();
        this.#table.delete(id);
      }
    });
  }

  #settle(id: SessionId, settle: (waiter: Waiter) => void): void {
    const waiters = this.#waiters.get(id);
    this.#waiters.delete(id);
    for (const waiter of waiters ?? []) settle(waiter);
  }

  /** Names of the programs that can be started by name. */
  programs(): string[] {
    return this.#shelf.names();
  }

  /**
   * Starts a session of a program; resolves when its trigger is durable. A second start with the
   * same id begins nothing and answers the same. Throws `NOT_FOUND` for a program that nobody
   * registered, `GONE` for the id of a removed session, `OVERLOADED`, `DATA_UNSUPPORTED`.
   */
  async start(
    program: string | LoadedProgram,
    input: unknown,
    options: StartOptions = {},
  ): Promise<Started> {
    this.#admit();
    const loaded = this.#shelf.find(program);
    const data = encodeValue(input);
    const { id } = options;
    if (id === undefined) return this.#begin(loaded, data, options);
    const other = this.#starting.get(id);
    if (other !== undefined) {
      await other;
      return { id, created: false };
    }
    const known = !options.fresh && (this.#table.get(id) !== undefined || this.#exists(id));
    if (known) return { id, created: false };
    const starting = this.#begin(loaded, data, options);
    this.#starting.set(id, starting);
    try {
      return await starting;
    } finally {
      this.#starting.delete(id);
    }
  }

  #admit(): void {
    if (this.#closing) throw engineClosing();
    const { queueSessionsMax, inboxBytesMax } = this.#limits;
    const { depth } = this.#scheduler;
    if (depth >= queueSessionsMax) throw engineFull(`${depth} sessions wait for a runner`);
    if (this.#inboxBytes >= inboxBytesMax) throw engineFull("sessions are slow to take inputs");
  }

  #exists(id: SessionId): boolean {
    try {
      this.#options.directory.session(id).close();
      return true;
    } catch (error) {
      if (codeOf(error) === "NOT_FOUND") return false;
      throw error;
    }
  }

  async #begin(
    loaded: LoadedProgram,
    data: Uint8Array,
    { id: wanted, fresh = false, name = "", time = this.#services.clock() }: StartOptions,
  ): Promise<Started> {
    const program = await this.#shelf.store(loaded);
    const { directory } = this.#options;
    const named = wanted === undefined ? {} : { id: wanted, fresh };
    const writer = directory.createSession({ ...named, kind: "executed", name, program });
    const { id, manifest } = writer;
    const log = new SessionLog(directory, id, writer);
    const header = { kind: "trigger", type: loaded.name, time, ref: null } as const;
    this.#starts.expect();
    try {
      const { durable } = await log.appendAny({ ...header, data });
      const trigger: ProgramEvent = { ...header, seq: 0, form: "cbor", payload: data };
      const actor = new SessionActor(this.#services, manifest, log, trigger);
      this.#table.add(actor);
      this.#counters.count("started");
      await durable;
      const acceptedAt = machineNow();
      this.#starts.taken(() => actor.begin(acceptedAt));
    } catch (error) {
      this.#starts.failed();
      this.#table.delete(id);
      await log.close().catch(() => {});
      throw error;
    }
    return { id, created: true };
  }

  /**
   * Gives a session an input, once for each key; resolves when it is durable. Throws `NOT_FOUND`,
   * `SESSION_ENDED`, `EVENT_INVALID` for a type that no event can have, `IDEMPOTENCY_KEY_REUSED`.
   */
  async input(
    id: SessionId,
    { type, data: value }: { readonly type: string; readonly data: unknown },
    key?: InputKey,
  ): Promise<TakenInput> {
    this.#admit();
    checkEventType(type);
    const data = encodeValue(value);
    return this.#keys.once(id, key, async (keyNote) => {
      const actor = await this.#table.actorOf(id);
      return actor.post({ kind: "input", type, data, keyNote });
    });
  }

  /** Cancels a session; resolves when that is durable. Throws `NOT_FOUND`, `SESSION_ENDED`. */
  async cancel(id: SessionId, reason = ""): Promise<{ seq: number }> {
    if (this.#closing) throw engineClosing();
    const data = encodeValue({ reason });
    const actor = await this.#table.actorOf(id);
    return actor.post({ kind: "cancel", type: "cancel", data });
  }

  /**
   * Makes a fork of a session, and, if it is one of a program, has it go on. Throws what
   * `forkSession` throws, `NOT_FOUND`, `GONE`.
   */
  async fork(id: SessionId, options: ForkOptions): Promise<ForkReport> {
    if (this.#closing) throw engineClosing();
    const { directory } = this.#options;
    await this.#table.get(id)?.flushed();
    const report = await forkSession(directory, id, options);
    const fork = directory.session(report.id);
    fork.close();
    if (fork.manifest.kind === "executed") await this.resume(report.id);
    return report;
  }

  /** Has a session go on that was left unfinished. Throws `NOT_FOUND`, `SESSION_ENDED`. */
  async resume(id: SessionId): Promise<void> {
    if (this.#closing) throw engineClosing();
    const actor = await this.#table.actorOf(id);
    actor.wake();
  }

  /** Where a session stands. Throws `NOT_FOUND`, `GONE`, `USAGE` for a recorded one. */
  status(id: SessionId): SessionStatus {
    const actor = this.#table.get(id);
    if (actor) return actor.status();
    const { size, report } = storedSession(this.#options.directory, id);
    if (report) return { phase: "ended", outcome: report.outcome, size };
    return { phase: this.#closing ? "parked" : "waiting", size };
  }

  /**
   * Resolves when a session has ended, durably. Rejects when it is stuck, when the engine closes,
   * and when `signal` is aborted.
   */
  async finished(id: SessionId, options: { signal?: AbortSignal } = {}): Promise<EndReport> {
    const { signal } = options;
    signal?.throwIfAborted();
    const actor = this.#table.get(id);
    const report = actor
      ? actor.standing.report
      : storedSession(this.#options.directory, id).report;
    if (report) return report;
    if (actor?.standing.error) throw actor.standing.error;
    if (this.#closing) throw engineClosing();
    return new Promise((resolve, reject) => {
      const waiters = this.#waiters.get(id) ?? new Set();
      const abort = (): void => {
        waiters.delete(waiter);
        if (waiters.size === 0) this.#waiters.delete(id);
        reject(signal?.reason);
      };
      const settled = (): void => signal?.removeEventListener("abort", abort);
      const waiter: Waiter = {
        resolve: (report) => {
          settled();
          resolve(report);
        },
        reject: (error) => {
          settled();
          reject(error);
        },
      };
      this.#waiters.set(id, waiters.add(waiter));
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  /**
   * Resolves when no session has been queued or running for a moment, and after `ms` milliseconds
   * in any case: for whoever is about to keep this thread for long.
   */
  async calm(ms: number): Promise<void> {
    const until = performance.now() + ms;
    for (let looks = 0; looks < calmLooks && performance.now() < until; ) {
      await new Promise((resolve) => setTimeout(resolve, calmLookMs));
      const busy = [...this.#table.actors()].some(({ standing: { phase } }) => {
        return phase === "queued" || phase === "running";
      });
      looks = busy ? 0 : looks + 1;
    }
  }

  /** Calls `listener` whenever a session changes its phase; returns what ends that. */
  onPhase(listener: PhaseListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** For how long the first of those that wait for a lane has, in seconds. */
  get #queueAgeSeconds(): number {
    const { oldest } = this.#scheduler;
    return oldest === Number.POSITIVE_INFINITY ? 0 : (this.#services.now() - oldest) / 1000;
  }

  /** Counters and gauges. */
  metrics(): EngineMetrics {
    const { now, max } = this.#scheduler.inFlight;
    return {
      ...this.#counters.report(),
      sessionsActive: this.#table.active,
      sessionsLoaded: this.#room.size,
      queueDepth: this.#scheduler.depth,
      queueAgeSeconds: this.#queueAgeSeconds,
      runnersLost: this.#scheduler.lost,
      inFlight: now,
      inFlightMax: max,
    };
  }

  /** The figures that a server shows of its engine. */
  figures(): EngineFigures {
    const { now, max } = this.#scheduler.inFlight;
    return {
      active: this.#table.active,
      utilization: max === 0 ? 0 : now / max,
      leasesExpired: this.#scheduler.lost,
      runnerRssBytes: this.#scheduler.rssBytes,
      runnerRssBytesMax: this.#limits.runnerRssBytesMax,
    };
  }

  /**
   * Takes nothing more, lets every session come to a boundary between activations, and leaves them
   * so that the next engine goes on. The directory stays open. What is still running after
   * `graceMs` is left where it is: its log says how to go on.
   */
  close({ graceMs = closeGraceMs }: { readonly graceMs?: number } = {}): Promise<void> {
    this.#closed ??= this.#close(graceMs);
    return this.#closed;
  }

  async #close(graceMs: number): Promise<void> {
    this.#closing = true;
    this.#scheduler.stop();
    for (const id of [...this.#waiters.keys()]) {
      this.#settle(id, ({ reject }) => reject(engineClosing()));
    }
    await Promise.allSettled(this.#starting.values());
    await this.#table.close(graceMs);
    await this.#snapshots.done();
    await this.#endings.done();
    await this.#scheduler.close();
  }
}

/** Timers of this process; they do not keep it alive. */
function systemDelay(ms: number, wake: () => void): () => void {
  const timer = setTimeout(wake, ms);
  return () => clearTimeout(timer);
}
