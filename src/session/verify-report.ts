/**
 * What verifying a session found: two verdicts that are never mixed up, integrity (what is here is
 * what was written) and completeness (nothing is cut off behind the newest signed checkpoint), and
 * the places that are wrong. Plain numbers and texts, so that it can be sent as JSON as it is.
 */
import type { SessionId } from "../base/index.ts";
import type { Quarantine } from "./session-reader.ts";

const problemsMax = 100;

/** One thing that does not verify. */
export interface VerifyProblem {
  /** The first event that it hits, where that is known. */
  readonly seq: number | null;
  /** The file, the part of a bundle, or the blob: where to look. */
  readonly where: string;
  readonly message: string;
}

/** A checkpoint whose signature holds. */
export interface VerifiedCheckpoint {
  /** The log it was signed for. */
  readonly origin: string;
  readonly size: number;
  /** Name and id of the key: `reach.local+5ab3c0de`. */
  readonly signedBy: string;
  /** Whether it is of another data directory: kept from the bundle that the session came in. */
  readonly foreign: boolean;
  /** Whether the events have the root that was signed; `null`: not enough of them are here. */
  readonly holds: boolean | null;
}

/** What verifying a session found. */
export interface VerifyReport {
  readonly id: SessionId;
  /** Events that are there and intact in themselves. */
  readonly events: number;
  /** Root over them, hexadecimal; that of the intact beginning when some are damaged. */
  readonly root: string;
  readonly integrity: "intact" | "damaged";
  /** `unknown`: no checkpoint says how many events there should be. */
  readonly completeness: "complete" | "incomplete" | "unknown";
  /** Size of the newest checkpoint whose signature holds, and who signed it. */
  readonly signedSize: number | null;
  readonly signedBy: string | null;
  readonly checkpoints: readonly VerifiedCheckpoint[];
  /** Distinct payloads in the store that events name, and their bytes. */
  readonly blobs: { readonly count: number; readonly bytes: number };
  /** `unchecked`: of programs, or by keys, that are not known here. */
  readonly snapshots: {
    readonly count: number;
    readonly damaged: number;
    readonly unchecked: number;
  };
  /** Index and stored tree: rebuilt when they are not right, so never a reason to worry. */
  readonly derived: "ok" | "stale" | "missing";
  readonly quarantine: Quarantine | null;
  /** Bytes behind the last event that a writer is still writing, or has yet to recover. */
  readonly unrecovered: number;
  /** The first 100. */
  readonly problems: readonly VerifyProblem[];
  readonly problemCount: number;
  /**
   * Lowest seq that is damaged, missing, or not what was signed. Where only a stretch is known (a
   * root is wrong, and no stored leaf hash tells more), the first of the stretch.
   */
  readonly firstBad: number | null;
  /** How many events are. */
  readonly badEvents: number;
  readonly seconds: number;
}

/** How far a long piece of work has come. */
export interface Progress {
  readonly done: number;
  /** `null` where it is not known. */
  readonly total: number | null;
  readonly unit: "events" | "bytes";
}

/** Collects problems: the first hundred, the count of all, the first event that is hit. */
export class ProblemList {
  readonly first: VerifyProblem[] = [];
  count = 0;
  firstBad: number | null = null;
  badEvents = 0;
  /** Whether something that is here is not what was written. */
  damaged = false;
  /** Whether something that was signed is not here. */
  incomplete = false;

  /** Notes that something which is not one event is wrong. */
  add(where: string, message: string): void {
    this.damaged = true;
    this.#note({ seq: null, where, message });
  }

  /** Notes that `events` events from `seq` on are damaged, or not what was signed. */
  event(seq: number, where: string, message: string, events = 1): void {
    this.damaged = true;
    this.#note({ seq, where, message });
    this.#hit(seq, events);
  }

  /** Notes that `events` events from `seq` on, to the end of what was signed, are not here. */
  missing(seq: number, where: string, message: string, events: number): void {
    this.incomplete = true;
    this.#note({ seq, where, message });
    this.#hit(seq, events);
  }

  #hit(seq: number, events: number): void {
    this.badEvents += events;
    if (this.firstBad === null || seq < this.firstBad) this.firstBad = seq;
  }

  #note(problem: VerifyProblem): void {
    this.count += 1;
    if (this.first.length < problemsMax) this.first.push(problem);
  }
}
