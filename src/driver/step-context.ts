/**
 * The port to a program in its context: what the activation loop asks of it. `src/sandbox` is the
 * real one; tests bring small ones of their own. Everything is synchronous, nothing is shared: what
 * comes out is bytes and plain data.
 */
import type { EventKind, PayloadForm } from "../event/index.ts";

/** An event for a program: its header, and its payload's own bytes, blobs fetched. */
export interface ProgramEvent {
  readonly seq: number;
  readonly time: number;
  readonly kind: EventKind;
  readonly type: string;
  readonly ref: number | null;
  readonly form: PayloadForm;
  readonly payload: Uint8Array;
}

/** Something that a program made. `data` is valid until the next call on its context. */
export interface Operation {
  readonly kind: "call" | "emit" | "timer";
  readonly type: string;
  readonly time: number;
  readonly data: Uint8Array;
}

/** A step has returned. */
export interface StepEnd {
  readonly next: "continue" | "done";
  /** Calls without result that nobody waits for any more. */
  readonly abandoned: readonly number[];
  /** Inputs that nobody has taken. */
  readonly unread: readonly number[];
  readonly result: Uint8Array | undefined;
}

/** A program threw. */
export interface Failure {
  readonly name: string;
  readonly message: string;
  readonly code: string | undefined;
}

/** What a session waits for. */
export interface Waiting {
  readonly calls: readonly number[];
  readonly timers: readonly { readonly seq: number; readonly due: number }[];
  readonly inputs: readonly string[];
}

/** What came of one event, or of the beginning of a step. */
export interface Activation {
  readonly operations: readonly Operation[];
  /** Timers that nobody waits for any more. */
  readonly dropped: readonly number[];
  /** What the program logged: CBOR of an array of values each. */
  readonly logs?: readonly Uint8Array[];
  readonly ended: StepEnd | undefined;
  readonly failed: Failure | undefined;
  readonly waiting: Waiting;
  readonly now: number;
}

/** A program in a context of its own. */
export interface StepContext {
  init(trigger: ProgramEvent): void;
  restore(snapshot: Uint8Array): void;
  /** Reduces only. Throws `PROGRAM_FAILED`. */
  fold(event: ProgramEvent): void;
  setInbox(unread: readonly ProgramEvent[], now: number): void;
  beginStep(firstSeq: number, key: Uint8Array): Activation;
  deliver(event: ProgramEvent): Activation;
  /** Throws `STATE_UNSUPPORTED`, `STATE_TOO_LARGE`. */
  snapshot(): Uint8Array;
  dispose(): void;
}
