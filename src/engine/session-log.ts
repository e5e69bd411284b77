/**
 * The log of one session that the engine writes: outside events and what the program makes of them,
 * in the order in which the actor hands them in. Opened when the session needs it, closed when it
 * sleeps. When the disk does not take an event, nothing that stands on it is appended: until the
 * session has been read again (`settle`), the log takes nothing.
 */
import { assert, limits, ReachError, type SessionId } from "../base/index.ts";
import type { MadeEvent } from "../driver/index.ts";
import type { EventKind } from "../event/index.ts";
import type { Appended, Directory, NewEvent, RootMark, SessionWriter } from "../session/index.ts";

/** An event to append; its payload is CBOR. */
export interface LoggedEvent {
  readonly kind: EventKind;
  readonly type: string;
  readonly time: number;
  readonly ref: number | null;
  readonly data: Uint8Array;
}

/** What is noted in an event: a note has no data but these. */
export type Note = Omit<LoggedEvent, "kind">;

/** Above this an append is waited for, since it may go past the journal. */
const plainBytesMax = limits.blobJournalBytesMax / 2;

/** Appends to one session. */
export class SessionLog {
  readonly id: SessionId;
  readonly #directory: Directory;
  #writer: SessionWriter | undefined;
  #closing: Promise<void> | undefined;
  /** Seq of the next event, if none was lost. */
  #expected: number;
  /** Counts readings of the log: what stands on an earlier one is not appended any more. */
  #reading = 0;
  /** Of the last batch. */
  #durable: Promise<void> | undefined;
  /** Told of every batch that is not in the log after all, of those appended from now on. */
  onLost: ((error: unknown) => void) | undefined;

  constructor(directory: Directory, id: SessionId, writer: SessionWriter | undefined) {
    this.#directory = directory;
    this.id = id;
    this.#writer = writer;
    this.#expected = writer?.nextSeq ?? 0;
  }

  /** Seq that the next event gets; 0 while the log is closed. */
  get nextSeq(): number {
    return this.#writer?.nextSeq ?? 0;
  }

  /** Opens it, and resolves when everything appended so far is durable and in its place. */
  async settle(): Promise<SessionWriter> {
    await this.#closing;
    this.#writer ??= this.#directory.appendTo(this.id);
    await this.#writer.flush();
    this.#expected = this.#writer.nextSeq;
    this.#reading += 1;
    return this.#writer;
  }

  /** Resolves when everything appended so far is durable and in its place. */
  async flush(): Promise<void> {
    await this.#writer?.flush();
  }

  /** Appends a small event at once. */
  append(event: LoggedEvent): Appended {
    const appended = this.#whole().append(newEvent(event));
    this.#expected += 1;
    this.#watch(appended);
    return appended;
  }

  /** Appends an event of any size; others must wait until this resolves. */
  async appendAny(event: LoggedEvent): Promise<Appended> {
    if (event.data.length <= plainBytesMax) return this.append(event);
    return (await this.#appendLarge([event]))[0] as Appended;
  }

  /**
   * Appends an event of any size and a note directly before it, durable both or neither; others
   * must wait until this resolves.
   */
  async appendNoted(note: LoggedEvent, event: LoggedEvent): Promise<Appended> {
    const reading = this.#reading;
    const { seq, durable } = await this.#whole().appendTogether([note, event].map(newEvent), {
      check: () => this.#checkReading(reading),
      added: (appended) => {
        this.#expected += 2;
        this.#watch(appended);
      },
    });
    return { seq: seq + 1, durable };
  }

  /**
   * Appends what a program made, in order, with what it logged behind it, or in front of an `end`;
   * the first of all gets seq `first`. Nothing is appended before all large payloads are stored,
   * and nothing at all when something was lost meanwhile.
   */
  async appendMade(
    made: readonly MadeEvent[],
    first: number,
    notes: readonly Note[] = [],
  ): Promise<Appended[]> {
    const isNext = made.length === 0 || first === this.#expected;
    assert(isNext, "an activation is appended without gaps");
    const events: LoggedEvent[] = made.map((event) => ({ ...event, ref: null }));
    const noted = notes.map((note) => ({ kind: "note" as const, ...note }));
    if (made.at(-1)?.kind === "end") events.splice(-1, 0, ...noted);
    else events.push(...noted);
    const plain = events.every(({ data }) => data.length <= plainBytesMax);
    return plain ? events.map((event) => this.append(event)) : this.#appendLarge(events);
  }

  async #appendLarge(events: readonly LoggedEvent[]): Promise<Appended[]> {
    const reading = this.#reading;
    const appended = await this.#whole().appendInRow(events.map(newEvent), () => {
      this.#checkReading(reading);
    });
    this.#expected += appended.length;
    for (const one of appended) this.#watch(one);
    return appended;
  }

  /** Throws unless what was read still stands, and nothing is lost since. */
  #checkReading(reading: number): void {
    if (this.#reading !== reading) throw this.#lost();
    this.#whole();
  }

  #watch({ durable }: Appended): void {
    const { onLost } = this;
    // Events of one batch have one promise.
    if (durable === this.#durable || !onLost) return;
    this.#durable = durable;
    durable.catch(onLost);
  }

  /** The writer, unless an event was lost that the next one stands on. */
  #whole(): SessionWriter {
    assert(this.#writer, "a log is open while it is written");
    if (this.#writer.nextSeq !== this.#expected) throw this.#lost();
    return this.#writer;
  }

  #lost(): ReachError {
    const message = `the log of session ${this.id} did not take an event before this one`;
    return new ReachError("IO_FAILED", message, { where: this.id });
  }

  /** The root over the first `size` events, filled in when they are committed. */
  markRoot(size: number): RootMark {
    assert(this.#writer, "a log is open while it is written");
    return this.#writer.tail.markRoot(size);
  }

  /** Signs what is durable. */
  async sign(): Promise<void> {
    if (this.#writer) await this.#directory.signCheckpoint(this.#writer);
  }

  /** Closes it; the next `settle` opens it again. */
  close(): Promise<void> {
    const writer = this.#writer;
    if (!writer) return this.#closing ?? Promise.resolve();
    this.#writer = undefined;
    this.#closing = this.#directory.closeWriter(writer);
    return this.#closing;
  }
}

function newEvent({ data, ...event }: LoggedEvent): NewEvent {
  return { ...event, form: "cbor", bytes: data };
}
