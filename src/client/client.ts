/**
 * A server from afar: begin sessions, append, read, tail, replay. What may be sent twice is sent
 * again when a connection breaks or the server is busy; what begins a session carries a key, so
 * that it begins once.
 */
import { decodeValue, ReachError, type SessionId } from "../base/index.ts";
import type { EventView } from "../event/index.ts";
import type {
  AppendedInfo,
  EventObject,
  ImportedBundle,
  ImportedTranscript,
  InclusionInfo,
  JobInfo,
  NewEventObject,
  ServerInfo,
  SessionInfo,
  StateInfo,
} from "./answers.ts";
import { type TailOptions, tailEvents } from "./event-tail.ts";
import { type ImportableSource, ImportContent, type ImportRequest } from "./import-source.ts";
import { type NewRecording, type RecorderOptions, RemoteRecording } from "./remote-recording.ts";
import { type ClientOptions, namedBreaks, pause, Requests, stranger } from "./requests.ts";
import { behind, fetchPayload, type StoredOptions, storedEvents } from "./stored-events.ts";

/** Which sessions are listed. */
export interface ListOptions {
  readonly status?: string;
  readonly program?: string;
  /** How their ids begin. */
  readonly prefix?: string;
  /** Begun at or after this time, in milliseconds. */
  readonly since?: number;
  /** At most so many; default all. */
  readonly limit?: number;
  readonly signal?: AbortSignal;
}

/** Which events are read as JSON. */
export interface EventsOptions {
  /** Begin behind this seq; default -1. */
  readonly after?: number;
  readonly type?: string;
  /** Kinds, separated by commas. */
  readonly kind?: string;
  readonly payload?: "inline" | "ref" | "none";
  /** At most so many; default all. */
  readonly limit?: number;
  readonly signal?: AbortSignal;
}

/** Conditions of an append. */
export interface AppendConditions {
  /** The seq that the first event must get; else `CONFLICT`. */
  readonly expected?: number;
  /** Exactly once, and then sent again by itself: the n-th append of an epoch has sequence n. */
  readonly producer?: { readonly id: string; readonly epoch: number; readonly sequence: number };
  /** Of a session that runs: the same key takes the same inputs once; then sent again by itself. */
  readonly key?: string;
  readonly signal?: AbortSignal;
}

const pollMs = 200;
/** Whoever calls a job off waits so long for the server to hear of it. */
const farewellMs = 2000;
const listPage = 1000;
const eventPage = 1000;
/** What the server computes before it answers may take so many times as long. */
const patience = 5;

/** One server, one workspace. */
export class ReachClient {
  readonly #requests: Requests;

  /** Throws `USAGE` for a URL, or a number, that is none. Nothing is sent yet. */
  constructor(options: ClientOptions) {
    this.#requests = new Requests(options);
  }

  get url(): string {
    return this.#requests.url;
  }

  /** What answers there. */
  about(signal?: AbortSignal): Promise<ServerInfo> {
    return this.#requests.json<ServerInfo>("/v1", { signal }, ({ version, verifierKey }) => {
      return typeof version === "string" && typeof verifierKey === "string";
    });
  }

  /** Sessions, the newest first. */
  async *sessions(options: ListOptions = {}): AsyncGenerator<SessionInfo, void> {
    const { signal, limit, ...filter } = options;
    let left = limitOf(limit);
    let cursor: string | undefined;
    while (left > 0) {
      const query = { ...filter, limit: Math.min(left, listPage), cursor };
      const page = await this.#requests.json<{ sessions: SessionInfo[]; cursor: string | null }>(
        "/v1/sessions",
        { query, signal },
        ({ sessions }) => Array.isArray(sessions),
      );
      yield* page.sessions;
      left -= page.sessions.length;
      if (page.cursor === null) return;
      cursor = page.cursor;
    }
  }

  /** One session. Throws `NOT_FOUND`, `GONE`; `CORRUPT` where the server answers with another. */
  async session(id: SessionId, signal?: AbortSignal): Promise<SessionInfo> {
    const path = `/v1/sessions/${id}`;
    const found = await this.#requests.json<SessionInfo>(path, { signal }, isNamed);
    return ofSession(id, found.id, found);
  }

  /**
   * Begins a session of a program; resolves when its trigger is durable. The same `key` begins one
   * session, however often it is sent; without one each call has its own.
   */
  trigger(
    program: string,
    input: unknown,
    { key, name }: { readonly key?: string; readonly name?: string } = {},
  ): Promise<{ id: SessionId }> {
    return this.#begin({ program, input, ...(name === undefined ? {} : { name }) }, key);
  }

  /** Begins a recorded session with its first events. */
  record(
    events: readonly NewEventObject[],
    { key, name }: { readonly key?: string; readonly name?: string } = {},
  ): Promise<{ id: SessionId }> {
    return this.#begin({ events, ...(name === undefined ? {} : { name }) }, key);
  }

  /**
   * Records what code does into a new session: the same calls as those of a recording into a data
   * directory (`Reach.record`), with the same promises. What was awaited is durable on the server;
   * each event is there once, in order, although connections break and the server starts again; it
   * is tried for `patienceMs`. What cannot be recorded fails, and everything behind it. The session
   * exists once its first event is durable. A token needs `sessions:trigger` and
   * `sessions:append`. Throws `USAGE`; what is appended first `ALREADY_EXISTS` for an `id` in use.
   */
  recorder(session: NewRecording = {}): RemoteRecording {
    return RemoteRecording.begin(this.#requests, session);
  }

  /**
   * Goes on with a recording, also one whose process has died: a note in its log says so, and
   * effects that were under way get a result, a failure with the code `INTERRUPTED`; `leftOpen` of
   * the recording names them. Where that process lives after all, what it appends from now on fails
   * with `FENCED`. Throws `USAGE`, `NOT_FOUND`, `GONE`, `CONFLICT` for a session of another kind,
   * `UNAVAILABLE` when the server cannot be reached for `patienceMs`.
   */
  resume(id: SessionId, options: RecorderOptions = {}): Promise<RemoteRecording> {
    return RemoteRecording.resume(this.#requests, id, options);
  }

  async #begin(body: object, key: string = crypto.randomUUID()): Promise<{ id: SessionId }> {
    const headers = { "idempotency-key": key };
    const asking = { method: "POST", headers, body, again: true } as const;
    return this.#requests.json<{ id: SessionId }>("/v1/sessions", asking, isNamed);
  }

  /**
   * Appends events to a recorded session, all or none. A session that runs takes inputs, one after
   * the other: where one is refused those before it stay; `send` is for one of them.
   */
  append(
    id: SessionId,
    events: readonly NewEventObject[],
    { expected, producer, key, signal }: AppendConditions = {},
  ): Promise<AppendedInfo> {
    const headers = {
      ...(producer && {
        "producer-id": producer.id,
        "producer-epoch": String(producer.epoch),
        "producer-seq": String(producer.sequence),
      }),
      ...(key === undefined ? {} : { "idempotency-key": key }),
    };
    const asking = {
      method: "POST",
      query: { expected },
      headers,
      body: events,
      again: producer !== undefined || key !== undefined,
      signal,
    } as const;
    const path = `/v1/sessions/${id}/events`;
    return this.#requests.json<AppendedInfo>(path, asking, ({ count, size }) => {
      return typeof count === "number" && typeof size === "number";
    });
  }

  /**
   * Gives a session that runs an input; resolves when it is durable. The same `key` gives it once,
   * however often it is sent; without one each call has its own.
   */
  async send(
    id: SessionId,
    type: string,
    data: unknown,
    { key = crypto.randomUUID(), signal }: Pick<AppendConditions, "key" | "signal"> = {},
  ): Promise<{ seq: number; duplicate: boolean }> {
    const input = { kind: "input", type, data } as const;
    const asking = signal === undefined ? { key } : { key, signal };
    const { firstSeq, duplicate } = await this.append(id, [input], asking);
    if (firstSeq === null) throw stranger(this.url, "does not say where the input is");
    return { seq: firstSeq, duplicate };
  }

  /**
   * Imports a transcript or a bundle; resolves when its session is durable and signed. What breaks
   * off, or is not answered, is sent again where that can be: it goes on, or finds the session.
   */
  import(
    source: ImportableSource,
    { signal, onProgress, ...query }: ImportRequest = {},
  ): Promise<ImportedTranscript | ImportedBundle> {
    const content = new ImportContent(source, onProgress);
    const asking = {
      method: "POST",
      query: { ...query },
      content,
      again: content.reopenable && query.fresh !== true,
      signal,
      silenceMs: patience * this.#requests.silenceMs + content.allowanceMs,
    } as const;
    return this.#requests.json<ImportedTranscript | ImportedBundle>(
      "/v1/imports",
      asking,
      ({ id, format, events }) =>
        typeof id === "string" && typeof format === "string" && typeof events === "number",
    );
  }

  /** Events that are durable now, as JSON. */
  async *events(id: SessionId, options: EventsOptions = {}): AsyncGenerator<EventObject, void> {
    const { signal, limit, ...query } = options;
    let left = limitOf(limit);
    for (let after = options.after ?? -1; left > 0; ) {
      const page = await this.#requests.json<EventsPage>(
        `/v1/sessions/${id}/events`,
        { query: { ...query, after, limit: Math.min(left, eventPage) }, signal },
        ({ events, next, more }) =>
          Array.isArray(events) && typeof next === "number" && typeof more === "boolean",
      );
      yield* page.events;
      left -= page.events.length;
      if (!page.more) return;
      after = behind(id, after, page.next);
    }
  }

  /** Events that are durable now, as the bytes that are stored. */
  stored(id: SessionId, options: StoredOptions = {}): AsyncGenerator<EventView, void> {
    return storedEvents(this.#requests, id, options);
  }

  /**
   * Events as they come: first what is there, then what is appended, each once, until the session
   * has ended or the caller stops. Connections that break are made anew.
   */
  tail(id: SessionId, options: TailOptions = {}): AsyncGenerator<EventObject, void> {
    return tailEvents(this.#requests, id, options);
  }

  /** The state after the first `at` events; after all of them by default. */
  async state(id: SessionId, at?: number, signal?: AbortSignal): Promise<StateInfo> {
    const { headers, bytes } = await this.#requests.whole(`/v1/sessions/${id}/state`, {
      query: { at },
      headers: { accept: "application/cbor" },
      signal,
      silenceMs: patience * this.#requests.silenceMs,
    });
    const program = headers.get("reach-program");
    if (program === null) throw stranger(this.url, "answers what is no state");
    const [name = "", version = "", hash = ""] = program.split("/");
    const snapshot = headers.get("reach-snapshot");
    return {
      at: Number(headers.get("reach-at")),
      program: { name: decodeURIComponent(name), version: decodeURIComponent(version), hash },
      stateHash: headers.get("etag")?.slice(1, 65) ?? "",
      snapshotUsed: snapshot === null ? null : Number(snapshot),
      state: decodeValue(bytes),
    };
  }

  /** A payload above 4 KiB by its SHA-256, checked. */
  payload(sha256: string, signal?: AbortSignal): Promise<Uint8Array> {
    return fetchPayload(this.#requests, sha256, signal);
  }

  /** The newest signed checkpoint: a C2SP note. */
  async checkpoint(id: SessionId, signal?: AbortSignal): Promise<string> {
    const { bytes } = await this.#requests.whole(`/v1/sessions/${id}/checkpoint`, { signal });
    return new TextDecoder().decode(bytes);
  }

  /**
   * Proof that event `seq` is in the tree of the first `size` events, by default those of a signed
   * checkpoint, which is signed now where none holds the event: for `verifyInclusion`.
   */
  inclusion(
    id: SessionId,
    { seq, size }: { readonly seq: number; readonly size?: number },
    signal?: AbortSignal,
  ): Promise<InclusionInfo> {
    const path = `/v1/sessions/${id}/proof/inclusion`;
    return this.#requests.json<InclusionInfo>(path, { query: { seq, size }, signal }, (answer) => {
      return Array.isArray(answer.proof);
    });
  }

  /**
   * The session in one file, as it arrives: reading it throws `UNAVAILABLE` where it breaks off.
   * Nothing of it has been checked, not even whose it is: verify it, and compare its id with the
   * one that was asked for.
   */
  async bundle(id: SessionId, signal?: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const asking = this.#bundleAsking(signal);
    return bundleBody(this.url, await this.#requests.send(bundlePath(id), asking), asking);
  }

  /**
   * The same into `save`, which is called again, with all of it from the first byte on, where the
   * connection breaks and what `save` throws is what reading threw.
   */
  saveBundle(
    id: SessionId,
    save: (body: ReadableStream<Uint8Array>) => Promise<void>,
    signal?: AbortSignal,
  ): Promise<void> {
    const asking = this.#bundleAsking(signal);
    return this.#requests.take(bundlePath(id), asking, (answer) => {
      return save(bundleBody(this.url, answer, asking));
    });
  }

  #bundleAsking(signal: AbortSignal | undefined): BundleAsking {
    return { signal, silenceMs: patience * this.#requests.silenceMs };
  }

  /** Cancels a session that runs. */
  cancel(id: SessionId, reason?: string): Promise<{ seq: number }> {
    const body = reason === undefined ? {} : { reason };
    const asking = { method: "POST", body } as const;
    return this.#requests.json<{ seq: number }>(`/v1/sessions/${id}/cancel`, asking, ({ seq }) => {
      return typeof seq === "number";
    });
  }

  /** Replays a session on the server; the report is that of `reach replay --json`. */
  async replay(
    id: SessionId,
    { signal, onProgress, ...body }: ReplayRequest = {},
  ): Promise<unknown> {
    const path = `/v1/sessions/${id}/replay`;
    const asking = { method: "POST", body, signal } as const;
    const started = await this.#requests.json<JobInfo>(path, asking, isJob);
    return this.#finished(ofSession(id, started.session, started), onProgress, signal);
  }

  async #finished(
    started: JobInfo,
    onProgress: ((share: number) => void) | undefined,
    signal: AbortSignal | undefined,
  ): Promise<unknown> {
    let job = started;
    try {
      while (job.status === "running") {
        onProgress?.(job.progress ?? 0);
        await pause(pollMs, signal);
        job = await this.#requests.json<JobInfo>(`/v1/jobs/${job.id}`, { signal }, isJob);
      }
    } catch (error) {
      if (signal?.aborted) {
        const asking = { method: "DELETE", silenceMs: farewellMs } as const;
        await this.#requests.send(`/v1/jobs/${job.id}`, asking).catch(() => {});
      }
      throw error;
    }
    const { error } = job;
    if (error) throw new ReachError(error.code, error.detail);
    return job.result;
  }
}

/** How many are wanted. Throws `USAGE` for what is no number of anything. */
function limitOf(limit = Number.POSITIVE_INFINITY): number {
  if (limit === Number.POSITIVE_INFINITY || (Number.isSafeInteger(limit) && limit >= 0)) {
    return limit;
  }
  throw new ReachError("USAGE", `limit is a number from 0 on, not ${limit}`);
}

interface EventsPage {
  readonly events: EventObject[];
  readonly next: number;
  readonly more: boolean;
}

interface BundleAsking {
  readonly signal: AbortSignal | undefined;
  readonly silenceMs: number;
}

function isNamed({ id }: { readonly id: SessionId }): boolean {
  return typeof id === "string";
}

function isJob({ id, session, status }: JobInfo): boolean {
  return [id, session, status].every((text) => typeof text === "string");
}

function bundlePath(id: SessionId): string {
  return `/v1/sessions/${id}/bundle`;
}

function bundleBody(
  url: string,
  answer: Response,
  asking: BundleAsking,
): ReadableStream<Uint8Array> {
  if (answer.body) return namedBreaks(url, answer.body, asking);
  throw new ReachError("UNAVAILABLE", "the server sent no bundle");
}

/** What the server answers about a session, unless that is another one. */
function ofSession<Answer>(id: SessionId, found: SessionId, answer: Answer): Answer {
  if (found === id) return answer;
  throw new ReachError("CORRUPT", `the server answers with session ${found}, not ${id}`, {
    where: id,
  });
}

/** What is replayed. */
export interface ReplayRequest {
  readonly from?: number;
  readonly to?: number;
  /** Keep the states that are computed. */
  readonly keep?: boolean;
  readonly signal?: AbortSignal;
  /** Told how much is done, from 0 to 1. */
  readonly onProgress?: (share: number) => void;
}
