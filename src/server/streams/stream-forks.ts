/**
 * Forks of streams: a session that begins with the messages of its source, at the same places. They
 * are copied, so a fork is verified and replayed by itself; payloads above 4 KiB lie in the store
 * once. The source notes the fork before it begins, and the fork says when it is complete: one that
 * a crash has cut off never was.
 */
import { limits, type SessionId } from "../../base/index.ts";
import type { EventView } from "../../event/index.ts";
import type { NewEvent, SessionReader } from "../../session/index.ts";
import { HttpError } from "../problem.ts";
import { messagesOf } from "./stream-messages.ts";
import { messageType, type StreamConfig, streamFormat, streamNote } from "./stream-note.ts";
import type { ForkRequest, NewStream } from "./stream-requests.ts";
import { mediaTypeOf } from "./stream-state.ts";
import type { Stream, StreamStore } from "./stream-store.ts";
import type { StreamsContext } from "./streams.ts";

const groupEvents = 500;
const groupBytesMax: number = limits.blobJournalBytesMax;

/** A fork that is to begin. */
interface Beginning {
  readonly id: SessionId;
  readonly name: string;
  readonly request: NewStream;
  readonly fork: ForkRequest;
  readonly source: Stream;
}

/** The forks of a workspace's streams. */
export class StreamForks {
  readonly #context: StreamsContext;
  readonly #store: StreamStore;

  constructor(context: StreamsContext, store: StreamStore) {
    this.#context = context;
    this.#store = store;
  }

  /** Whether a stream has a fork that somebody can read, or that such a fork comes from. */
  async anyOf(stream: Stream): Promise<boolean> {
    for (const id of stream.state.forks) {
      const fork = await this.#store.of(id);
      if (!fork?.state.complete) continue;
      const over = fork.state.deleted || fork.expires <= this.#context.clock();
      if (!over || (await this.anyOf(fork))) return true;
    }
    return false;
  }

  /** Begins the session of a fork. Throws `CONFLICT`, `REQUEST_INVALID`. */
  async begin({ id, name, request, fork, source }: Beginning): Promise<Stream> {
    const { appends, readers, clock } = this.#context;
    const config = configOf(name, request, fork, source);
    const at = config.origin?.at ?? 0;
    const now = clock();
    const lease = readers.lease(source.id);
    try {
      const beyond = messagesBeyond(lease.reader, source, at, fork.beyond);
      const events: NewEvent[] = [
        ...beyond,
        ...messagesOf(request.body, source.state.json, now),
        ...(request.closed ? [streamNote("stream/closed", { producer: null }, now)] : []),
        streamNote("stream/forked", null, now),
      ];
      const forking = streamNote("stream/forking", { fork: id }, now);
      await appends.append(source.id, [forking]);
      await this.#store.refresh(source);
      if (source.state.deleted) throw new HttpError("CONFLICT", "the source has been deleted");
      const opened = streamNote("stream/opened", config, now);
      await appends.create({ id, name, format: streamFormat }, [opened]);
      for (const group of groups(lease.reader, 1, at)) await appends.append(id, group);
      await appends.append(id, events);
    } finally {
      lease.release();
    }
    const begun = await this.#store.of(id);
    if (begun) return begun;
    throw new HttpError("BUG", "a fork that was made is not there");
  }
}

function configOf(
  name: string,
  { contentType, ttl, expiresAt }: NewStream,
  fork: ForkRequest,
  source: Stream,
): StreamConfig {
  const { config, state } = source;
  if (contentType !== undefined && mediaTypeOf(contentType) !== mediaTypeOf(config.contentType)) {
    throw new HttpError("CONFLICT", "the source has another content type");
  }
  const at = fork.at ?? state.tail;
  if (at > state.tail) {
    throw new HttpError("REQUEST_INVALID", "the source does not go as far as the fork is to begin");
  }
  const own = ttl !== null || expiresAt !== null;
  return {
    name,
    contentType: config.contentType,
    ttl: own ? ttl : config.ttl,
    expiresAt: own ? expiresAt : config.expiresAt,
    asked: { ttl, expiresAt },
    origin: { name: fork.name, source: source.id, at, beyond: fork.beyond },
  };
}

/** The messages, or the beginning of the message, behind the place `at`. */
function messagesBeyond(
  reader: SessionReader,
  { state }: Stream,
  at: number,
  count: number,
): NewEvent[] {
  if (count === 0) return [];
  const found: NewEvent[] = [];
  for (const event of reader.events(Math.max(at, 1), state.size)) {
    if (event.kind !== "emit" || event.type !== messageType) continue;
    const copy = copyOf(event);
    if (!state.json) {
      if (count > copy.bytes.length) break;
      return [{ ...copy, bytes: copy.bytes.subarray(0, count) }];
    }
    found.push(copy);
    if (found.length === count) return found;
    if (found.length >= limits.appendEventsMax / 2) break;
  }
  throw new HttpError("REQUEST_INVALID", "Stream-Fork-Sub-Offset goes beyond what follows");
}

/** The events from `from` to before `to`, in groups that are appended together. */
function* groups(reader: SessionReader, from: number, to: number): Generator<NewEvent[]> {
  let group: NewEvent[] = [];
  let bytes = 0;
  for (const event of from < to ? reader.events(from, to) : []) {
    const copy = copyOf(event);
    group.push(copy);
    bytes += copy.bytes.length;
    if (group.length < groupEvents && bytes < groupBytesMax) continue;
    yield group;
    group = [];
    bytes = 0;
  }
  if (group.length > 0) yield group;
}

/** An event to append, with bytes of its own: those that were read lie in a window. */
function copyOf(event: EventView): NewEvent {
  const { kind, type, time, ref, payload } = event;
  const form = payload.form === "blob" ? payload.ref.form : payload.form;
  return { kind, type, time, ref, form, bytes: Uint8Array.from(event.payloadBytes) };
}
