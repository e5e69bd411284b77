/**
 * What code that records itself works with: the same calls while it is recorded and when it is run
 * again over what was recorded. The code stays as it is; only what it is given differs.
 */
import type { SessionId } from "../base/index.ts";
import type { EventKind } from "../event/index.ts";

/** An event to append. */
export interface EventInput {
  /** Your word for it, at most 256 bytes. */
  readonly type: string;
  /** Plain data: null, booleans, numbers, bigints, strings, Uint8Array, arrays, objects. */
  readonly data: unknown;
  /** Default `emit`. */
  readonly kind?: EventKind;
  /** Milliseconds since the epoch. Default now. */
  readonly time?: number;
  /** The seq that this one answers. */
  readonly ref?: number;
}

/** The call that an effect carries out: what its function is given. */
export interface RecordedCall {
  /**
   * Notes something beside the call while it runs, such as a piece of an answer that is streamed:
   * observers see it at once, and a rerun passes over it. It is durable before the result is; where
   * it cannot be, the effect fails. Throws `DATA_UNSUPPORTED`, `EVENT_INVALID`.
   */
  note(type: string, data: unknown): void;
}

/**
 * A session that is being recorded, or run again. Both times what is awaited settles in the order
 * of the log, one after the other, so that parts which run beside each other take the same way.
 */
export interface SessionRecorder {
  readonly id: SessionId;
  /**
   * Appends an event; resolves with its seq. In a rerun it is compared with what was recorded.
   * Throws `DATA_UNSUPPORTED` with the path of what cannot be kept.
   */
  append(event: EventInput): Promise<number>;
  /**
   * Runs something that is not deterministic: a model, a tool, the network, a clock. The call is
   * durable before `run` starts; its result, or its error, is durable before this settles. In a
   * rerun `run` is never called: the recorded result is returned, the recorded error thrown. So
   * what `run` appends itself would not be made again: what it is given has a `note` for that.
   *
   * What is returned is a copy of plain data, and what is thrown an `EffectFailure` (name, message,
   * code, status, data), both times, so that the code behind sees no difference. Throws `USAGE`
   * where `run` is no function.
   */
  effect<Result>(
    name: string,
    input: unknown,
    run: (call: RecordedCall) => Result | PromiseLike<Result>,
  ): Promise<Result>;
}
