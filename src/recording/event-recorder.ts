/**
 * What code that records itself leaves in the log, wherever that lies: events as they happen, and
 * effects whose calls are durable before they start, so that what was done to the world is never
 * missing. Recordings into a data directory and against a server are both this, over an `append`
 * of their own.
 */
import {
  decodeValue,
  encodeValue,
  messageOf,
  ReachError,
  type SessionId,
  systemClock,
} from "../base/index.ts";
import { AnswerOrder } from "./answer-order.ts";
import { EffectFailure, failureOf, recordedFailure } from "./effect-failure.ts";
import { type EncodedEvent, eventNow } from "./encoded-event.ts";
import { Notes } from "./notes.ts";
import type { EventInput, RecordedCall, SessionRecorder } from "./session-recorder.ts";

/** Where the events of a recording go. */
export interface EventSink {
  /**
   * Appends an event behind all those of earlier calls; resolves with its seq when it is durable.
   * What is refused before it has a place among them is thrown at once.
   */
  append(event: EncodedEvent): Promise<number>;
  /** Throws for encoded data that `append` would refuse for its size. */
  checkSize(bytes: Uint8Array): void;
}

/** A session that is being recorded. */
export abstract class EventRecorder implements SessionRecorder {
  abstract readonly id: SessionId;
  readonly #sink: EventSink;
  readonly #answers = new AnswerOrder();

  constructor(sink: EventSink) {
    this.#sink = sink;
  }

  /**
   * Appends an event; resolves with its seq once it is durable. Calls may overlap, their order is
   * the order of the events. Throws `DATA_UNSUPPORTED` with the path of what cannot be kept.
   */
  async append(event: EventInput): Promise<number> {
    const { type, data, kind = "emit", time = systemClock(), ref = null } = event;
    const bytes = encodeValue(data);
    return this.#answers.behind(this.#sink.append({ type, kind, time, ref, form: "cbor", bytes }));
  }

  /** See `SessionRecorder.effect`. */
  async effect<Result>(
    name: string,
    input: unknown,
    run: (call: RecordedCall) => Result | PromiseLike<Result>,
  ): Promise<Result> {
    checkRun(name, run);
    const call = await this.#sink.append(eventNow("call", name, null, { input }));
    const notes = new Notes(call, (event) => this.#sink.append(event));
    let result: EncodedEvent;
    let cause: unknown;
    try {
      const value = await run(notes.ofCall);
      await notes.durable;
      result = this.#resultOf(name, call, value);
    } catch (error) {
      cause = error;
      result = this.#failureOf(name, call, error);
    }
    await this.#answers.behind(this.#sink.append(result));
    return outcomeOf(result.bytes, cause) as Result;
  }

  /** Resolves when everything is answered, also what the answers have led to. */
  protected answered(): Promise<void> {
    return this.#answers.idle();
  }

  /** Whoever reads the refusal has to know that the effect has run. */
  #resultOf(name: string, call: number, value: unknown): EncodedEvent {
    const what = `the effect "${name}" has run and its result is lost`;
    let result: EncodedEvent;
    try {
      result = eventNow("result", name, call, { value });
    } catch (cause) {
      const message = `${what}, for it is no plain data: ${messageOf(cause)}`;
      throw new ReachError("DATA_UNSUPPORTED", message, { cause });
    }
    return this.#fitting(result, what);
  }

  /** What was thrown; where it is too large to be kept, that. */
  #failureOf(name: string, call: number, thrown: unknown): EncodedEvent {
    const failed = (error: unknown): EncodedEvent => {
      return eventNow("result", name, call, { error: failureOf(error) });
    };
    try {
      return this.#fitting(failed(thrown), `the effect "${name}" has failed`);
    } catch (error) {
      return failed(error);
    }
  }

  #fitting(event: EncodedEvent, what: string): EncodedEvent {
    try {
      this.#sink.checkSize(event.bytes);
      return event;
    } catch (cause) {
      const message = `${what}, and what it gave cannot be kept: ${messageOf(cause)}`;
      throw new ReachError("EVENT_TOO_LARGE", message, { cause });
    }
  }
}

/** Throws `USAGE` for what cannot be run: then nothing is recorded. */
export function checkRun(name: string, run: unknown): void {
  if (typeof run === "function") return;
  throw new ReachError("USAGE", `the effect "${name}" has no function to run: ${typeof run}`, {
    hint: "session.effect(name, input, () => tool(input))",
  });
}

/** Returns or throws what the data of a result says; `cause` is what was thrown just now. */
export function outcomeOf(data: Uint8Array, cause?: unknown): unknown {
  const result = decodeValue(data) as { readonly value?: unknown; readonly error?: unknown };
  if (!Object.hasOwn(result, "error")) return result.value;
  throw new EffectFailure(recordedFailure(result.error), cause);
}
