/**
 * The calls of one session that are being carried out. A handler starts only when its call is
 * durable; what it comes to goes back to the session as an event. Nothing here survives a restart:
 * a call without a durable result is carried out again, with the same key.
 */
import {
  codeOf,
  decodeValue,
  encodeValue,
  limits,
  messageOf,
  type SessionId,
  utf8,
} from "../base/index.ts";
import { encodeMembers, type MadeEvent, type ProgramEvent } from "../driver/index.ts";
import type { EffectError, EffectResult, EffectSource } from "../effects/index.ts";
import type { Appended } from "../session/index.ts";

/** What is noted is there to be read by people, as what programs log. */
const noteBytesMax = 64 * 1024;

/** What a session is told. */
export interface CallEvents {
  onStart(): void;
  /** The encoded data of the `result` event. */
  onResult(seq: number, name: string, data: Uint8Array): void;
  onNote(type: string, ref: number, data: Uint8Array): void;
}

/** Calls under way. */
export class OpenCalls {
  readonly #id: SessionId;
  readonly #effects: EffectSource;
  readonly #events: CallEvents;
  readonly #running = new Map<number, AbortController>();

  constructor(id: SessionId, effects: EffectSource, events: CallEvents) {
    this.#id = id;
    this.#effects = effects;
    this.#events = events;
  }

  /** Calls under way. */
  get size(): number {
    return this.#running.size;
  }

  /** Starts the calls among what a program made; one whose step has ended already as well. */
  startMade(made: readonly MadeEvent[], appended: readonly Appended[]): void {
    for (const [i, { kind, type, data }] of made.entries()) {
      const { seq, durable } = appended[i] as Appended;
      if (kind === "call") this.#start(seq, type, data, durable);
    }
  }

  /**
   * Starts calls of the log that are open and that nobody carries out: a crash took their handlers.
   * `hasResult` tells of results that are on their way. Whether the program still waits for them
   * makes no difference: without a crash they would have come to an end as well.
   */
  startAgain(open: readonly ProgramEvent[], hasResult: (seq: number) => boolean): void {
    for (const { seq, type, payload } of open) {
      if (this.#running.has(seq) || hasResult(seq)) continue;
      this.#start(seq, type, payload, Promise.resolve());
    }
  }

  /** Starts the handler of a call once `durable` resolves; `data` is that of the `call` event. */
  #start(seq: number, name: string, data: Uint8Array, durable: Promise<void>): void {
    const controller = new AbortController();
    this.#running.set(seq, controller);
    this.#events.onStart();
    void this.#run(seq, name, data, durable, controller);
  }

  async #run(
    seq: number,
    name: string,
    data: Uint8Array,
    durable: Promise<void>,
    { signal }: AbortController,
  ): Promise<void> {
    try {
      await durable;
    } catch {
      return; // there is no such call: its session goes back to what its log holds
    }
    if (signal.aborted) return;
    let result: EffectResult;
    try {
      const { input, options } = decodeValue(data) as { input?: unknown; options?: unknown };
      const session = this.#id;
      const key = `${session}/${seq}`;
      const note = (type: string, noted: unknown): void => {
        if (!signal.aborted) this.#events.onNote(noteType(type), seq, noteBytes(noted));
      };
      result = await this.#effects.run({ session, seq, name, input, options, key, signal, note });
    } catch (error) {
      result = { error: errorOf(error) };
    }
    if (signal.aborted) return;
    this.#running.delete(seq);
    this.#events.onResult(seq, name, resultData(result));
  }

  /** Nobody waits any more: handlers are asked to stop, and what they come to is dropped. */
  abort(): void {
    for (const controller of this.#running.values()) controller.abort();
    this.#running.clear();
  }
}

function resultData(result: EffectResult): Uint8Array {
  if ("value" in result) return encodeMembers([["value", result.value]]);
  try {
    return encodeValue({ error: result.error });
  } catch {
    const { name, message } = result.error;
    return encodeValue({ error: { name: `${name}`.toWellFormed(), message: `${message}` } });
  }
}

/** Type of a note: a handler may give anything, and a note is never worth a failure. */
function noteType(type: unknown): string {
  if (typeof type !== "string") return "note";
  const whole = type.slice(0, limits.eventTypeBytesMax).toWellFormed();
  if (whole.length === type.length && utf8(whole).length <= limits.eventTypeBytesMax) return whole;
  // A unit of UTF-16 takes three bytes at most.
  return whole.slice(0, Math.floor(limits.eventTypeBytesMax / 3)).toWellFormed();
}

/** The same for its data. */
function noteBytes(data: unknown): Uint8Array {
  try {
    const bytes = encodeValue(data ?? null);
    if (bytes.length <= noteBytesMax) return bytes;
    const what = `${bytes.length} bytes, and a note has at most ${noteBytesMax}`;
    return encodeValue({ unreadable: what });
  } catch (error) {
    return encodeValue({ unreadable: messageOf(error).toWellFormed() });
  }
}

function errorOf(error: unknown): EffectError {
  const code = codeOf(error);
  const message = messageOf(error).toWellFormed();
  return { name: "EffectError", message, ...(code === undefined ? {} : { code }) };
}
