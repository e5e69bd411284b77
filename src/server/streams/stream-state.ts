/**
 * What is known of a stream, out of its events alone: read once when somebody asks for the stream,
 * afterwards kept by what is appended.
 */
import { decodeValue, type SessionId } from "../../base/index.ts";
import type { EventView } from "../../event/index.ts";
import type { NewEvent, SessionReader } from "../../session/index.ts";
import { type ClosingProducer, messageType, type StreamConfig } from "./stream-note.ts";

/** Other work gets its turn after so many events. */
const turnEvents = 4096;

/** The part of an event that the state depends on. */
interface StateEvent {
  readonly seq: number;
  readonly time: number;
  readonly kind: string;
  readonly type: string;
  data(): unknown;
}

/** The state of one stream. */
export class StreamState {
  /** `undefined` for a session that is no stream. */
  config: StreamConfig | undefined;
  /** Events that have been looked at. */
  size = 0;
  /** The place behind the last message. */
  tail = 0;
  /** Whether all that belongs to its creation is there: of a fork it may be missing. */
  complete = false;
  closed: { readonly producer: ClosingProducer | null } | undefined;
  /** The greatest Stream-Seq. */
  sequence: string | undefined;
  deleted = false;
  /** Time of the last event, milliseconds since the epoch. */
  time = 0;
  /** Sessions of its forks, also of those that never came to be. */
  readonly forks = new Set<SessionId>();
  #reading: Promise<void> | undefined;

  get json(): boolean {
    return this.config !== undefined && mediaTypeOf(this.config.contentType) === "application/json";
  }

  /** Looks at what is durable and has not been looked at. */
  async read(reader: SessionReader): Promise<void> {
    // One at a time, each as far as its reader sees.
    while (this.#reading !== undefined) await this.#reading;
    if (reader.reliableSize <= this.size) return;
    this.#reading = this.#read(reader).finally(() => {
      this.#reading = undefined;
    });
    await this.#reading;
  }

  async #read(reader: SessionReader): Promise<void> {
    let looked = 0;
    for (const event of reader.events(this.size, reader.reliableSize)) {
      this.#take(stateEvent(event));
      looked += 1;
      if (looked % turnEvents === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Takes over events that have become durable, if everything before them has been looked at. */
  appended(firstSeq: number, events: readonly NewEvent[]): void {
    if (firstSeq !== this.size || this.#reading !== undefined) return;
    for (const [i, { time, kind, type, bytes }] of events.entries()) {
      this.#take({ seq: firstSeq + i, time, kind, type, data: () => decodeValue(bytes) });
    }
  }

  #take(event: StateEvent): void {
    this.size = event.seq + 1;
    this.time = event.time;
    if (event.kind === "emit" && event.type === messageType) this.tail = event.seq + 1;
    else if (event.kind === "note") this.#note(event);
  }

  #note({ seq, type, data }: StateEvent): void {
    if (seq === 0) {
      if (type === "stream/opened") this.#open(data() as StreamConfig);
      return;
    }
    // What a fork shares with its source are the messages.
    if (seq < (this.config?.origin?.at ?? 0)) return;
    if (type === "stream/forked") this.complete = true;
    else if (type === "stream/closed") this.closed = data() as { producer: ClosingProducer | null };
    else if (type === "stream/sequence") this.sequence = data() as string;
    else if (type === "stream/deleted") this.deleted = true;
    else if (type === "stream/forking") this.forks.add((data() as { fork: SessionId }).fork);
  }

  #open(config: StreamConfig): void {
    this.config = config;
    this.complete = config.origin === null;
    this.tail = config.origin?.at ?? 0;
  }
}

function stateEvent(event: EventView): StateEvent {
  const { seq, time, kind, type } = event;
  return { seq, time, kind, type, data: () => event.data };
}

/** A content type without its parameters, in lower case: what is compared. */
export function mediaTypeOf(contentType: string): string {
  return (contentType.split(";")[0] ?? "").trim().toLowerCase();
}
