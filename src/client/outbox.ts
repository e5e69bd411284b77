/**
 * Events on their way to a recorded session of a server: in order, each exactly once, over
 * connections that break and a server that is started again. Those that come while a request is
 * under way go together with the next one. Where one cannot be sent nothing goes behind it.
 */
import {
  codeOf,
  concat,
  encodeValue,
  limits,
  messageOf,
  nextTurn,
  ReachError,
  type SessionId,
} from "../base/index.ts";
import { checkEventHeader } from "../event/index.ts";
import type { EncodedEvent, EventSink } from "../recording/index.ts";
import type { AppendedInfo } from "./answers.ts";
import { type Asking, type Requests, stranger } from "./requests.ts";

/** The producer of every recording: its epochs tell the processes that write one apart. */
export const recordingProducer = "recorder";

/** Which session is written, and as whom. */
export interface OutboxSession {
  readonly id: SessionId;
  /** Of a session that begins with the first events; `undefined` for one that is there. */
  readonly begins?: { readonly name: string } | undefined;
  readonly epoch: number;
  /** What the next append is numbered. */
  readonly sequence: number;
  /** Events that the session has. */
  readonly size: number;
  /** A request is tried for so long, in milliseconds. */
  readonly patienceMs: number;
}

interface Waiting {
  /** As it is sent. */
  readonly bytes: Uint8Array;
  /** The server may refuse it for itself: then it goes alone, and nothing else fails. */
  readonly isDoubtful: boolean;
  readonly resolve: (seq: number) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * What is joined into one request; a larger event goes alone, since proxies often take no more than
 * 1 MiB.
 */
const joinedBytesMax = 512 * 1024;
/** Of the largest request that a server takes, what is around the data of an event. */
const aroundBytesMax = 4096;
const dataBytesMax = limits.requestBytesMax - aroundBytesMax;
/** A server that says nothing for so long is asked again over another connection. */
const silenceMsMax = 30_000;
/** What may wait to be sent. */
const waitingBytesMax = limits.appendsWaitingBytesMax;

const MiB = 1024 * 1024;

/** The events of one session that are not on the server yet. */
export class Outbox implements EventSink {
  readonly #requests: Requests;
  readonly #session: OutboxSession;
  readonly #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #begins: OutboxSession["begins"];
  #sequence: number;
  /** Events that the session has, as far as this process knows. */
  #size: number;
  /** Events of the request that is under way. */
  #underWay = 0;
  #sending: Promise<void> | undefined;
  #failure: ReachError | undefined;
  #closed = false;

  constructor(requests: Requests, session: OutboxSession) {
    this.#requests = requests;
    this.#session = session;
    this.#begins = session.begins;
    this.#sequence = session.sequence;
    this.#size = session.size;
  }

  /**
   * Sends an event behind all those before; resolves with its seq when it is durable there. Throws
   * at once what refuses this event alone: `EVENT_INVALID`, `EVENT_TOO_LARGE`, and `OVERLOADED`
   * while 64 MiB wait. Everything else ends the recording, and every event behind it is refused
   * with the same error; behind the end it is `CLOSED`.
   */
  append(event: EncodedEvent): Promise<number> {
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.#closed) return Promise.reject(closed(this.#session.id));
    const { kind, type, time, ref, bytes } = event;
    const next = this.#size + this.#underWay + this.#waiting.length;
    // Others may have appended what it refers to: whether that is there the server has to say.
    const isDoubtful = ref !== null && ref >= next && Number.isSafeInteger(ref + 1);
    checkEventHeader({ seq: isDoubtful ? ref + 1 : next, kind, type, time, ref });
    this.checkSize(bytes);
    const encoded = encodedForSending(event);
    // No call stays without its result: there are as many of those as effects under way.
    if (kind !== "result") this.#checkRoom(encoded.length);
    this.#waitingBytes += encoded.length;
    const sent = new Promise<number>((resolve, reject) => {
      this.#waiting.push({ bytes: encoded, isDoubtful, resolve, reject });
    });
    this.#sending ??= this.#send();
    return sent;
  }

  /** Throws `EVENT_TOO_LARGE` for data that no request to a server can hold. */
  checkSize(bytes: Uint8Array): void {
    if (bytes.length <= dataBytesMax) return;
    const size = (bytes.length / MiB).toFixed(1);
    throw new ReachError("EVENT_TOO_LARGE", `an event of ${size} MiB cannot be sent to a server`, {
      where: this.#session.id,
      hint: `it takes ${limits.requestBytesMax / MiB} MiB at most: keep a part of it, or its name`,
    });
  }

  /** Resolves when everything is durable; nothing is taken any more. Throws why it cannot be. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#sending;
    if (this.#failure) throw this.#failure;
  }

  /** Whether the session is there: it begins with its first events. */
  get hasBegun(): boolean {
    return this.#begins === undefined;
  }

  #checkRoom(bytes: number): void {
    const waiting = this.#waitingBytes;
    if (waiting === 0 || waiting + bytes <= waitingBytesMax) return;
    throw new ReachError("OVERLOADED", `${Math.floor(waiting / MiB)} MiB wait to be sent`, {
      where: this.#session.id,
      hint: "wait for what was appended before more is: the server does not keep up",
    });
  }

  /** Sends until nothing waits. */
  async #send(): Promise<void> {
    // What is appended in the same turn goes together.
    await nextTurn();
    while (this.#waiting.length > 0) {
      const together = this.#take();
      try {
        const first = await this.#post(together);
        this.#sequence += 1;
        this.#size = first + together.length;
        this.#underWay = 0;
        for (const [i, { bytes, resolve }] of together.entries()) {
          this.#waitingBytes -= bytes.length;
          resolve(first + i);
        }
        await nextTurn();
      } catch (error) {
        if (isRefusal(together, error)) this.#refuse(together, error);
        else this.#fail(together, error);
      }
    }
    this.#sending = undefined;
  }

  /** The next events that go in one request. */
  #take(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const one of this.#waiting.slice(0, limits.appendEventsMax)) {
      bytes += one.bytes.length;
      if (count > 0 && (bytes > joinedBytesMax || one.isDoubtful)) break;
      count += 1;
      if (one.isDoubtful) break;
    }
    this.#underWay = count;
    return this.#waiting.splice(0, count);
  }

  /** Appends events in one request; returns the seq of the first. */
  async #post(together: readonly Waiting[]): Promise<number> {
    const { id, epoch, patienceMs } = this.#session;
    const headers = {
      "producer-id": recordingProducer,
      "producer-epoch": String(epoch),
      "producer-seq": String(this.#sequence),
    };
    const events = listOf(together.map(({ bytes }) => bytes));
    const silenceMs = Math.min(this.#requests.silenceMs, silenceMsMax);
    const asking = { method: "POST", headers, patienceMs, silenceMs } as const;
    if (this.#begins) {
      await this.#begin(this.#begins.name, events, asking);
      return 0;
    }
    const { firstSeq, count } = await this.#requests.json<AppendedInfo>(
      `/v1/sessions/${id}/events`,
      { ...asking, bytes: events },
      ({ count, size }) => typeof count === "number" && typeof size === "number",
    );
    // Of a duplicate it says what it is one of: these very events, or the numbers are used twice.
    if (firstSeq !== null && count === together.length) return firstSeq;
    throw new ReachError("CONFLICT", "somebody else has numbered an append like this one");
  }

  async #begin(name: string, events: Uint8Array, asking: Asking): Promise<void> {
    const { id } = this.#session;
    const around = encodeValue({ id, name, events: [] });
    const bytes = concat(around.subarray(0, -1), events);
    const answer = await this.#requests.json<{ id: SessionId }>(
      "/v1/sessions",
      { ...asking, bytes },
      (answer) => typeof answer.id === "string",
    );
    if (answer.id !== id) throw stranger(this.#requests.url, `has begun session ${answer.id}`);
    this.#begins = undefined;
  }

  /** The server has not taken one event, for what is wrong with that one. */
  #refuse(together: readonly Waiting[], error: unknown): void {
    this.#underWay = 0;
    for (const { bytes, reject } of together) {
      this.#waitingBytes -= bytes.length;
      reject(error);
    }
  }

  /** Nothing is sent any more; whoever waits hears why. */
  #fail(together: readonly Waiting[], cause: unknown): void {
    const failure = failureOf(this.#session.id, this.#size, cause);
    this.#failure = failure;
    for (const { reject } of [...together, ...this.#waiting]) reject(failure);
    this.#waiting.length = 0;
    this.#waitingBytes = 0;
  }
}

/** Whether it is the event that is wrong, and not the recording. */
function isRefusal([only]: readonly Waiting[], error: unknown): boolean {
  return only?.isDoubtful === true && codeOf(error) === "EVENT_INVALID";
}

/** An event as a body has it, without decoding its data, which is the last of its members. */
function encodedForSending({ kind, type, time, ref, bytes }: EncodedEvent): Uint8Array {
  const around = encodeValue({ kind, type, time, ref, data: null });
  return concat(around.subarray(0, -1), bytes);
}

/** A CBOR array of encoded values (RFC 8949, 3.1). */
function listOf(items: readonly Uint8Array[]): Uint8Array {
  const { length } = items;
  const head =
    length < 24
      ? [0x80 | length]
      : length < 256
        ? [0x98, length]
        : [0x99, length >>> 8, length & 255];
  return concat(Uint8Array.from(head), ...items);
}

function closed(id: SessionId): ReachError {
  return new ReachError("CLOSED", `the recording of session ${id} is closed`, { where: id });
}

/** Why a recording has ended: what the event at `seq` met is what everything behind it is told. */
function failureOf(id: SessionId, seq: number, cause: unknown): ReachError {
  // What is foreign was thrown by whoever gives the token.
  const code = codeOf(cause) ?? "UNAVAILABLE";
  const message = messageOf(cause);
  const { hint } = (cause ?? {}) as { readonly hint?: string };
  const where = `${id}@${seq}`;
  if (code === "FENCED") {
    return new ReachError(code, `session ${id} is written elsewhere now: ${message}`, {
      where,
      cause,
      hint: "nothing is recorded here from now on; `resume` takes the session back",
    });
  }
  const what = `event ${seq} of session ${id} could not be recorded, and nothing behind it is`;
  return new ReachError(code, `${what}: ${message}`, {
    where,
    cause,
    ...(hint === undefined ? {} : { hint }),
  });
}
