/**
 * How an engine is opened, what is asked of it and what it says: the types that everybody who uses
 * the engine shares. Defaults stand in `engine-limits.ts`.
 */
import type { Clock, SessionId } from "../base/index.ts";
import type { EffectSource } from "../effects/index.ts";
import type { LoadedProgram } from "../runtime/index.ts";
import type { Directory } from "../session/index.ts";
import type { EngineLimits } from "./engine-limits.ts";

/**
 * Where programs run: in this thread (`inline`: fastest, a program without end stops everything),
 * in threads of this process, or in processes with threads, which nothing that a program does can
 * bring down.
 */
export type RunnerMode =
  | { readonly kind: "inline" }
  | { readonly kind: "threads"; readonly threads: number }
  | { readonly kind: "processes"; readonly processes: number; readonly threads: number };

/** How an engine is opened. */
export interface EngineOptions {
  /** Open for writing; the engine does not close it. */
  readonly directory: Directory;
  readonly effects: EffectSource;
  /** Programs that can be started by name. */
  readonly programs?: readonly LoadedProgram[];
  /**
   * Default: one process for every two cores, with two threads. They are started ahead of need when
   * there are `programs`, else with the first session that runs.
   */
  readonly runners?: RunnerMode;
  readonly limits?: Partial<EngineLimits>;
  /**
   * Which sessions that were left unfinished go on: `all`, or only those that are asked for
   * (`resume`, `input`, `cancel`). Default: all.
   */
  readonly resumes?: "all" | "asked";
  /** Told how long a new session took from its trigger to the end of its first turn. */
  readonly onSpawn?: (milliseconds: number) => void;
  /** What manifests name as the runtime of a session: version of Reach and of Node. */
  readonly runtime?: string;
  /** File of a module that exports `contexts`, a `ContextMaker`. Default: the sandbox. */
  readonly contexts?: string;
  /** Milliseconds since the epoch. */
  readonly clock?: Clock;
  /** Calls `wake` after `ms` milliseconds; returns what ends that. For tests. */
  readonly delay?: (ms: number, wake: () => void) => () => void;
  /** Told of trouble that was survived, for logs. */
  readonly onTrouble?: (trouble: string) => void;
}

/**
 * Where a session stands. `queued`: it has something to do and no runner does it yet; `parked`: it
 * has not ended and nothing runs it, since the engine is closing; `stuck`: it cannot go on, `error`
 * says why.
 */
export type SessionPhase = "queued" | "running" | "waiting" | "parked" | "ended" | "stuck";

/** How a session ended. */
export type SessionOutcome = "done" | "failed" | "cancelled" | "infrastructure";

/** Where a session stands, cheap to ask. */
export interface SessionStatus {
  readonly phase: SessionPhase;
  readonly outcome?: SessionOutcome;
  /** Events that are durable or on their way. */
  readonly size: number;
  /** What it waits for: known while it is loaded. */
  readonly waiting?: {
    /** Seqs of open calls. */
    readonly calls: readonly number[];
    /** When the next timer is due, milliseconds since the epoch. */
    readonly due: number | null;
    /** Types of the inputs that it waits for. */
    readonly inputs: readonly string[];
  };
  /** Why it is stuck. */
  readonly error?: { readonly code: string; readonly message: string };
}

/** How a session ended, with the data of its last event. */
export interface EndReport {
  readonly id: SessionId;
  readonly outcome: SessionOutcome;
  /** Seq of the `end` event. */
  readonly seq: number;
  readonly time: number;
  /** What the last step returned beside `done`. */
  readonly result?: unknown;
  readonly error?: { readonly name: string; readonly message: string; readonly code?: string };
  /** The session was cancelled and did not end in time. */
  readonly forced: boolean;
}

/** Options of `Engine.start`. */
export interface StartOptions {
  /** A second start with the same id begins nothing and answers the same. */
  readonly id?: SessionId;
  /** The id has just been made: nobody looks for a session that has it. */
  readonly fresh?: boolean;
  readonly name?: string;
  /** Time of the trigger, milliseconds since the epoch. */
  readonly time?: number;
}

/** Called when a session changes its phase; must be quick, and must not throw. */
export type PhaseListener = (id: SessionId, phase: SessionPhase) => void;

/** Counters and gauges since the engine was opened. */
export interface EngineMetrics {
  /** Sessions that have not ended and are held in memory. */
  readonly sessionsActive: number;
  /** Of those, the ones whose context is loaded in a runner. */
  readonly sessionsLoaded: number;
  /** Sessions that wait for a runner, and for how long the oldest has, in seconds. */
  readonly queueDepth: number;
  readonly queueAgeSeconds: number;
  readonly started: number;
  readonly ended: Readonly<Record<SessionOutcome, number>>;
  readonly activations: number;
  readonly calls: number;
  readonly resumed: number;
  /** Threads or processes that died or were killed. */
  readonly runnersLost: number;
  /** Activations under way now, and how many may be. */
  readonly inFlight: number;
  readonly inFlightMax: number;
  /** Milliseconds from a trigger to the end of its first activation, of the last 1,000 triggers. */
  readonly spawnMs: { readonly p50: number; readonly p95: number; readonly max: number };
}

/** What an engine says of itself for the metrics of a server; cheap. */
export interface EngineFigures {
  /** Sessions that are in memory, running or waiting. */
  readonly active: number;
  /** Between 0 and 1: how much of the time of the runners is used. */
  readonly utilization: number;
  /** Times that a runner was given up because it did not answer. */
  readonly leasesExpired: number;
  /** Resident memory of each runner process in bytes, and what ends one; empty: not to be seen. */
  readonly runnerRssBytes: readonly number[];
  readonly runnerRssBytesMax: number;
}
