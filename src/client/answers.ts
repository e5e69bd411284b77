/**
 * What a server answers, as types: those of `/openapi.json`, and of the CBOR that it sends where
 * JSON would lose something.
 */
import type { ErrorCode, SessionId } from "../base/index.ts";
import type { EventKind, PayloadForm } from "../event/index.ts";

/** What answers at a URL. */
export interface ServerInfo {
  readonly version: string;
  readonly workspace: string;
  readonly origin: string;
  /** C2SP vkey of the workspace: pin it. */
  readonly verifierKey: string;
  /** Whether programs run there. */
  readonly programs: boolean;
}

/** A session at a glance. */
export interface SessionInfo {
  readonly id: SessionId;
  readonly kind: "recorded" | "executed";
  readonly status: string;
  readonly outcome: string | null;
  readonly name: string;
  readonly program: string | null;
  readonly format: string;
  /** Milliseconds since the epoch. */
  readonly created: number;
  /** Events; also the seq of the next one. */
  readonly size: number;
  /** Events under the newest signed checkpoint. */
  readonly signed: number | null;
  /** Root of that checkpoint, hexadecimal. */
  readonly root: string | null;
  readonly problem: string | null;
}

/** An event as JSON; what JSON has no form for is an object with one `$` member. */
export interface EventObject {
  readonly seq: number;
  readonly time: number;
  readonly kind: EventKind;
  readonly type: string;
  readonly ref: number | null;
  readonly form?: PayloadForm;
  readonly data?: unknown;
  readonly blob?: { readonly sha256: string; readonly size: number };
}

/** An event to append. */
export interface NewEventObject {
  readonly type: string;
  readonly data?: unknown;
  readonly kind?: EventKind;
  readonly time?: number;
  readonly ref?: number | null;
}

/** Where an append went. */
export interface AppendedInfo {
  readonly firstSeq: number | null;
  readonly count: number;
  readonly size: number;
  readonly duplicate: boolean;
}

/** A recording that goes on. */
export interface ResumedInfo {
  /** Of its producer, from now on. */
  readonly epoch: number;
  /** What the next append is numbered. */
  readonly sequence: number;
  readonly size: number;
  /** Calls that were under way, each with a result now that says so. */
  readonly leftOpen: readonly { readonly seq: number; readonly name: string }[];
}

/** What proves that an event is in the tree over the first `size` events (RFC 9162, 2.1.3). */
export interface InclusionInfo {
  readonly seq: number;
  readonly size: number;
  /** Hashes, hexadecimal. */
  readonly leafHash: string;
  readonly root: string;
  readonly proof: readonly string[];
}

/** What became of a transcript that was imported. */
export interface ImportedTranscript {
  readonly id: SessionId;
  readonly format: string;
  /** Records that this import added. */
  readonly records: number;
  /** Events of the session now. */
  readonly events: number;
  readonly bytes: number;
  readonly seconds: number;
  /** Events that were there before; `null` for a new session. */
  readonly continuedFrom: number | null;
  /** The very same source had been imported before: nothing was added. */
  readonly unchanged: boolean;
  readonly interrupted: boolean;
  /** Hexadecimal. */
  readonly root: string;
  readonly blobs: { readonly count: number; readonly bytes: number; readonly storedBytes: number };
  /** The first 100 problems. */
  readonly problems: readonly {
    readonly line: number | null;
    readonly offset: number;
    readonly message: string;
  }[];
  readonly problemCount: number;
  readonly unparsed: number;
  readonly fragments: number;
}

/** What became of a bundle that was imported. */
export interface ImportedBundle {
  readonly id: SessionId;
  readonly format: "bundle";
  readonly events: number;
  /** The very session was there already. */
  readonly unchanged: boolean;
  /** Payloads that it lacked there, and has again. */
  readonly repaired: number;
  readonly restoredFrom: number | null;
  readonly snapshots: number;
  /** What verifying it found, as `reach verify --json` has it. */
  readonly report: unknown;
}

/** Work that takes long. */
export interface JobInfo {
  readonly id: string;
  readonly kind: string;
  readonly session: SessionId;
  readonly status: "running" | "done" | "failed";
  readonly progress: number | null;
  readonly result: unknown;
  readonly error: ProblemInfo | null;
}

/** An error as a server answers it (RFC 9457). */
export interface ProblemInfo {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly code: ErrorCode;
  readonly where?: string;
  readonly hint?: string;
  readonly requestId: string;
}

/** A state of a session's program. */
export interface StateInfo {
  readonly at: number;
  readonly program: { readonly name: string; readonly version: string; readonly hash: string };
  /** SHA-256 of the encoded state, hexadecimal. */
  readonly stateHash: string;
  readonly snapshotUsed: number | null;
  readonly state: unknown;
}
