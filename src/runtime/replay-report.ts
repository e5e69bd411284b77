/**
 * What a replay says in the end: the verdict, and what it rests on. Plain numbers and texts, so
 * that it can be sent as JSON as it is.
 */
import type { Divergence, OperationDivergence } from "../replay/index.ts";
import type { ProgramName } from "./load-program.ts";

/**
 * `identical`: all that there was to compare came out again: kept states and, of an executed
 * session, recorded operations. `computed`: there was nothing to compare with.
 * `diverged`: the log is intact, the program did something else. `corrupt`: the log, a blob, a
 * snapshot record or the checkpoint does not verify, and nothing is said about the program.
 */
export type Verdict = "identical" | "computed" | "diverged" | "corrupt";

/** Calls, emits, timers and ends of steps that were made again and compared. */
export interface ReplayedOperations {
  readonly count: number;
  /** How many of them are ends of steps. */
  readonly steps: number;
  /** SHA-256 over all of them in order, hexadecimal; `null` when the session diverged. */
  readonly hash: string | null;
}

/** The outcome of a replay. */
export interface ReplayReport {
  readonly verdict: Verdict;
  /** Events of the session. */
  readonly events: number;
  /** The events whose states were asked for and folded. */
  readonly from: number;
  readonly to: number;
  /** Events up to which kept states vouch for the result; what lies behind was computed. */
  readonly comparedTo: number;
  /** Kept states that came out the same. */
  readonly snapshots: number;
  readonly seconds: number;
  readonly workers: number;
  readonly program: ProgramName;
  /** SHA-256 of the state after `to` events, hexadecimal; `null` unless it is known. */
  readonly stateHash: string | null;
  /** Root over all events; `null` when the log is damaged. */
  readonly root: string | null;
  /** Key that signed the checkpoint which was checked: `origin+id`. */
  readonly signedBy: string | null;
  /** Events that the checkpoint covers. */
  readonly signedSize: number | null;
  /** Whether states were kept, as new snapshots or in place of damaged ones; how many. */
  readonly kept: boolean;
  readonly keptSnapshots: number;
  /** Kept states that could not be read: a cache that is rebuilt with `keep`. */
  readonly damagedSnapshots: number;
  /** What an executed session made again; `null` for a recorded one. */
  readonly operations: ReplayedOperations | null;
  readonly divergence: Divergence | OperationDivergence | null;
  /** What is corrupt; `seq`: the first event that is not certain, if it is about events. */
  readonly problem: { readonly seq: number | null; readonly message: string } | null;
}
