/**
 * Why a replay of an executed session stopped: the first event that the program did not make again,
 * what it made instead and where in its source, what was pending, and the probable cause. Plain
 * texts and numbers, so that it can be sent as JSON as it is.
 */
import type { Difference } from "./difference.ts";
import type { ProgramMark } from "./divergence.ts";
import type { EventMark } from "./locate.ts";
import type { OperationMark } from "./operation.ts";
import type { OperationChange } from "./operation-change.ts";

/** Why a program did something else, as far as can be told by running it again. */
export type OperationCauseKind =
  /** Another program was run than the one that was recorded. */
  | "code-changed"
  /** Running the same step twice from the same state gave two results. */
  | "unrecorded-input"
  /** The step depends on what earlier steps left outside the state. */
  | "kept-outside-state"
  /** The step, and not `reduce`, changed the state. */
  | "state-changed-by-step"
  /** Code outside of Reach: it changed, or what it does not record did. */
  | "code-or-input"
  /** The state holds what no snapshot can keep. */
  | "state-unsupported"
  /** The same each time, and not what was recorded: something around the program is another. */
  | "surroundings";

/** The cause, with a sentence for people. */
export interface OperationCause {
  readonly kind: OperationCauseKind;
  readonly text: string;
}

/** What a step waited for at the divergence. */
export interface PendingMarks {
  /** Calls without a result, oldest first. */
  readonly calls: readonly EventMark[];
  readonly timers: readonly { readonly seq: number; readonly due: number }[];
  /** Types of inputs. */
  readonly inputs: readonly string[];
}

/** States that differ at a step boundary; SHA-256 in hexadecimal. */
export interface StateMarks {
  /** In the log, under its signature; `null` where none was recorded. */
  readonly recorded: string | null;
  /** After the steps had been run again; `null`: the program failed. */
  readonly run: string | null;
  /** After the events alone had been folded; `null`: the program failed. */
  readonly folded: string | null;
}

/** The report. */
export interface OperationDivergence {
  readonly about: "operation";
  readonly program: ProgramMark;
  /** The program that was recorded, when another one was run. */
  readonly recordedBy: ProgramMark | null;
  /** What the session was recorded with and what it was replayed with: "reach 0.1.0 node 20". */
  readonly runtime: { readonly recorded: string | null; readonly now: string };
  /** The first event that did not come out again. */
  readonly seq: number;
  /** Seq of the first event of its step; `null`: code that recorded itself has none. */
  readonly stepFrom: number | null;
  /** The event from outside that the code was given; `null` at the beginning, or of a step. */
  readonly delivered: EventMark | null;
  /** What was recorded; `null`: the log ends there. */
  readonly expected: OperationMark | null;
  /** What was made; `null`: nothing, the program waits or has ended. */
  readonly actual: OperationMark | null;
  /** Where the two differ, in document order; or the two states. */
  readonly paths: readonly Difference[];
  readonly more: boolean;
  readonly change: OperationChange;
  /** `file:line:column` of what made `actual`, or of what was thrown. */
  readonly source: string | null;
  readonly pending: PendingMarks;
  readonly state: StateMarks | null;
  /** Events in the last snapshot whose state came out again; `null`: there was none. */
  readonly lastMatching: number | null;
  readonly cause: OperationCause;
}
