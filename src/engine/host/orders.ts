/**
 * What the engine asks of the place where contexts live, and what it hears back: one closed union
 * each. A session is named by a handle, a number that is never used again. Orders of a place are
 * carried out one after the other; a `step` or `deliver` is answered by a `turn`, in order.
 */
import type { ErrorCode } from "../../base/index.ts";
import type { ProgramEvent, StepSecret, Turn } from "../../driver/index.ts";

/** The code of a program, sent once to each place that runs it. */
export interface ProgramOrder {
  readonly kind: "program";
  /** Name of the code: its SHA-256 in hexadecimal. */
  readonly program: string;
  readonly hash: Uint8Array;
  readonly where: string;
  readonly code: string;
  readonly map: string | null;
}

/** Where a session begins: with its trigger, or with the state after `size` events. */
export type OpenState =
  | { readonly from: "trigger"; readonly event: ProgramEvent }
  | { readonly from: "snapshot"; readonly size: number; readonly state: Uint8Array };

/** Makes a context for a session. */
export interface OpenOrder {
  readonly kind: "open";
  readonly handle: number;
  readonly program: string;
  readonly secrets: readonly StepSecret[];
  readonly snapshotEvents: number;
  readonly state: OpenState;
}

/** Folds events up to the last step that has ended. */
export interface FoldOrder {
  readonly kind: "fold";
  readonly handle: number;
  readonly events: readonly ProgramEvent[];
}

/** Begins a step. */
export interface StepOrder {
  readonly kind: "step";
  readonly handle: number;
  readonly unread: readonly ProgramEvent[];
  readonly now: number;
}

/** Delivers one outside event. */
export interface DeliverOrder {
  readonly kind: "deliver";
  readonly handle: number;
  readonly event: ProgramEvent;
}

/** Gives a context up. */
export interface CloseOrder {
  readonly kind: "close";
  readonly handle: number;
}

/** Asks for a sign of life. */
export interface PingOrder {
  readonly kind: "ping";
  readonly nonce: number;
}

/** Sessions that may come all at once: empty contexts are made for them meanwhile. */
export interface ExpectOrder {
  readonly kind: "expect";
  readonly sessions: number;
}

/** Everything that can be asked. */
export type Order =
  | ProgramOrder
  | OpenOrder
  | FoldOrder
  | StepOrder
  | DeliverOrder
  | CloseOrder
  | PingOrder
  | ExpectOrder;

/** What came of a `step` or `deliver`. */
export interface TurnReply {
  readonly kind: "turn";
  readonly handle: number;
  readonly turn: Turn;
  /** In the first turn: when the code of the program was entered, on the clock of the machine. */
  readonly enteredAt?: number;
}

/** An order could not be carried out; the context is gone, later orders for it are passed over. */
export interface FailedReply {
  readonly kind: "failed";
  readonly handle: number;
  readonly code: ErrorCode;
  readonly message: string;
}

/** A sign of life. */
export interface PongReply {
  readonly kind: "pong";
  readonly nonce: number;
}

/** What a lane holds after a collection of garbage, as a share of what its thread may use. */
export interface MemoryReply {
  readonly kind: "memory";
  readonly share: number;
  /** Contexts that were there then, and empty ones that are kept for the next sessions. */
  readonly contexts: number;
  readonly kept: number;
}

/** Everything that is heard back. */
export type Reply = TurnReply | FailedReply | PongReply | MemoryReply;
