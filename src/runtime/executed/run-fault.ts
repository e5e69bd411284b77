/**
 * The first place at which a program did not do again what was recorded, as a worker finds it:
 * plain data and bytes of its own. The report about it is made later, of the first fault of all
 * stretches.
 */
import type { Waiting } from "../../driver/index.ts";
import type { Difference, MadeOperation } from "../../replay/index.ts";

/**
 * Hashes of states that should be the same; `null` where the program failed or nothing is known.
 */
export interface FaultStates {
  readonly recorded: Uint8Array | null;
  readonly run: Uint8Array | null;
  readonly folded: Uint8Array | null;
  /** Where the first two that differ do. */
  readonly paths: readonly Difference[];
  /** Why a state could not be encoded. */
  readonly refused: string | null;
}

/** Where and how a run differs. */
export interface RunFault {
  readonly seq: number;
  /** Whether the log has an event there. */
  readonly recorded: boolean;
  /** Seq of the first event of the step. */
  readonly stepFrom: number;
  /** Seq of the event from outside that was delivered; `null` at the beginning of a step. */
  readonly delivered: number | null;
  /** What was made from there on in the same activation. */
  readonly made: readonly MadeOperation[];
  /** Seq of the first of them; `seq` is behind it where notes stand in front of a recorded end. */
  readonly madeFrom: number;
  readonly waiting: Waiting;
  readonly states: FaultStates | null;
  /** Events after which the last recorded state came out again; `null`: none has. */
  readonly lastMatching: number | null;
}

/** Operations of a fault that are kept: enough to tell what changed. */
export const faultOperationsMax = 256;
