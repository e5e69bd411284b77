/**
 * The recorder for people who keep their own code, into a data directory that this process writes:
 * one writer, behind which large payloads keep the order of calls.
 */
import type { SessionId } from "../base/index.ts";
import {
  type EncodedEvent,
  EventRecorder,
  type EventSink,
  interruptedResult,
  isOwnRecording,
  type OpenCall,
  OpenCallSearch,
  resumedNote,
} from "../recording/index.ts";
import type { Appended, Directory, SessionWriter } from "../session/index.ts";

/** A session that is being recorded. */
export class Recording extends EventRecorder {
  readonly id: SessionId;
  /**
   * The effects that were under way when the process ended whose recording goes on here: whether
   * they did anything, only the other side knows. Empty for a new session.
   */
  readonly leftOpen: readonly OpenCall[];
  readonly #directory: Directory;
  readonly #writer: SessionWriter;
  readonly #queue: AppendQueue;

  constructor(directory: Directory, writer: SessionWriter, leftOpen: readonly OpenCall[] = []) {
    const queue = new AppendQueue(writer);
    super(queue);
    this.id = writer.id;
    this.leftOpen = leftOpen;
    this.#directory = directory;
    this.#writer = writer;
    this.#queue = queue;
  }

  /**
   * Goes on with a session: a note in its log says so, and calls that were left open get a result
   * with the code `INTERRUPTED`. Throws `NOT_FOUND`, `CONFLICT` while it is being written. A
   * session that was imported is only appended to.
   */
  static resume(directory: Directory, id: SessionId): Recording {
    const writer = directory.appendTo(id);
    if (!isOwnRecording(writer.manifest)) return new Recording(directory, writer);
    try {
      const leftOpen = openCalls(directory, id);
      writer.append(resumedNote());
      for (const call of leftOpen) writer.append(interruptedResult(call));
      return new Recording(directory, writer, leftOpen);
    } catch (error) {
      void directory.closeWriter(writer);
      throw error;
    }
  }

  /** Ends the recording: everything is durable and a checkpoint is signed. */
  async close(): Promise<void> {
    await this.answered();
    await this.#queue.idle();
    await this.#directory.closeWriter(this.#writer);
    await this.#directory.signCheckpoint(this.#writer);
  }
}

/** The calls of a session that have no result. */
function openCalls(directory: Directory, id: SessionId): OpenCall[] {
  const search = new OpenCallSearch();
  const reader = directory.session(id);
  try {
    for (const event of reader.events()) search.see(event);
    return search.found();
  } finally {
    reader.close();
  }
}

/** Appends one event behind the other, also where one of them is large. */
class AppendQueue implements EventSink {
  readonly #writer: SessionWriter;
  /** Appends of large payloads under way: what comes later waits, to keep the order of calls. */
  #last: Promise<unknown> | undefined;

  constructor(writer: SessionWriter) {
    this.#writer = writer;
  }

  async append(event: EncodedEvent): Promise<number> {
    const { seq, durable } = await this.#appended(event);
    await durable;
    return seq;
  }

  /** A data directory takes whatever can be encoded. */
  checkSize(): void {}

  /** Resolves when everything has its place. */
  async idle(): Promise<void> {
    await this.#last;
  }

  #appended(event: EncodedEvent): Promise<Appended> {
    const before = this.#last;
    const appending =
      before !== undefined
        ? before.then(() => this.#writer.appendLarge(event))
        : this.#writer.appendLarge(event);
    const settled: Promise<void> = appending.then(
      () => this.#leave(settled),
      () => this.#leave(settled),
    );
    this.#last = settled;
    return appending;
  }

  #leave(queued: Promise<unknown>): void {
    if (this.#last === queued) this.#last = undefined;
  }
}
