/**
 * What the main thread asks the workers about executed sessions, and what they answer. As for
 * recorded ones no event crosses: a task names a session and a part of it.
 */
import type { StepSecret } from "../../driver/index.ts";
import type { OperationDivergence } from "../../replay/index.ts";
import type {
  BoundaryState,
  Corruption,
  ProgramText,
  SessionPlace,
  StartState,
} from "../protocol.ts";
import type { RenewalMode } from "./renewal.ts";
import type { RunFault } from "./run-fault.ts";

/** Run the steps of a part of a session again, and hash its leaves. */
export interface ExecutedTask {
  readonly kind: "executed";
  readonly place: SessionPlace;
  readonly program: ProgramText;
  readonly secrets: readonly StepSecret[];
  /** Events in the start state. */
  readonly startAt: number;
  readonly start: StartState;
  /** The events that are hashed; up to `to` steps are run, and the state there is compared. */
  readonly from: number;
  readonly to: number;
  /** What lies at or before this has been counted by another task. */
  readonly newAfter: number;
  /** Events of the session. */
  readonly size: number;
  /** Sizes between `from` and `to` at which the ranges are cut, ascending. */
  readonly marks: readonly number[];
  /** Sizes of the snapshots that are kept. */
  readonly records: readonly number[];
  /** Whether states that are missing are sent back. */
  readonly keep: boolean;
  readonly comparesStates: boolean;
  readonly renewal: RenewalMode;
}

/** What a program made between two recorded states. */
export interface StretchDigest {
  /** Events before it. */
  readonly from: number;
  readonly operations: number;
  readonly steps: number;
  readonly hash: Uint8Array;
}

/** What became of a task. */
export interface ExecutedAnswer {
  /** Events up to here have been hashed. */
  readonly reached: number;
  readonly ranges: readonly Uint8Array[];
  /** Whether there was anything in the log to compare with. */
  readonly compared: boolean;
  /** Recorded states that came out again. */
  readonly matched: number;
  readonly states: readonly BoundaryState[];
  /** Where to go on when the task was cut short; `null` when it is done. */
  readonly end: { readonly at: number; readonly bytes: Uint8Array } | null;
  /** Hash of the state at the end of the session, when the task reached it. */
  readonly stateHash: Uint8Array | null;
  readonly digests: readonly StretchDigest[];
  readonly fault: RunFault | null;
  readonly corruption: Corruption | null;
  /** The start state cannot be read: nothing was done. */
  readonly startDamaged: boolean;
}

/** Find out why a session diverged. */
export interface ExplainRunTask {
  readonly kind: "explain-run";
  readonly place: SessionPlace;
  readonly program: ProgramText;
  readonly secrets: readonly StepSecret[];
  /** The state before the stretch of the fault. */
  readonly startAt: number;
  readonly start: StartState;
  readonly fault: RunFault;
  readonly comparesStates: boolean;
  readonly renewal: RenewalMode;
  /** The program that was recorded, when it is another one. */
  readonly recordedBy: OperationDivergence["recordedBy"];
  readonly runtime: OperationDivergence["runtime"];
}

/** A divergence explained; `null` when the start state cannot be read. */
export interface ExplainRunAnswer {
  readonly divergence: OperationDivergence | null;
}

/** Find out where in its source a session failed. */
export interface FailurePlaceTask {
  readonly kind: "failure-place";
  readonly place: SessionPlace;
  readonly program: ProgramText;
  readonly secrets: readonly StepSecret[];
  readonly verifierKey: string;
  readonly origin: string;
}

/** `file:line:column`; `null` where nothing tells. */
export interface FailurePlaceAnswer {
  readonly source: string | null;
}

/** The state after `at` events (`null`: all), as the session's own program folds it. */
export interface ExecutedStateTask {
  readonly kind: "executed-state";
  readonly place: SessionPlace;
  readonly program: ProgramText;
  readonly at: number | null;
  readonly verifierKey: string;
  readonly origin: string;
}
