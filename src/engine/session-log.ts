/**
 * The log of one session that the engine writes: outside events and what the program makes of them,
 * in the order in which the actor hands them in. Opened when the session needs it, closed when it
 * sleeps.
 */
import { assert, limits, type SessionId } from "../base/index.ts";
import type { MadeEvent } from "../driver/index.ts";
import type { EventKind } from "../event/index.ts";
import type { Appended, Directory, RootMark, SessionWriter } from "../session/index.ts";

/** An event to append; its payload is CBOR. */
export interface LoggedEvent {
  readonly kind: EventKind;
  readonly type: string;
  readonly time: number;
  readonly ref: number | null;
  readonly data: Uint8Array;
}

/** Above this an append is waited for, since it may go past the journal. */
const plainBytesMax = limits.blobJournalBytesMax / 2;

/** Appends to one session. */
export class SessionLog {
  readonly id: SessionId;
  readonly #directory: Directory;
  #writer: SessionWriter | undefined;
  #closing: Promise<void> | undefined;

  constructor(directory: Directory, id: SessionId, writer: SessionWriter | undefined) {
    this.#directory = directory;
    this.id = id;
    this.#writer = writer;
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
    return this.#writer;
  }

  /** Resolves when everything appended so far is durable and in its place. */
  async flush(): Promise<void> {
    await this.#writer?.flush();
  }

  /** Appends a small event at once. */
  append({ data, ...event }: LoggedEvent): Appended {
    assert(this.#writer, "a log is open while it is written");
    return this.#writer.append({ ...event, form: "cbor", bytes: data });
  }

  /** Appends an event of any size; others must wait until this resolves. */
  async appendAny(event: LoggedEvent): Promise<Appended> {
    if (event.data.length <= plainBytesMax) return this.append(event);
    assert(this.#writer, "a log is open while it is written");
    const { data, ...header } = event;
    return this.#writer.appendLarge({ ...header, form: "cbor", bytes: data });
  }

  /** Appends what a program made, in order; the first of them gets seq `first`. */
  async appendMade(made: readonly MadeEvent[], first: number): Promise<Appended[]> {
    const appended: Appended[] = [];
    const plain = made.every(({ data }) => data.length <= plainBytesMax);
    for (const [i, event] of made.entries()) {
      const logged = { ...event, ref: null };
      const one = plain ? this.append(logged) : await this.appendAny(logged);
      assert(one.seq === first + i, "an activation is appended without gaps");
      appended.push(one);
    }
    return appended;
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
