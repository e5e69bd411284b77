/**
 * What a session's actor needs of the engine around it: a lane to run in, time, the store, and
 * somebody who is told. A port, so that an actor knows nothing of schedulers and registries.
 */
import type { ReachError, SessionId } from "../base/index.ts";
import type { DriverSnapshot, StepSecret } from "../driver/index.ts";
import type { EffectSource } from "../effects/index.ts";
import type { Directory, Manifest, RootMark } from "../session/index.ts";
import type { EngineLimits } from "./engine-limits.ts";
import type { EndReport, SessionPhase } from "./engine-options.ts";
import type { ProgramOrder } from "./host/orders.ts";
import type { Lane } from "./lanes/lane.ts";
import type { SessionActor } from "./session-actor.ts";
import type { Place } from "./session-loader.ts";
import type { SessionLog } from "./session-log.ts";

/** What is counted. */
export type Counter = "activations" | "calls" | "resumed";

/** The engine, as an actor sees it. */
export interface ActorServices {
  readonly directory: Directory;
  readonly effects: EffectSource;
  readonly limits: EngineLimits;
  /** Milliseconds since the epoch. */
  clock(): number;
  /** Milliseconds that only go forward. */
  now(): number;
  delay(ms: number, wake: () => void): () => void;
  /** Calls `run` of the actor when there is a slot for it. */
  enqueue(actor: SessionActor): void;
  release(lane: Lane): void;
  /** A handle by which replies find the actor. */
  newHandle(actor: SessionActor, lane: Lane): number;
  forget(place: Place): void;
  programOf(manifest: Manifest): ProgramOrder;
  secretsOf(manifest: Manifest): readonly StepSecret[];
  /** Waits for its turn to read a log; returns what ends the turn. */
  resumeTurn(): Promise<() => void>;
  /** Lets others have the thread. */
  breathe(): Promise<void>;
  /** Sets when the session is to be woken; `undefined`: not by a timer. */
  setTimer(id: SessionId, due: number | undefined): void;
  /** Calls `wake` after a moment, for what failed and may work again. */
  later(wake: () => void): void;
  /** Keeps snapshots once what lies before them is durable; `marks` hold the roots by then. */
  keepSnapshots(
    manifest: Manifest,
    log: SessionLog,
    snapshots: readonly DriverSnapshot[],
    marks: readonly RootMark[],
    durable: Promise<void>,
  ): void;
  /** Bytes that have come to, or left, an inbox. */
  inboxBytes(change: number): void;
  count(counter: Counter): void;
  /** The program of a new session was entered, so many milliseconds after the session began. */
  spawned(ms: number): void;
  phaseChanged(actor: SessionActor, phase: SessionPhase): void;
  ended(actor: SessionActor, report: EndReport, log: SessionLog): void;
  stuck(actor: SessionActor, error: ReachError, log: SessionLog): void;
  trouble(text: string): void;
}
