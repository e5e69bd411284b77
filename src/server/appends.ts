/**
 * Appends to recorded sessions over HTTP: one writer per session, opened when it is needed and
 * closed, with a signed checkpoint, when nobody has appended for a while. Exactly once for whoever
 * numbers its appends.
 */
import { codeOf, limits, type SessionId } from "../base/index.ts";
import { isOwnRecording } from "../recording/index.ts";
import {
  type Appended,
  type Directory,
  type NewEvent,
  type NewSession,
  Producers,
  type ProducerVerdict,
  producerNumber,
  type SessionWriter,
} from "../session/index.ts";
import { HttpError } from "./problem.ts";
import type { ReaderPool } from "./reader-pool.ts";

/** Who appends, for exactly-once appends: the n-th of an epoch has sequence n, from 0. */
export interface AppendProducer {
  readonly name: string;
  readonly epoch: number;
  readonly sequence: number;
}

/** Conditions of an append. */
export interface AppendOptions {
  readonly expectedSeq?: number | undefined;
  readonly producer?: AppendProducer | undefined;
  /** Asked right before anything is appended; what it throws is thrown. */
  readonly check?: (writer: SessionWriter) => void;
  /** Told where the events went, before anybody else can append, and before they are durable. */
  readonly added?: (appended: Appended) => void;
}

/** An append whose producer numbers it out of order, or has been replaced by another instance. */
export class ProducerRefused extends HttpError {
  readonly verdict: ProducerVerdict;

  constructor(
    code: "FENCED" | "CONFLICT",
    message: string,
    details: { readonly where: string; readonly hint: string; readonly verdict: ProducerVerdict },
  ) {
    super(code, message, { ...details, status: 409 });
    this.verdict = details.verdict;
  }
}

/** Where an append went. */
export interface AppendAnswer {
  /** `null` for a duplicate of an append that was not the producer's last. */
  readonly firstSeq: number | null;
  readonly count: number;
  /** Events of the session that are durable. */
  readonly size: number;
  /** It had been appended before; nothing was appended now. */
  readonly duplicate: boolean;
}

interface OpenWriter {
  readonly writer: SessionWriter;
  producers: Promise<Producers> | undefined;
  users: number;
  idleSince: number;
  closing: Promise<void> | undefined;
}

const MiB = 1024 * 1024;
/** Writers that are open at a time; the ones idle for longest are closed first. */
const writersMax = 1024;

/** The writers of the recorded sessions of one workspace. */
export class Appends {
  readonly #directory: Directory;
  readonly #readers: ReaderPool;
  readonly #idleMs: number;
  readonly #open = new Map<SessionId, OpenWriter>();
  readonly #sweep: ReturnType<typeof setInterval>;
  readonly #onCommit: (seconds: number) => void;
  /** Of events that are not durable yet. */
  #waitingBytes = 0;
  #closed = false;

  /** `onCommit` is told how long each append took to become durable, in seconds. */
  constructor(
    directory: Directory,
    readers: ReaderPool,
    idleMs: number,
    onCommit: (seconds: number) => void,
  ) {
    this.#onCommit = onCommit;
    this.#directory = directory;
    this.#readers = readers;
    this.#idleMs = idleMs;
    this.#sweep = setInterval(() => this.#closeIdle(), Math.max(idleMs / 4, 10));
    this.#sweep.unref();
  }

  /**
   * Appends events in a row, all or none; resolves when they are durable. Throws `NOT_FOUND`,
   * `GONE`, `CONFLICT` when the next seq is not the expected one or the producer left numbers out,
   * `FENCED` for a producer with a newer epoch, `QUARANTINED`, `OVERLOADED` while too much waits
   * for the disk, and what an event can be refused for.
   */
  append(
    id: SessionId,
    events: readonly NewEvent[],
    options: AppendOptions = {},
  ): Promise<AppendAnswer> {
    return this.#admitted(events, async () => {
      const open = await this.#writerOf(id);
      return this.#using(open, () => this.#append(open, events, options));
    });
  }

  /**
   * Begins a recorded session with its first events. Throws `ALREADY_EXISTS` for an id in use, and
   * as `append`.
   */
  create(
    session: NewSession,
    events: readonly NewEvent[],
    options: AppendOptions = {},
  ): Promise<AppendAnswer & { readonly id: SessionId }> {
    return this.#admitted(events, () => this.#create(session, events, options));
  }

  /** A disk that does not keep up must not fill the memory with what waits for it. */
  async #admitted<Result>(
    events: readonly NewEvent[],
    work: () => Promise<Result>,
  ): Promise<Result> {
    const bytes = events.reduce((sum, event) => sum + event.bytes.length, 0);
    const waiting = this.#waitingBytes;
    if (waiting > 0 && waiting + bytes > limits.appendsWaitingBytesMax) {
      throw new HttpError("OVERLOADED", `${Math.ceil(waiting / MiB)} MiB wait for the disk`, {
        retryAfterSeconds: 1,
      });
    }
    this.#waitingBytes += bytes;
    try {
      return await work();
    } finally {
      this.#waitingBytes -= bytes;
    }
  }

  async #create(
    session: NewSession,
    events: readonly NewEvent[],
    options: AppendOptions = {},
  ): Promise<AppendAnswer & { readonly id: SessionId }> {
    this.#checkOpen();
    const writer = this.#directory.createSession(session);
    const open: OpenWriter = {
      writer,
      producers: Promise.resolve(new Producers()),
      users: 0,
      idleSince: Date.now(),
      closing: undefined,
    };
    this.#open.set(writer.id, open);
    try {
      const answer = await this.#using(open, () => this.#append(open, events, options));
      return { ...answer, id: writer.id };
    } catch (error) {
      // It does not exist before its first event is durable: the id is free again.
      if (writer.tail.size === 0) await this.#close(writer.id, open);
      throw error;
    }
  }

  /**
   * Begins a recorded session under an id that the producer chose, exactly once: the same request
   * again appends nothing. Throws `ALREADY_EXISTS` for a session that somebody else began, and as
   * `append`.
   */
  begin(
    session: NewSession & { readonly id: SessionId },
    events: readonly NewEvent[],
    producer: AppendProducer,
  ): Promise<AppendAnswer> {
    return this.#admitted(events, async () => {
      try {
        return await this.#create(session, events, { producer });
      } catch (error) {
        if (codeOf(error) !== "ALREADY_EXISTS") throw error;
        return this.#begun(session.id, events, producer, error);
      }
    });
  }

  /** Of a session that is there already: whether it was begun by this very request. */
  async #begun(
    id: SessionId,
    events: readonly NewEvent[],
    producer: AppendProducer,
    exists: unknown,
  ): Promise<AppendAnswer> {
    try {
      const manifest =
        this.#open.get(id)?.writer.manifest ??
        (await this.#readers.with(id, (reader) => reader.manifest));
      if (!isOwnRecording(manifest)) throw exists;
      const open = await this.#writerOf(id);
      // The next event is never the first: this only tells a duplicate.
      const options = { producer, expectedSeq: 0 };
      return await this.#using(open, () => this.#append(open, events, options));
    } catch (error) {
      if (codeOf(error) === "CONFLICT") throw exists;
      // The first try has failed meanwhile, and the id is free again.
      if (codeOf(error) === "NOT_FOUND") throw beginning(id);
      throw error;
    }
  }

  /** What producer `name` has appended last, as far as it is durable. */
  async producer(id: SessionId, name: string): Promise<{ epoch: number; sequence: number } | null> {
    const open = await this.#writerOf(id);
    return this.#using(open, async () => {
      const state = (await this.#producers(open)).state(producerNumber(name));
      if (!state) return null;
      await state.durable;
      return { epoch: state.epoch, sequence: state.sequence };
    });
  }

  /** Closes the writer of a session, so that somebody else may write it. Signs what it has. */
  async release(id: SessionId): Promise<void> {
    const open = this.#open.get(id);
    if (open) await this.#close(id, open);
  }

  /** Flushes and closes everything; nothing is appended any more. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#sweep);
    await Promise.all([...this.#open].map(([id, open]) => this.#close(id, open)));
  }

  async #append(
    open: OpenWriter,
    events: readonly NewEvent[],
    { expectedSeq, producer: named, check, added }: AppendOptions,
  ): Promise<AppendAnswer> {
    const { writer } = open;
    if (events.length > limits.appendEventsMax) {
      throw new HttpError("REQUEST_TOO_LARGE", `an append has ${events.length} events`, {
        hint: `at most ${limits.appendEventsMax} at a time`,
      });
    }
    const table = named ? this.#producers(open) : undefined;
    const producers = table && (await table);
    const producer = named && { ...named, id: producerNumber(named.name) };
    const verdict = producer && producers?.judge(producer);
    if (producer && verdict?.verdict === "duplicate") {
      const { last } = verdict;
      await (last?.durable ?? producers?.state(producer.id)?.durable);
      const count = last?.count ?? 0;
      return { firstSeq: last?.firstSeq ?? null, count, size: writer.tail.size, duplicate: true };
    }
    const started = performance.now();
    const count = events.length;
    const together = {
      expectedSeq,
      producer,
      check: () => {
        check?.(writer);
        if (!producer || !producers) return;
        // While a payload was stored an append that the table has may have been lost ...
        if (open.producers !== table) throw outlived(producer.name, writer.id);
        // ... or another one of this producer may have come first.
        refuse(producers, producer, writer.id);
      },
      // At once: the same append may be there again before anything else of this one goes on.
      added: (appended: Appended) => {
        const { seq: firstSeq, durable } = appended;
        if (producer) producers?.note(producer, { firstSeq, count, durable });
        added?.(appended);
      },
    };
    const { seq: firstSeq, durable } = await writer.appendTogether(events, together);
    try {
      await durable;
      this.#onCommit((performance.now() - started) / 1000);
    } catch (error) {
      // What is in the log decides from now on; of the same failure others may have said so before.
      if (open.producers === table) open.producers = undefined;
      throw error;
    }
    return { firstSeq, count, size: writer.tail.size, duplicate: false };
  }

  #producers(open: OpenWriter): Promise<Producers> {
    open.producers ??= this.#findProducers(open);
    return open.producers;
  }

  async #findProducers(open: OpenWriter): Promise<Producers> {
    if (open.writer.tail.size === 0) return new Producers();
    try {
      return await this.#readers.with(open.writer.id, (reader) => Producers.of(reader));
    } catch (error) {
      open.producers = undefined;
      throw error;
    }
  }

  async #writerOf(id: SessionId): Promise<OpenWriter> {
    for (;;) {
      this.#checkOpen();
      const open = this.#open.get(id);
      if (open === undefined) break;
      if (open.closing === undefined) return open;
      await open.closing;
    }
    const writer = this.#directory.appendTo(id);
    const opened: OpenWriter = {
      writer,
      producers: undefined,
      users: 0,
      idleSince: Date.now(),
      closing: undefined,
    };
    this.#open.set(id, opened);
    return opened;
  }

  async #using<Result>(open: OpenWriter, work: () => Promise<Result>): Promise<Result> {
    open.users += 1;
    try {
      return await work();
    } finally {
      open.users -= 1;
      open.idleSince = Date.now();
    }
  }

  #checkOpen(): void {
    if (this.#closed) throw new HttpError("UNAVAILABLE", "the server is stopping");
  }

  #closeIdle(): void {
    const now = Date.now();
    let tooMany = this.#open.size - writersMax;
    for (const [id, open] of this.#open) {
      if (open.users > 0 || open.closing) continue;
      if (now - open.idleSince < this.#idleMs && tooMany <= 0) continue;
      tooMany -= 1;
      this.#close(id, open).catch(() => {}); // the next append meets the trouble itself
    }
  }

  #close(id: SessionId, open: OpenWriter): Promise<void> {
    open.closing ??= this.#end(open).finally(() => {
      if (this.#open.get(id) === open) this.#open.delete(id);
    });
    return open.closing;
  }

  async #end({ writer }: OpenWriter): Promise<void> {
    await this.#directory.closeWriter(writer);
    if (writer.tail.size === 0) return;
    try {
      await this.#directory.signCheckpoint(writer);
    } catch (error) {
      // A directory that closes signs by itself; on a full disk the next one who appends does.
      if (codeOf(error) === undefined) throw error;
    }
  }
}

function outlived(name: string, id: SessionId): HttpError {
  const message = `an append that producer ${name} has numbered before this one was lost`;
  return new HttpError("UNAVAILABLE", message, {
    where: id,
    hint: "send that one again, then this one",
  });
}

function beginning(id: SessionId): HttpError {
  return new HttpError("UNAVAILABLE", `session ${id} could not be begun`, {
    where: id,
    retryAfterSeconds: 1,
  });
}

function refuse(
  producers: Producers,
  producer: { id: number; name: string; epoch: number; sequence: number },
  id: SessionId,
): void {
  const verdict = producers.judge(producer);
  if (verdict.verdict === "append") return;
  const { name, epoch, sequence } = producer;
  if (verdict.verdict === "stale") {
    const message = `producer ${name} has gone on with epoch ${verdict.epoch}`;
    const hint = `this one has epoch ${epoch}: another instance has taken over`;
    throw new ProducerRefused("FENCED", message, { where: id, hint, verdict });
  }
  const expected = verdict.verdict === "gap" ? verdict.expected : sequence + 1;
  const message = `append ${sequence} of producer ${name} is out of order`;
  const hint = `the next one of epoch ${epoch} is ${expected}`;
  throw new ProducerRefused("CONFLICT", message, { where: id, hint, verdict });
}
