/**
 * How an effect is declared: a handler, and the policy under which it is called. What a handler
 * returns is recorded and given to the program; what it throws becomes an error that the program
 * can catch.
 */
import type { SessionId } from "../base/index.ts";

/** The call that a handler works on. */
export interface EffectCall {
  readonly session: SessionId;
  readonly seq: number;
  readonly name: string;
  /** What the program gave as options of the call. */
  readonly options: unknown;
  /**
   * The same for every try of this call, also after a crash: `<session>/<seq>`. Hand it on to
   * services that take an idempotency key, so that a repeated try is not a second payment.
   */
  readonly key: string;
  /** The try, counted from 1 in this process. */
  readonly attempt: number;
  /** Aborted when the time of this try is up, or nobody waits for the call any more. */
  readonly signal: AbortSignal;
  /** Records something about the call that no program sees. */
  note(type: string, data: unknown): void;
}

/** Written as a method, so that a handler may say what input it takes. */
interface Handling {
  handle(input: unknown, call: EffectCall): unknown;
}

/** Does what a program cannot do by itself: `(input, call) => value`, or a promise of one. */
export type EffectHandler = Handling["handle"];

/** When a try that failed is made again. */
export interface RetryPolicy {
  /** Tries in all, the first one counted. */
  readonly attempts: number;
  /** Before the second try; then `factor` times as long each time, with jitter. Default: 200. */
  readonly initialMs?: number;
  /** Default: 30,000. */
  readonly maxMs?: number;
  /** Default: 2. */
  readonly factor?: number;
}

/** When an effect is given a rest, and calls fail at once. */
export interface BreakerPolicy {
  /** Tries that failed in a row. */
  readonly failures: number;
  /** Then one call is let through again after so long. Default: 10,000. */
  readonly restMs?: number;
}

/** How often, how long and how many at a time an effect may be called. All of it is optional. */
export interface EffectPolicy {
  /** Of one try, in milliseconds. */
  readonly timeoutMs?: number;
  readonly retries?: RetryPolicy;
  readonly breaker?: BreakerPolicy;
  /** Tries that begin in a second, evenly spread. */
  readonly perSecond?: number;
  /** Tries under way at a time; others wait. */
  readonly concurrency?: number;
}

/** A handler and its policy. */
export interface EffectDefinition extends EffectPolicy {
  readonly run: EffectHandler;
}

/** Names that every copy of this package in a process agrees on: a handler may have its own. */
const tryAgainMark = Symbol.for("reach-replay/TryAgain");
const giveUpMark = Symbol.for("reach-replay/GiveUp");

function isMarked(error: unknown, mark: symbol): boolean {
  return error instanceof Error && Reflect.get(error, mark) === true;
}

/**
 * Thrown by a handler that has an answer which another try might better, such as a response with
 * status 503: when no tries are left, the call returns `value`.
 */
export class TryAgain extends Error {
  override readonly name = "TryAgain";
  readonly [tryAgainMark] = true;
  readonly value: unknown;

  constructor(message: string, value: unknown) {
    super(message);
    this.value = value;
  }
}

/** Thrown by a handler for what no other try can change. */
export class GiveUp extends Error {
  override readonly name = "GiveUp";
  readonly [giveUpMark] = true;
  readonly code: string | undefined;
  readonly data: unknown;

  constructor(message: string, options: { code?: string; data?: unknown; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.code = options.code;
    this.data = options.data;
  }
}

/** Whether something thrown is a `TryAgain`, of whichever copy of this package. */
export function isTryAgain(error: unknown): error is TryAgain {
  return isMarked(error, tryAgainMark);
}

/** Whether something thrown is a `GiveUp`, of whichever copy of this package. */
export function isGiveUp(error: unknown): error is GiveUp {
  return isMarked(error, giveUpMark);
}
