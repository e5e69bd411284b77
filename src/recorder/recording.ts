/**
 * The recorder for people who keep their own code: events as they happen, and effects whose calls
 * are durable before they start, so that what was done to the world is never missing from the log.
 */
import {
  decodeValue,
  encodeValue,
  messageOf,
  ReachError,
  type SessionId,
  systemClock,
} from "../base/index.ts";
import type { EventKind } from "../event/index.ts";
import type { Appended, Directory, NewEvent, SessionWriter } from "../session/index.ts";
import { AnswerOrder } from "./answer-order.ts";
import { EffectFailure, failureOf, recordedFailure } from "./effect-failure.ts";
import { Notes } from "./notes.ts";
import type { EventInput, RecordedCall, SessionRecorder } from "./session-recorder.ts";

/** A session that is being recorded. */
export class Recording implements SessionRecorder {
  readonly id: SessionId;
  readonly #directory: Directory;
  readonly #writer: SessionWriter;
  /** Appends of large payloads under way: what comes later waits, to keep the order of calls. */
  #queue: Promise<unknown> | undefined;
  readonly #answers = new AnswerOrder();

  constructor(directory: Directory, writer: SessionWriter) {
    this.id = writer.id;
    this.#directory = directory;
    this.#writer = writer;
  }

  /**
   * Appends an event; resolves with its seq once it is durable. Calls may overlap, their order is
   * the order of the events. Throws `DATA_UNSUPPORTED` with the path of what cannot be kept.
   */
  async append(event: EventInput): Promise<number> {
    const { type, data, kind = "emit", time = systemClock(), ref = null } = event;
    const bytes = encodeValue(data);
    return this.#answers.behind(this.#durable({ type, kind, time, ref, form: "cbor", bytes }));
  }

  async effect<Result>(
    name: string,
    input: unknown,
    run: (call: RecordedCall) => Result | PromiseLike<Result>,
  ): Promise<Result> {
    checkRun(name, run);
    const call = await this.#durable(made("call", name, null, encodeValue({ input })));
    const notes = new Notes(call, (event) => this.#durable(event));
    let data: Uint8Array;
    let cause: unknown;
    try {
      const value = await run(notes.ofCall);
      await notes.durable;
      data = resultOf(name, value);
    } catch (error) {
      cause = error;
      data = encodeValue({ error: failureOf(error) });
    }
    await this.#answers.behind(this.#durable(made("result", name, call, data)));
    return outcomeOf(data, cause) as Result;
  }

  /** Ends the recording: everything is durable and a checkpoint is signed. */
  async close(): Promise<void> {
    await this.#answers.idle();
    await this.#queue;
    await this.#directory.closeWriter(this.#writer);
    await this.#directory.signCheckpoint(this.#writer);
  }

  async #durable(event: NewEvent): Promise<number> {
    const { seq, durable } = await this.#append(event);
    await durable;
    return seq;
  }

  #append(event: NewEvent): Promise<Appended> {
    const before = this.#queue;
    const appending =
      before !== undefined
        ? before.then(() => this.#writer.appendLarge(event))
        : this.#writer.appendLarge(event);
    const settled: Promise<void> = appending.then(
      () => this.#leave(settled),
      () => this.#leave(settled),
    );
    this.#queue = settled;
    return appending;
  }

  #leave(queued: Promise<unknown>): void {
    if (this.#queue === queued) this.#queue = undefined;
  }
}

function made(kind: EventKind, type: string, ref: number | null, bytes: Uint8Array): NewEvent {
  return { kind, type, time: systemClock(), ref, form: "cbor", bytes };
}

/** Throws `USAGE` for what cannot be run: then nothing is recorded. */
export function checkRun(name: string, run: unknown): void {
  if (typeof run === "function") return;
  throw new ReachError("USAGE", `the effect "${name}" has no function to run: ${typeof run}`, {
    hint: "session.effect(name, input, () => tool(input))",
  });
}

/** The data of a result. Whoever reads the refusal has to know that the effect has run. */
function resultOf(name: string, value: unknown): Uint8Array {
  try {
    return encodeValue({ value });
  } catch (cause) {
    const what = `the effect "${name}" has run and its result is lost, for it is no plain data`;
    throw new ReachError("DATA_UNSUPPORTED", `${what}: ${messageOf(cause)}`, { cause });
  }
}

/** Returns or throws what the data of a result says; `cause` is what was thrown just now. */
export function outcomeOf(data: Uint8Array, cause?: unknown): unknown {
  const result = decodeValue(data) as { readonly value?: unknown; readonly error?: unknown };
  if (!Object.hasOwn(result, "error")) return result.value;
  throw new EffectFailure(recordedFailure(result.error), cause);
}
