/**
 * All tails of a workspace. One listener for commits, one timer for heartbeats, one source for each
 * session that somebody tails or waits for.
 */
import type { ServerResponse } from "node:http";
import type { SessionId } from "../../base/index.ts";
import type { Directory } from "../../session/index.ts";
import { HttpError } from "../problem.ts";
import type { ReaderPool } from "../reader-pool.ts";
import type { ServerConfig } from "../server-options.ts";
import { Tail } from "./tail.ts";
import type { TailFormat } from "./tail-format.ts";
import { type TailServices, TailSource } from "./tail-source.ts";

/** A source that is used until it is released. */
export interface UsedSource {
  readonly source: TailSource;
  readonly release: () => void;
}

/** The tails of one directory. */
export class TailHub {
  readonly #services: TailServices;
  readonly #config: ServerConfig;
  readonly #sources = new Map<SessionId, TailSource>();
  readonly #tails = new Set<Tail>();
  readonly #stopListening: () => void;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #stopping = new AbortController();
  #guests = 0;

  constructor(directory: Directory, readers: ReaderPool, config: ServerConfig) {
    this.#services = { readers, blobs: directory.blobs };
    this.#config = config;
    this.#stopListening = directory.onCommit((id, size, _, batches) => {
      this.#sources.get(id)?.committed(size, batches);
    });
    const { heartbeatMs, slowReaderMs } = config;
    this.#timer = setInterval(() => this.#look(), Math.min(heartbeatMs, slowReaderMs) / 3);
    this.#timer.unref();
  }

  /** Tails that are open, and other observers that wait. */
  get size(): number {
    return this.#tails.size + this.#guests;
  }

  /** Sessions that somebody tails or waits for. */
  get sources(): number {
    return this.#sources.size;
  }

  /**
   * Counts an observer that waits by other means, until the function is called that this returns.
   * Throws `OVERLOADED`.
   */
  enter(): () => void {
    this.checkRoom();
    this.#guests += 1;
    let inside = true;
    return () => {
      if (inside) this.#guests -= 1;
      inside = false;
    };
  }

  /** Whether nobody may begin to wait any more. */
  get stopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  /**
   * The source of a session, for as long as it is used. Throws `NOT_FOUND`, `GONE`, `CORRUPT`,
   * `OVERLOADED` when there are too many tails, `UNAVAILABLE` when the server is stopping.
   */
  source(id: SessionId): UsedSource {
    return this.#source(id, false);
  }

  /** The source of a session of a program that is about to begin: it misses nothing of it. */
  sourceOfNew(id: SessionId): UsedSource {
    return this.#source(id, true);
  }

  #source(id: SessionId, begun: boolean): UsedSource {
    if (this.#stopping.signal.aborted) {
      throw new HttpError("UNAVAILABLE", "the server is stopping");
    }
    let source = this.#sources.get(id);
    if (!source) {
      source = new TailSource(id, this.#services, () => this.#sources.delete(id), begun);
      this.#sources.set(id, source);
    }
    return { source, release: source.use() };
  }

  /** Refuses when there are as many tails as there may be. */
  checkRoom(): void {
    if (this.size < this.#config.tailsMax) return;
    throw new HttpError("OVERLOADED", `${this.size} tails are open`, {
      retryAfterSeconds: 5,
    });
  }

  /** Tails `source` from `from` on over a response that has sent its head; `release` at its end. */
  open(
    { source, release }: UsedSource,
    response: ServerResponse,
    options: { readonly from: number; readonly format: TailFormat },
  ): void {
    const tail: Tail = new Tail(source, response, {
      ...options,
      queueBytesMax: this.#config.tailQueueBytesMax,
      onEnd: () => {
        this.#tails.delete(tail);
        release();
      },
    });
    this.#tails.add(tail);
    // Its session may have begun while the others were ended.
    if (this.stopping) tail.cut("shutdown");
    else tail.begin();
  }

  /**
   * Resolves with the events that are durable, as soon as there is one at `seq`, the session has
   * ended, `timeoutMs` have passed, `signal` is aborted, or the server stops.
   */
  async wait(
    id: SessionId,
    seq: number,
    { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal?: AbortSignal },
  ): Promise<{ size: number; ended: boolean }> {
    const { source, release } = this.source(id);
    const signals = [this.#stopping.signal, AbortSignal.timeout(Math.ceil(timeoutMs))];
    try {
      await source.until(seq, AbortSignal.any(signal ? [...signals, signal] : signals));
      return { size: source.size, ended: source.endedBefore(source.size) };
    } finally {
      release();
    }
  }

  /** Ends the tails of a session that has been removed. */
  end(id: SessionId): void {
    for (const tail of [...this.#tails]) if (tail.sessionId === id) tail.cut("removed");
  }

  /** Ends all tails with a place to resume, and takes no more. */
  stop(): void {
    this.#stopping.abort();
    clearInterval(this.#timer);
    for (const tail of [...this.#tails]) tail.cut("shutdown");
    this.#stopListening();
  }

  #look(): void {
    const now = performance.now();
    for (const tail of [...this.#tails]) tail.look(now, this.#config);
  }
}
