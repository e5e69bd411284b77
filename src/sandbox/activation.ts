/**
 * What goes into a program's context and what comes out of it: events in, activations out. Plain
 * data and bytes only; whoever runs programs (the driver, replay) knows contexts by these types.
 */
import type { EventKind, PayloadForm } from "../event/index.ts";

/** An event for the context: its header, and its payload's own bytes, blobs already fetched. */
export interface SandboxEvent {
  readonly seq: number;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly kind: EventKind;
  readonly type: string;
  readonly ref: number | null;
  readonly form: PayloadForm;
  /** Copied before the call returns. */
  readonly payload: Uint8Array;
}

/** Something that the program made; it takes the next seq. */
export interface Operation {
  readonly kind: "call" | "emit" | "timer";
  readonly type: string;
  /** Milliseconds since the epoch: the `now` of the activation. */
  readonly time: number;
  /** The exact payload (CBOR); valid until the next call on the context. */
  readonly data: Uint8Array;
}

/** A step has returned. */
export interface StepEnd {
  readonly next: "continue" | "done";
  /** Calls without a result, ascending: their results are delivered to nobody. */
  readonly abandoned: readonly number[];
  /** Inputs that no `waitFor` has taken, ascending. */
  readonly unread: readonly number[];
  /** CBOR of what `{ done: … }` held; its own bytes. */
  readonly result: Uint8Array | undefined;
}

/** What the program threw, or why its step cannot go on (`STEP_STALLED`, `STEP_TOO_LONG`). */
export interface Failure {
  readonly name: string;
  readonly message: string;
  readonly code: string | undefined;
  /** Only with stacks on: where it was thrown, positions in the bundle. */
  readonly stack: string | undefined;
}

/** What a step waits for. */
export interface Waiting {
  /** Seqs of calls whose result somebody waits for, in the order made. */
  readonly calls: readonly number[];
  /** Timers in the order made; `due` in milliseconds since the epoch. */
  readonly timers: readonly { readonly seq: number; readonly due: number }[];
  /** Types of inputs, each once. */
  readonly inputs: readonly string[];
}

/** What came of one event, or of the beginning of a step. */
export interface Activation {
  /** In the order made: the first one has the seq after the event's (or the step's first seq). */
  readonly operations: readonly Operation[];
  /** Where the operations were made, one stack each; only with stacks on. */
  readonly stacks: readonly string[] | undefined;
  /** Seqs of timers that nobody waits for any more. */
  readonly dropped: readonly number[];
  /** What `ctx.log` was given: CBOR of an array of values each, their own bytes. */
  readonly logs: readonly Uint8Array[];
  /** The step returned. */
  readonly ended: StepEnd | undefined;
  /** `step` or `reduce` threw: the session ends. */
  readonly failed: Failure | undefined;
  /** Read it before the next call on the context. */
  readonly waiting: Waiting;
  /** The time of the context: that of the newest outside event, never going back. */
  readonly now: number;
}
