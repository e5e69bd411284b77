/**
 * One effect under its policy: tries are spread in time, bounded in number and in length, made
 * again when they fail, and not made at all while a breaker is open. Retries and what the breaker
 * does are noted beside the call.
 */
import {
  type BulkheadPolicy,
  bulkhead,
  type CircuitBreakerPolicy,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  ExponentialBackoff,
  type GeneratorFn,
  handleWhen,
  isBrokenCircuitError,
  retry,
  TimeoutStrategy,
  timeout,
} from "cockatiel";
import { messageOf } from "../base/index.ts";
import { type EffectDefinition, GiveUp, isGiveUp, isTryAgain } from "./effect-definition.ts";
import type { EffectRequest } from "./effect-source.ts";
import { Rate, waited } from "./rate.ts";

const defaults = { initialMs: 200, maxMs: 30_000, factor: 2, restMs: 10_000 };

/** Whether a failure is one of the service, so that trying again makes sense. */
function isRepairable(error: unknown): boolean {
  return !(isGiveUp(error) || isBrokenCircuitError(error));
}

/** The second half of each pause is drawn: what failed together does not come again together. */
const jitteredPause: GeneratorFn<number> = (tried = 0, { initialDelay, maxDelay, exponent }) => {
  const grown = initialDelay * Math.min(exponent ** tried, Number.MAX_VALUE);
  return [Math.min(grown, maxDelay) * (0.5 + Math.random() / 2), tried + 1];
};

/** A handler that is only called as its policy allows. */
export class GuardedEffect {
  readonly #name: string;
  readonly #definition: EffectDefinition;
  readonly #breaker: CircuitBreakerPolicy | undefined;
  readonly #bulkhead: BulkheadPolicy | undefined;
  readonly #rate: Rate | undefined;
  #lastState = CircuitState.Closed;

  constructor(name: string, definition: EffectDefinition) {
    this.#name = name;
    this.#definition = definition;
    const { breaker, concurrency, perSecond } = definition;
    if (concurrency !== undefined) this.#bulkhead = bulkhead(concurrency, Number.POSITIVE_INFINITY);
    if (perSecond !== undefined) this.#rate = new Rate(perSecond);
    if (breaker) {
      this.#breaker = circuitBreaker(
        handleWhen((error) => this.#isFailure(error)),
        {
          halfOpenAfter: breaker.restMs ?? defaults.restMs,
          breaker: new ConsecutiveBreaker(breaker.failures),
        },
      );
    }
  }

  /** The value of the call. Throws what the last try threw, or the reason of its signal. */
  async run(request: EffectRequest): Promise<unknown> {
    const { signal } = request;
    signal.throwIfAborted();
    // A pause between two tries does not look at the signal.
    const gone = aborted(signal);
    try {
      return await Promise.race([this.#tries(request), gone.promise]);
    } finally {
      gone.end();
    }
  }

  async #tries(request: EffectRequest): Promise<unknown> {
    const { signal } = request;
    const { retries } = this.#definition;
    try {
      if (!retries || retries.attempts <= 1) return await this.#try(request, 1);
      const policy = retry(
        handleWhen((error) => !signal.aborted && isRepairable(error)),
        {
          maxAttempts: retries.attempts - 1,
          backoff: new ExponentialBackoff({
            initialDelay: retries.initialMs ?? defaults.initialMs,
            maxDelay: retries.maxMs ?? defaults.maxMs,
            exponent: retries.factor ?? defaults.factor,
            generator: jitteredPause,
          }),
        },
      ).dangerouslyUnref();
      let failed: unknown;
      policy.onRetry(({ attempt, delay }) => {
        const message = messageOf(failed);
        request.note("retry", { attempt, delayMs: Math.round(delay), error: message });
      });
      return await policy.execute(async ({ attempt }) => {
        try {
          return await this.#try(request, attempt + 1);
        } catch (error) {
          failed = error;
          throw error;
        }
      }, signal);
    } catch (error) {
      if (isTryAgain(error) && !signal.aborted) return error.value;
      throw error;
    }
  }

  async #try(request: EffectRequest, attempt: number): Promise<unknown> {
    const { signal } = request;
    if (this.#rate) await waited(this.#rate.take(), signal);
    const call = (): Promise<unknown> => this.#guarded(request, attempt);
    return this.#bulkhead ? this.#bulkhead.execute(call, signal) : call();
  }

  async #guarded(request: EffectRequest, attempt: number): Promise<unknown> {
    const breaker = this.#breaker;
    if (!breaker) return this.#timed(request, attempt);
    try {
      return await breaker.execute(() => this.#wanted(request, attempt));
    } catch (error) {
      if (!isBrokenCircuitError(error)) throw error;
      const message = `effect "${this.#name}" rests: it has failed too often in a row`;
      throw new GiveUp(message, { code: "EFFECT_RESTS" });
    } finally {
      this.#noteBreaker(request, breaker.state);
    }
  }

  /**
   * A try that nobody waits for any more says nothing about the service, and is over for the
   * breaker, which may have others wait for it, also where its handler goes on.
   */
  async #wanted(request: EffectRequest, attempt: number): Promise<unknown> {
    const { signal } = request;
    const gone = aborted(signal);
    try {
      signal.throwIfAborted();
      return await Promise.race([this.#timed(request, attempt), gone.promise]);
    } catch (cause) {
      if (!signal.aborted) throw cause;
      throw new Unwanted("nobody waits for it any more", { cause });
    } finally {
      gone.end();
    }
  }

  /** Of a trial that nobody waits for any more nothing is known: the service is left to rest. */
  #isFailure(error: unknown): boolean {
    if (error instanceof Unwanted) return this.#breaker?.state === CircuitState.HalfOpen;
    return isRepairable(error);
  }

  /** The call that finds the breaker in another state than the one before notes it. */
  #noteBreaker(request: EffectRequest, state: CircuitState): void {
    if (state === this.#lastState) return;
    this.#lastState = state;
    const name = CircuitState[state].toLowerCase();
    request.note("breaker", { effect: this.#name, state: name });
  }

  async #timed(request: EffectRequest, attempt: number): Promise<unknown> {
    const { timeoutMs, retries } = this.#definition;
    const { session, seq, name, options, key } = request;
    // A handler may change what it is given: another try begins with what the program gave.
    const input = retries ? structuredClone(request.input) : request.input;
    const note = (type: string, data: unknown): void => request.note(type, data);
    const handle = async (signal: AbortSignal): Promise<unknown> =>
      this.#definition.run(input, { session, seq, name, options, key, attempt, signal, note });
    if (timeoutMs === undefined) return handle(request.signal);
    let late = false;
    const limit = timeout(timeoutMs, TimeoutStrategy.Aggressive);
    limit.onTimeout(() => {
      late = true;
    });
    try {
      return await limit.execute(({ signal }) => handle(signal), request.signal);
    } catch (error) {
      if (!late || request.signal.aborted) throw error;
      throw new EffectTimeout(`effect "${this.#name}" took longer than ${timeoutMs} ms`);
    }
  }
}

/** Rejects when a signal is aborted. */
function aborted(signal: AbortSignal): { promise: Promise<never>; end: () => void } {
  let end = (): void => {};
  const promise = new Promise<never>((_, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    end = () => signal.removeEventListener("abort", abort);
  });
  return { promise, end };
}

/** A try that nobody waits for any more. */
class Unwanted extends GiveUp {}

/** A try that took too long. */
class EffectTimeout extends Error {
  override readonly name = "TimeoutError";
  readonly code = "EFFECT_TIMEOUT";
}
