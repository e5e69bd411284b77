/**
 * The streams of one workspace: sessions whose events are the messages of a Durable Stream. All
 * that is answered is in the log, so it holds after a crash as before: producers, closing,
 * deletion, forks. docs/STREAMS.md says how the protocol is mapped.
 */
import { codeOf, messageOf, type SessionId } from "../../base/index.ts";
import {
  type Appended,
  type Directory,
  type NewEvent,
  producerNumber,
  removeUnwritten,
  type SessionReader,
} from "../../session/index.ts";
import { type Appends, ProducerRefused } from "../appends.ts";
import type { Catalogue } from "../catalogue.ts";
import { HttpError } from "../problem.ts";
import type { ReaderPool } from "../reader-pool.ts";
import type { TailHub } from "../tails/tail-hub.ts";
import { StreamForks } from "./stream-forks.ts";
import { messagesOf } from "./stream-messages.ts";
import { type StreamConfig, streamFormat, streamNote } from "./stream-note.ts";
import { readPiece, type StreamPiece } from "./stream-reading.ts";
import type { NewStream, Standing, StreamAppend, StreamAppended } from "./stream-requests.ts";
import { mediaTypeOf } from "./stream-state.ts";
import { type Stream, StreamStore } from "./stream-store.ts";

/** What streams stand on. */
export interface StreamsContext {
  readonly directory: Directory;
  readonly readers: ReaderPool;
  readonly appends: Appends;
  readonly catalogue: Catalogue;
  readonly tails: TailHub;
  readonly clock: () => number;
  /** Told of trouble that was survived, for logs. */
  readonly onTrouble: (trouble: string) => void;
}

/** How often streams that nobody asks for are looked at, whether their time has come. */
const sweepMs = 15_000;
const defaultType = "application/octet-stream";

/** Thrown by a check that must wait for what is under way. */
const again = Symbol("again");

/** The streams of a workspace. */
export class Streams {
  readonly #context: StreamsContext;
  readonly #store: StreamStore;
  readonly #forks: StreamForks;
  /** Creations and deletions of one name come one after the other. */
  readonly #turns = new Map<string, Promise<unknown>>();
  readonly #sweep: ReturnType<typeof setInterval>;

  constructor(context: StreamsContext) {
    this.#context = context;
    this.#store = new StreamStore(context.directory, context.readers, context.clock);
    this.#forks = new StreamForks(context, this.#store);
    this.#sweep = setInterval(() => {
      this.#expireUnused().catch((error: unknown) => {
        context.onTrouble(`streams were not looked at for expiry: ${messageOf(error)}`);
      });
    }, sweepMs);
    this.#sweep.unref();
  }

  /** Begins nothing any more by itself. */
  stop(): void {
    clearInterval(this.#sweep);
  }

  /**
   * Creates a stream, or finds the one that is as asked for. Throws `ALREADY_EXISTS` for another
   * one, `NOT_FOUND`, `CONFLICT`, `REQUEST_INVALID` for a fork that cannot be.
   */
  create(name: string, request: NewStream): Promise<{ stream: Stream; created: boolean }> {
    return this.#inTurn(name, async () => {
      const standing = await this.#standing(name);
      if (standing.is === "kept") {
        throw new HttpError("ALREADY_EXISTS", "the stream was deleted and has forks", {
          hint: "its name is free when they are deleted too",
        });
      }
      if (standing.is === "nothing") {
        return { stream: await this.#begin(name, request), created: true };
      }
      checkSame(standing.stream, request);
      return { stream: standing.stream, created: false };
    });
  }

  /** The stream of a name. Throws `NOT_FOUND`, and `GONE` for one that only its forks keep. */
  async find(name: string): Promise<Stream> {
    const standing = await this.#standing(name);
    if (standing.is === "stream") return standing.stream;
    if (standing.is === "nothing") throw new HttpError("NOT_FOUND", "there is no such stream");
    throw new HttpError("GONE", "the stream has been deleted", {
      hint: "what its forks have of it can be read from them",
    });
  }

  /** Somebody reads or writes: the time without anybody begins anew. */
  touch(stream: Stream): void {
    stream.usedAt = this.#context.clock();
  }

  /** Somebody follows it until the function is called that this returns: it stays so long. */
  follow(stream: Stream): () => void {
    this.touch(stream);
    const leave = this.#store.follow(stream);
    return () => {
      leave();
      this.touch(stream);
    };
  }

  /** The messages from `from` on, and whether there will be more. */
  async read(stream: Stream, from: number): Promise<StreamPiece> {
    return this.#context.readers.with(stream.id, async (reader: SessionReader) => {
      await stream.state.read(reader);
      return readPiece(reader, stream.state, from);
    });
  }

  /**
   * Appends; resolves when it is durable. Throws `NOT_FOUND`, `GONE`, `REQUEST_INVALID`, `CONFLICT`
   * and `ProducerRefused`; `StreamClosed` when there will be no more.
   */
  async append(name: string, request: StreamAppend): Promise<StreamAppended> {
    for (;;) {
      const stream = await this.find(name);
      if (stream.closing !== undefined) {
        // Nobody is told that a stream is closed before that is durable.
        await stream.closing;
        continue;
      }
      const { state } = stream;
      if (state.closed) return appendToClosed(stream, request);
      if (request.body.length > 0) checkType(stream, request.contentType);
      try {
        return await this.#append(stream, request);
      } catch (error) {
        if (error !== again) throw error;
      }
    }
  }

  async #append(stream: Stream, request: StreamAppend): Promise<StreamAppended> {
    const { appends, clock } = this.#context;
    const { producer, close, sequence } = request;
    const { state } = stream;
    const now = clock();
    const messages = messagesOf(request.body, state.json, now);
    if (messages.length === 0 && !close) {
      throw new HttpError("REQUEST_INVALID", "an append of no messages");
    }
    const events: NewEvent[] = [...messages];
    if (sequence !== undefined) events.push(streamNote("stream/sequence", sequence, now));
    if (close) events.push(streamNote("stream/closed", { producer: closingOf(request) }, now));
    try {
      const answer = await appends.append(stream.id, events, {
        producer,
        check: () => checkOpen(stream, sequence),
        added: ({ durable }) => {
          stream.sequence = sequence ?? stream.sequence;
          if (close) hold(stream, durable);
        },
      });
      if (answer.duplicate) {
        await this.#store.refresh(stream);
        const known = producer && (await appends.producer(stream.id, producer.name));
        const { tail, closed } = state;
        return {
          next: tail,
          closed: closed !== undefined,
          duplicate: true,
          sequence: known?.sequence,
        };
      }
      const firstSeq = answer.firstSeq ?? 0;
      state.appended(firstSeq, events);
      this.touch(stream);
      const next = messages.length === 0 ? state.tail : firstSeq + messages.length;
      return { next, closed: close, duplicate: false, sequence: producer?.sequence };
    } catch (error) {
      // What was on its way may not have arrived: the log decides.
      if (error !== again && !(error instanceof HttpError || error instanceof ProducerRefused)) {
        stream.sequence = undefined;
      }
      throw error;
    }
  }

  /** Deletes a stream. Throws `NOT_FOUND`, `GONE` for one that only its forks keep. */
  delete(name: string): Promise<void> {
    return this.#inTurn(name, async () => {
      await this.#end(await this.find(name), "deleted");
    });
  }

  async #begin(name: string, request: NewStream): Promise<Stream> {
    const id = this.#store.newId(name);
    if (request.fork) {
      const source = await this.#source(request.fork.name);
      return this.#forks.begin({ id, name, request, fork: request.fork, source });
    }
    const { appends, clock } = this.#context;
    const { contentType = defaultType, ttl, expiresAt, closed, body } = request;
    const now = clock();
    const config: StreamConfig = {
      name,
      contentType,
      ttl,
      expiresAt,
      asked: { ttl, expiresAt },
      origin: null,
    };
    const json = mediaTypeOf(contentType) === "application/json";
    const events = [streamNote("stream/opened", config, now), ...messagesOf(body, json, now)];
    if (closed) events.push(streamNote("stream/closed", { producer: null }, now));
    await appends.create({ id, name, format: streamFormat }, events);
    return this.#begun(id);
  }

  async #begun(id: SessionId): Promise<Stream> {
    const stream = await this.#store.of(id);
    if (stream) return stream;
    throw new HttpError("BUG", "a stream that was created is not there");
  }

  /** The stream that a fork is to leave. */
  async #source(name: string): Promise<Stream> {
    const standing = await this.#standing(name);
    if (standing.is === "stream") return standing.stream;
    if (standing.is === "nothing") throw new HttpError("NOT_FOUND", "there is no such source");
    throw new HttpError("CONFLICT", "the source has been deleted");
  }

  async #standing(name: string): Promise<Standing> {
    const stream = await this.#store.named(name);
    if (!stream) return { is: "nothing" };
    if (!stream.state.deleted && stream.expires <= this.#context.clock()) {
      await this.#end(stream, "expired");
    }
    if (!stream.state.deleted) return { is: "stream", stream };
    return (await this.#forks.anyOf(stream)) ? { is: "kept", stream } : { is: "nothing" };
  }

  /** Notes that a stream is deleted, and removes what nothing needs any more. */
  async #end(stream: Stream, why: "deleted" | "expired"): Promise<void> {
    const { appends, clock } = this.#context;
    const check = (): void => {
      if (stream.closing !== undefined) throw again;
    };
    const added = ({ durable }: Appended): void => hold(stream, durable);
    while (!stream.state.deleted) {
      await stream.closing;
      const note = streamNote("stream/deleted", { why }, clock());
      try {
        await appends.append(stream.id, [note], { check, added });
      } catch (error) {
        if (codeOf(error) === "GONE") break;
        if (error !== again) throw error;
      }
      await this.#store.refresh(stream);
    }
    await this.#clear(stream);
  }

  /** Removes a deleted stream that no fork needs, and then the source that only it has kept. */
  async #clear(stream: Stream): Promise<void> {
    const { directory, appends, readers, catalogue, tails } = this.#context;
    if (!stream.state.deleted || (await this.#forks.anyOf(stream))) return;
    try {
      await appends.release(stream.id);
      readers.forget(stream.id);
      await removeUnwritten(directory, stream.id);
    } catch (error) {
      // It is deleted whatever happens to its files; `reach rm` and `reach gc` remove them.
      if (codeOf(error) === undefined) throw error;
    }
    this.#store.forget(stream.id);
    tails.end(stream.id);
    catalogue.remove(stream.id);
    const { origin } = stream.config;
    const source = origin === null ? undefined : await this.#store.of(origin.source);
    if (source) await this.#clear(source);
  }

  /** One that cannot go keeps no other one. Whoever asks for it meets the trouble itself. */
  async #expireUnused(): Promise<void> {
    const { clock, onTrouble } = this.#context;
    const troubles: string[] = [];
    for (const stream of await this.#store.expiring()) {
      if (stream.expires > clock()) continue;
      try {
        await this.#inTurn(stream.config.name, () => this.#end(stream, "expired"));
      } catch (error) {
        troubles.push(`session ${stream.id}: ${messageOf(error)}`);
      }
    }
    const [first] = troubles;
    if (first) onTrouble(`${troubles.length} streams have not expired, the first: ${first}`);
  }

  async #inTurn<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    const before = this.#turns.get(name);
    const turn = (before ?? Promise.resolve()).catch(() => {}).then(work);
    this.#turns.set(name, turn);
    try {
      return await turn;
    } finally {
      if (this.#turns.get(name) === turn) this.#turns.delete(name);
    }
  }
}

/** An append to a stream that takes none any more. */
export class StreamClosed extends HttpError {
  /** Place behind the last message. */
  readonly next: number;

  constructor(next: number) {
    super("CONFLICT", "the stream is closed", { hint: "there will be no more messages" });
    this.next = next;
  }
}

/** The order of Stream-Seq is that of bytes; headers are Latin-1, one character a byte. */
function checkOpen(stream: Stream, sequence: string | undefined): void {
  const { state } = stream;
  if (stream.closing !== undefined || state.closed || state.deleted) throw again;
  if (sequence === undefined) return;
  const last = [state.sequence, stream.sequence].filter((one) => one !== undefined);
  if (last.every((one) => one < sequence)) return;
  throw new HttpError("CONFLICT", "this Stream-Seq is not behind the last one");
}

/** Others wait until it is known whether the stream is closed. */
function hold(stream: Stream, durable: Promise<void>): void {
  const settled = durable
    .catch(() => {})
    .then(() => {
      if (stream.closing === settled) stream.closing = undefined;
    });
  stream.closing = settled;
}

function closingOf({ producer }: StreamAppend) {
  if (!producer) return null;
  const { name, epoch, sequence } = producer;
  return { id: producerNumber(name), epoch, sequence };
}

/** Closing again is fine; so is the very append that closed it. */
function appendToClosed(stream: Stream, request: StreamAppend): StreamAppended {
  const { tail, closed } = stream.state;
  const mine = closingOf(request);
  const by = closed?.producer ?? null;
  const same = mine?.id === by?.id && mine?.epoch === by?.epoch && mine?.sequence === by?.sequence;
  const only = request.close && request.body.length === 0;
  if (mine === null ? !only : !same) throw new StreamClosed(tail);
  return { next: tail, closed: true, duplicate: true, sequence: mine?.sequence };
}

function checkType(stream: Stream, contentType: string | undefined): void {
  if (contentType === undefined) {
    throw new HttpError("REQUEST_INVALID", "an append of messages says their Content-Type");
  }
  if (mediaTypeOf(contentType) === mediaTypeOf(stream.config.contentType)) return;
  throw new HttpError("CONFLICT", "the stream has another content type", {
    hint: `it has ${stream.config.contentType}`,
  });
}

/** Whether a stream is what a second request to create it asks for. */
function checkSame({ config, state }: Stream, request: NewStream): void {
  const { contentType, ttl, expiresAt, closed, fork } = request;
  const { origin, asked } = config;
  const type = contentType ?? (fork ? config.contentType : defaultType);
  const sameFork =
    fork?.name === origin?.name &&
    (fork?.at === undefined || fork.at === origin?.at) &&
    (fork?.beyond ?? 0) === (origin?.beyond ?? 0);
  const same =
    mediaTypeOf(type) === mediaTypeOf(config.contentType) &&
    ttl === asked.ttl &&
    expiresAt === asked.expiresAt &&
    closed === (state.closed !== undefined);
  if (same && sameFork) return;
  throw new HttpError("ALREADY_EXISTS", "there is another stream of this name");
}
