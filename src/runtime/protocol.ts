/**
 * What the main thread and the workers say to each other: one closed union of tasks and their
 * answers. No event ever crosses: a task names a session and a range of it, and the worker reads
 * the files. States and ranges are copied: a thread that gives a buffer away loses all its compiled
 * code for arrays, which costs more (6 to 10 % of a replay or of asking for states, measured).
 */
import { codeOf, type ErrorCode, messageOf, ReachError, type SessionId } from "../base/index.ts";
import type { Divergence } from "../replay/index.ts";
import type {
  ExecutedAnswer,
  ExecutedStateTask,
  ExecutedTask,
  ExplainRunAnswer,
  ExplainRunTask,
  FailurePlaceAnswer,
  FailurePlaceTask,
} from "./executed/executed-task.ts";

/** The session that a task is about: its id, in the data directory at `root`. */
export interface SessionPlace {
  readonly root: string;
  readonly id: SessionId;
}

/** The code of a program. */
export interface ProgramText {
  /** SHA-256 that names it: of `code`, or what the built-in program says. */
  readonly hash: Uint8Array;
  /** The file it was bundled from; the name of a built-in program. */
  readonly where: string;
  /** One script that returns the exports of the entry; `null` for a built-in program. */
  readonly code: string | null;
  /** Its source map (JSON). */
  readonly map: string | null;
}

/** The state that a fold begins with. */
export type StartState =
  | { readonly kind: "init" }
  | { readonly kind: "blob"; readonly hash: Uint8Array }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array };

/** A number of events after which something is looked at. */
export interface Mark {
  readonly at: number;
  /** The fold goes through the encoded state here; otherwise only the range is cut. */
  readonly boundary: boolean;
  /** Hash that the state must have. */
  readonly expected: Uint8Array | null;
}

/**
 * What is made of the leaves of a stretch: nothing, their hashes, or compact ranges of them. The
 * nodes of a range cost as much as its leaves; whoever gets leaves joins them where there is time.
 */
export type Hashing = "none" | "leaves" | "ranges";

/** What to fold besides hashing. */
export interface FoldOrder {
  readonly program: ProgramText;
  /** Events in the start state: at most the `from` of the task. */
  readonly startAt: number;
  readonly start: StartState;
  /** States to send back: of all boundaries, or of those whose stored state is damaged. */
  readonly keep: "none" | "damaged" | "all";
  /** Whether the last state is needed to go on from. */
  readonly wantsEnd: boolean;
}

/** Load the code of a worker, and do nothing. */
export interface StartTask {
  readonly kind: "start";
}

/** Say what the program in a bundle is called. */
export interface InspectTask {
  readonly kind: "inspect";
  readonly program: ProgramText;
}

/** Read the events `from` to `to`: hash them, fold them, or both. */
export interface StretchTask {
  readonly kind: "stretch";
  readonly place: SessionPlace;
  readonly from: number;
  readonly to: number;
  readonly hash: Hashing;
  /** Ascending, the last one at `to`. */
  readonly marks: readonly Mark[];
  readonly fold: FoldOrder | null;
}

/** Find out why the stretch `from` to `to` did not end in the state that was kept. */
export interface ExplainTask {
  readonly kind: "explain";
  readonly place: SessionPlace;
  readonly program: ProgramText;
  readonly from: number;
  readonly to: number;
  readonly start: StartState;
  readonly expected: Uint8Array;
  /** Hash that the replay came to; `null` when the program threw. */
  readonly actual: Uint8Array | null;
}

/** The state after `at` events (`null`: all), from the nearest snapshot. */
export interface StateTask {
  readonly kind: "state";
  readonly place: SessionPlace;
  readonly program: ProgramText;
  readonly at: number | null;
  /** Who signed the snapshots, and for which session. */
  readonly verifierKey: string;
  readonly origin: string;
}

/** Everything a worker can be asked. */
export type WorkerTask =
  | StartTask
  | InspectTask
  | StretchTask
  | ExplainTask
  | StateTask
  | ExecutedTask
  | ExplainRunTask
  | ExecutedStateTask
  | FailurePlaceTask;

/** A task on its way to a worker, with memory in which the worker tells where it is. */
export interface WatchedTask {
  readonly task: WorkerTask;
  readonly whereabouts: SharedArrayBuffer;
}

/** A state at a boundary. */
export interface BoundaryState {
  readonly at: number;
  readonly hash: Uint8Array;
  readonly bytes: Uint8Array;
}

/** Something that does not verify: `seq` is the first event that is not certain. */
export interface Corruption {
  readonly seq: number;
  readonly code: ErrorCode;
  readonly message: string;
}

/** Where a program did something else than was recorded, or failed. */
export interface FoldFault {
  /** The last boundary before, and the one that was not reached as expected. */
  readonly from: number;
  readonly to: number;
  /** Hash of the state that it came to; `null` when the program failed. */
  readonly actual: Uint8Array | null;
  readonly error: PlainError | null;
}

/** What became of a stretch. */
export interface StretchAnswer {
  /** Events up to here are done; less than `to` when the states to keep were many. */
  readonly reached: number;
  /** Encoded compact ranges: from mark to mark, for the marks behind `from`. */
  readonly ranges: readonly Uint8Array[];
  /** The hashes of the leaves up to there one behind the other, where those were asked for. */
  readonly leaves: Uint8Array | null;
  /** Boundaries whose state was the expected one. */
  readonly matched: number;
  readonly states: readonly BoundaryState[];
  /** The newest boundary; with bytes where they were asked for. */
  readonly end: { readonly at: number; readonly hash: Uint8Array } | null;
  readonly endBytes: Uint8Array | null;
  readonly fault: FoldFault | null;
  readonly corruption: Corruption | null;
  /** The start state cannot be read: nothing was done. */
  readonly startDamaged: boolean;
}

/** A divergence explained; `null` when the start state cannot be read. */
export interface ExplainAnswer {
  readonly divergence: Divergence | null;
}

/** The state that was asked for. */
export interface StateAnswer extends BoundaryState {
  /** Events in the snapshot that was used. */
  readonly snapshotUsed: number | null;
}

/** The answer to each kind of task. */
export interface WorkerAnswers {
  readonly start: null;
  readonly inspect: {
    readonly name: string;
    readonly version: string;
    /** Whether it can be executed, and not only folded. */
    readonly hasStep: boolean;
  };
  readonly stretch: StretchAnswer;
  readonly explain: ExplainAnswer;
  readonly state: StateAnswer;
  readonly executed: ExecutedAnswer;
  readonly "explain-run": ExplainRunAnswer;
  readonly "executed-state": StateAnswer;
  readonly "failure-place": FailurePlaceAnswer;
}

/** An error on its way between threads, where classes get lost. */
export interface PlainError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string | null;
  readonly where: string | null;
  /** For errors that nobody expected. */
  readonly stack: string | null;
}

/** What a worker sends back. */
export type WorkerReply =
  | { readonly ok: true; readonly answer: WorkerAnswers[keyof WorkerAnswers] }
  | { readonly ok: false; readonly error: PlainError };

/** Anything thrown, as plain data. */
export function plainError(error: unknown): PlainError {
  const code = codeOf(error);
  const details = error as Partial<ReachError> | null | undefined;
  return {
    code: code ?? "BUG",
    message: messageOf(error),
    hint: (code && details?.hint) ?? null,
    where: (code && details?.where) ?? null,
    stack: code === undefined && error instanceof Error ? (error.stack ?? null) : null,
  };
}

/** The error that `plainError` was made of. */
export function reachError(plain: PlainError): ReachError {
  return new ReachError(plain.code, plain.message, {
    ...(plain.hint === null ? {} : { hint: plain.hint }),
    ...(plain.where === null ? {} : { where: plain.where }),
    ...(plain.stack === null ? {} : { cause: plain.stack }),
  });
}
