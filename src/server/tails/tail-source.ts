/**
 * A session that is being tailed. What is committed is read once, written once for each format, and
 * given to all tails that have everything before it. A tail that is behind fetches pieces at its
 * own pace, from a small cache, until it has caught up: at that very seq it joins the others.
 */
import type { Batch, EventView, PayloadSource } from "../../event/index.ts";
import type { SessionReader } from "../../session/index.ts";
import type { ReaderLease, ReaderPool } from "../reader-pool.ts";
import { RecentEvents } from "./recent-events.ts";
import type { Tail } from "./tail.ts";
import { type TailBytes, type TailFormat, tailBytes } from "./tail-format.ts";

/** Events of a row, written in a format. */
export interface TailPiece {
  readonly bytes: TailBytes;
  /** Seq behind the last of them. */
  readonly next: number;
}

/** Events of one piece: pieces begin at multiples of it, so that tails behind share them. */
const pieceEvents = 128;
const pieceBytesMax = 512 * 1024;
/** Bytes of pieces that a source keeps for others who are behind. */
const keptBytesMax = 4 * 1024 * 1024;

/** What sources have in common. */
export interface TailServices {
  readonly readers: ReaderPool;
  readonly blobs: PayloadSource;
}

/** One session with somebody who tails it. */
export class TailSource {
  readonly id: string;
  readonly #services: TailServices;
  readonly #recent: RecentEvents;
  #lease: ReaderLease | undefined;
  /** Whether Reach runs the session. */
  readonly #executed: boolean;
  readonly #onIdle: () => void;
  readonly #live = new Map<TailFormat["key"], { format: TailFormat; tails: Set<Tail> }>();
  readonly #waiters = new Set<() => void>();
  readonly #kept = new Map<string, TailPiece>();
  #keptBytes = 0;
  #users = 0;
  #released = false;
  #pumping = false;
  /** Events that are durable. */
  size: number;
  /** Events before this have been given to the live tails. */
  position: number;
  /** Whether the last durable event ends an executed session. */
  #endedAt: number | undefined;
  /** Why the source can read no further. */
  #failure: unknown;

  /**
   * Throws what opening the session throws, unless it is `begun` right now, of a program: then
   * everything of it will be told. `onIdle` is called when nobody uses the source any more.
   */
  constructor(id: string, services: TailServices, onIdle: () => void, begun = false) {
    this.id = id;
    this.#services = services;
    this.#recent = new RecentEvents(services.blobs);
    this.#onIdle = onIdle;
    try {
      this.#executed = begun || this.reader.manifest.kind === "executed";
      this.size = begun ? 0 : this.reader.reliableSize;
      this.position = this.size;
      this.#look(this.size - 1);
    } catch (error) {
      this.#lease?.release();
      throw error;
    }
  }

  /** Opened when something is wanted that is not among the recent events. */
  get reader(): SessionReader {
    if (!this.#lease?.current) {
      this.#lease?.release();
      this.#lease = undefined;
      this.#lease = this.#services.readers.lease(this.id);
    }
    return this.#lease.reader;
  }

  /** Whether a session that Reach runs has ended, and everything before `next` is all there is. */
  endedBefore(next: number): boolean {
    return this.#endedAt !== undefined && next > this.#endedAt;
  }

  /** Somebody uses the source until the function is called that this returns. */
  use(): () => void {
    this.#users += 1;
    let used = true;
    return () => {
      if (!used) return;
      used = false;
      this.#users -= 1;
      if (this.#users > 0) return;
      this.#released = true;
      this.#lease?.release();
      this.#onIdle();
    };
  }

  /** Events up to `size` are durable, the last of them in `batches`. */
  committed(size: number, batches: readonly Batch[]): void {
    this.#recent.add(batches);
    if (size <= this.size) return;
    this.size = size;
    if (this.#pumping) return;
    this.#pumping = true;
    // Once for everything that is committed in this turn.
    setImmediate(() => this.#pump());
  }

  /** Resolves when there are events from `seq` on, the session ends, or `signal` is aborted. */
  async until(seq: number, signal: AbortSignal): Promise<void> {
    while (this.size <= seq && !this.endedBefore(this.size) && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          this.#waiters.delete(done);
          signal.removeEventListener("abort", done);
          resolve();
        };
        this.#waiters.add(done);
        signal.addEventListener("abort", done);
      });
    }
  }

  /**
   * Somebody begins to tail, and fetches by itself what has been committed in this turn: then the
   * first event of a new session goes out with the head of its tail. Unless others wait for it.
   */
  begin(): void {
    if (this.#live.size === 0 && this.position < this.size && this.#failure === undefined) {
      this.#step();
    }
  }

  /** Adds a tail that has everything before `position`. */
  join(tail: Tail): void {
    const { format } = tail;
    const live = this.#live.get(format.key);
    if (live) live.tails.add(tail);
    else this.#live.set(format.key, { format, tails: new Set([tail]) });
  }

  /** Takes a tail out: it is behind, or gone. */
  leave(tail: Tail): void {
    const live = this.#live.get(tail.format.key);
    live?.tails.delete(tail);
    if (live?.tails.size === 0) this.#live.delete(tail.format.key);
  }

  /** The next piece for a tail that is behind: from `from` to the end of that piece. */
  piece(format: TailFormat, from: number): TailPiece {
    if (this.#failure !== undefined) throw this.#failure;
    const end = Math.min((Math.floor(from / pieceEvents) + 1) * pieceEvents, this.position);
    const key = `${format.key} ${from} ${end}`;
    const kept = this.#kept.get(key);
    if (kept) return kept;
    const piece = this.#encode(format, this.#read(from, end), from);
    this.#keep(key, piece);
    return piece;
  }

  #keep(key: string, piece: TailPiece): void {
    this.#kept.set(key, piece);
    this.#keptBytes += piece.bytes.plain.length;
    for (const [old, { bytes }] of this.#kept) {
      if (this.#keptBytes <= keptBytesMax) return;
      this.#kept.delete(old);
      this.#keptBytes -= bytes.plain.length;
    }
  }

  /** Events from `from` on, as far as they fit a piece; at least one. */
  #read(from: number, to: number): EventView[] {
    const events: EventView[] = [];
    let bytes = 0;
    for (const event of this.#recent.range(from, to) ?? this.reader.events(from, to)) {
      events.push(event);
      const { payload } = event;
      bytes += event.bytes.length + (payload.form === "blob" ? payload.ref.size : 0);
      if (bytes >= pieceBytesMax) break;
    }
    if (events.length === 0) throw new Error(`event ${from} is durable and cannot be read`);
    return events;
  }

  #encode(format: TailFormat, events: readonly EventView[], from: number): TailPiece {
    const next = from + events.length;
    return { bytes: tailBytes(format.encode(events, this.#services.blobs)), next };
  }

  /** Gives what has been committed to the live tails, piece by piece. */
  #pump(): void {
    if (this.#released) return;
    try {
      if (this.position < this.size) this.#step();
    } catch (error) {
      this.#fail(error);
    }
    for (const done of [...this.#waiters]) done();
    if (this.position < this.size && this.#failure === undefined) setImmediate(() => this.#pump());
    else this.#pumping = false;
  }

  #step(): void {
    const from = this.position;
    if (this.#live.size === 0) {
      this.#look(this.size - 1);
      this.position = this.size;
      return;
    }
    const events = this.#read(from, Math.min(this.size, from + pieceEvents));
    const last = events.at(-1);
    if (last) this.#noteEnd(last);
    // Before anybody is given anything: whoever falls behind meanwhile fetches what comes next.
    this.position = from + events.length;
    for (const { format, tails } of [...this.#live.values()]) {
      const piece = this.#encode(format, events, from);
      for (const tail of [...tails]) tail.push(piece);
    }
    this.#recent.forget(this.position);
  }

  /** Looks whether event `seq`, the last one, ends the session. */
  #look(seq: number): void {
    if (seq < 0 || !this.#executed) return;
    const [recent] = this.#recent.range(seq, seq + 1) ?? [];
    this.#noteEnd(recent ?? this.reader.event(seq));
  }

  #noteEnd({ kind, seq }: EventView): void {
    if (this.#executed && kind === "end") this.#endedAt = seq;
  }

  /** What is durable cannot be read: nobody gets anything beyond it. */
  #fail(error: unknown): void {
    this.#failure = error;
    for (const { tails } of [...this.#live.values()]) {
      for (const tail of [...tails]) tail.cut("damaged");
    }
  }
}
