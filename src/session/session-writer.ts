/**
 * Appending to a session through the journal. Events collect into batches: one goes out at once
 * when nothing of the session is under way, else when it is full, when 100 ms have passed, or when
 * the one before has become durable. So a single event is as fast as the disk, and a flood costs
 * one fsync for many.
 */
import { assert, limits, ReachError, type SessionId, sessionIdBytes } from "../base/index.ts";
import type { StagedBlob } from "../blobs/index.ts";
import {
  type Batch,
  BatchBuilder,
  batchHeaderBytes,
  checkEventHeader,
  type EventHeader,
  type EventKind,
  encodeBlobRef,
  encodeInline,
  inlineOverhead,
  type PayloadForm,
  type Producer,
  SaltSource,
  sealBatch,
} from "../event/index.ts";
import { entryKinds, type JournalEntry } from "../log/index.ts";
import type { Manifest } from "./manifest.ts";
import type { SessionTail } from "./session-tail.ts";

/** An event to append, with its payload as bytes of a form. */
export interface NewEvent {
  readonly kind: EventKind;
  readonly type: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly ref: number | null;
  readonly form: PayloadForm;
  readonly bytes: Uint8Array;
}

/** Where an appended event went, and when it is safe. */
export interface Appended {
  readonly seq: number;
  /** Resolves when the event is durable, rejects when it is not in the log. */
  readonly durable: Promise<void>;
}

/** What a writer needs of the directory it writes to. */
export interface WriterContext {
  commit(entries: readonly JournalEntry[]): Promise<void>;
  /** Stages a payload: entries to commit with the event that names it. */
  stage(bytes: Uint8Array): StagedBlob;
  packEntries(staged: StagedBlob): JournalEntry[];
  abandon(staged: StagedBlob): void;
  /** Largest payload that goes through the journal. */
  readonly journaledBytesMax: number;
  /** Makes a larger payload durable past the journal. */
  putLarge(bytes: Uint8Array): Promise<{ sha256: Uint8Array; size: number }>;
  /** Called after events have become durable and are in their place. */
  committed(id: SessionId, size: number, count: number, batches: readonly Batch[]): void;
  /** Has `work` done when this thread would only wait for the disk. */
  whileSyncing(work: () => void): void;
  /** The journal has failed: no session may commit what it has collected so far. */
  failed(error: unknown): void;
}

/** Conditions of an append of several events. */
export interface AppendTogether {
  /** Seq that the first of them must get: else `CONFLICT`, and nothing is appended. */
  readonly expectedSeq?: number | undefined;
  /** Asked right before anything is appended: what it throws is thrown, and nothing is appended. */
  readonly check?: () => void;
  /** Named by every batch of this append; found again by `Producers`. */
  readonly producer?: Producer | undefined;
  /** Told where they went, before anybody else can append. */
  readonly added?: (appended: Appended) => void;
}

/** An event whose payload is where it belongs. */
interface PreparedEvent {
  readonly event: NewEvent;
  readonly data: Uint8Array;
  readonly staged: StagedBlob | undefined;
}

/** A batch on its way into the journal, with what it needs there. */
interface SealedBatch {
  readonly batch: Batch;
  readonly entries: readonly JournalEntry[];
}

interface OpenBatch {
  readonly durable: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  readonly staged: StagedBlob[];
  timer: ReturnType<typeof setTimeout> | undefined;
}

function headerOf({ time, kind, type, ref }: NewEvent, seq: number): EventHeader {
  return { seq, time, kind, type, ref };
}

/**
 * The one writer of a session. `append` may be called concurrently; order of calls is seq order.
 */
export class SessionWriter {
  readonly id: SessionId;
  readonly manifest: Manifest;
  readonly tail: SessionTail;
  readonly #context: WriterContext;
  readonly #salts: SaltSource;
  readonly #identity: Uint8Array;
  readonly #builder = new BatchBuilder();
  readonly #manifestEntry: JournalEntry | undefined;
  /** Whether the manifest is on its way with a batch, or there already. */
  #manifestSent = false;
  #open: OpenBatch | undefined;
  #nextSeq: number;
  #nextOffset: number;
  /** Events of the last batch. */
  #lastCount = 0;
  #inFlight = 0;
  /** Counts failures: what was sent before one is rejected with it, what comes after is not. */
  #generation = 0;
  #last: Promise<void> = Promise.resolve();
  #flushing = false;
  #closed: ReachError | undefined;

  /** `manifestBytes` are there for a new session: they go with its first events. */
  constructor(
    context: WriterContext,
    manifest: Manifest,
    tail: SessionTail,
    manifestBytes: Uint8Array | undefined,
  ) {
    this.id = manifest.id;
    this.manifest = manifest;
    this.tail = tail;
    this.#context = context;
    this.#salts = new SaltSource(manifest.secret);
    this.#identity = sessionIdBytes(manifest.id);
    this.#nextSeq = tail.size;
    this.#nextOffset = tail.end;
    if (manifestBytes) this.#manifestEntry = this.#entry(entryKinds.manifest, 0, manifestBytes);
  }

  /** Seq that the next event gets. */
  get nextSeq(): number {
    return this.#nextSeq;
  }

  /**
   * Appends one event. Throws `EVENT_INVALID` for what cannot be an event and `CLOSED`; then
   * nothing has been appended. A payload above 4 KiB goes to the blob store.
   */
  append(event: NewEvent): Appended {
    if (this.#closed) throw this.#closed;
    if (event.bytes.length > this.#context.journaledBytesMax) {
      throw new ReachError("USAGE", "a payload above 1 MiB is appended with appendLarge");
    }
    const size = event.bytes.length + inlineOverhead(event.form, event.bytes.length);
    if (size <= limits.payloadInlineBytesMax) {
      return this.#add(event, encodeInline(event.form, event.bytes), undefined);
    }
    checkEventHeader(headerOf(event, this.#nextSeq));
    const staged = this.#context.stage(event.bytes);
    return this.#add(event, encodeBlobRef({ ...staged.ref, form: event.form }), staged);
  }

  /** Appends one event whose payload is made durable first; events appended meanwhile go before. */
  async appendLarge(event: NewEvent): Promise<Appended> {
    if (event.bytes.length <= this.#context.journaledBytesMax) return this.append(event);
    const ref = await this.#context.putLarge(event.bytes);
    if (this.#closed) throw this.#closed;
    return this.#add(event, encodeBlobRef({ ...ref, form: event.form }), undefined);
  }

  /**
   * Appends events in a row, durable all or none: whatever a crash leaves, it is all of them or
   * none. Without payloads above 1 MiB they are appended before this returns to its caller, so that
   * calls keep their order. Throws as `append`, and what `together` demands.
   */
  async appendTogether(
    events: readonly NewEvent[],
    together: AppendTogether = {},
  ): Promise<Appended> {
    assert(events.length > 0, "an append has events");
    const large = await this.#putLarge(events);
    if (this.#closed) throw this.#closed;
    const { expectedSeq = this.#nextSeq, check, producer, added } = together;
    if (expectedSeq !== this.#nextSeq) throw this.#unexpected(expectedSeq);
    check?.();
    const appended = this.#addTogether(this.#prepare(events, large), producer);
    added?.(appended);
    return appended;
  }

  /**
   * Appends events in a row, each durable with those before it: for more than a unit of the journal
   * should hold. Payloads above 1 MiB are made durable first; then `check` is asked, and all are
   * appended before anybody else can append. Throws as `append`, and what `check` throws.
   */
  async appendInRow(events: readonly NewEvent[], check: () => void): Promise<Appended[]> {
    const large = await this.#putLarge(events);
    check();
    for (const [i, event] of events.entries()) {
      checkEventHeader(headerOf(event, this.#nextSeq + i));
    }
    if (this.#closed) throw this.#closed;
    return events.map((event) => {
      const there = large.get(event);
      return there ? this.#add(event, there, undefined) : this.append(event);
    });
  }

  /** Makes the payloads durable that do not go through the journal; returns what names them. */
  async #putLarge(events: readonly NewEvent[]): Promise<ReadonlyMap<NewEvent, Uint8Array>> {
    const large = new Map<NewEvent, Uint8Array>();
    for (const event of events) {
      if (event.bytes.length <= this.#context.journaledBytesMax) continue;
      const ref = await this.#context.putLarge(event.bytes);
      large.set(event, encodeBlobRef({ ...ref, form: event.form }));
    }
    return large;
  }

  #unexpected(expectedSeq: number): ReachError {
    const message = `the next event of session ${this.id} is ${this.#nextSeq}, not ${expectedSeq}`;
    return new ReachError("CONFLICT", message, {
      where: `${this.id}@${this.#nextSeq}`,
      hint: "somebody else has appended: read what is new, then decide again",
    });
  }

  /** Checks all events and stages their payloads; after an error nothing is left of it. */
  #prepare(events: readonly NewEvent[], large: ReadonlyMap<NewEvent, Uint8Array>): PreparedEvent[] {
    for (const [i, event] of events.entries()) {
      checkEventHeader(headerOf(event, this.#nextSeq + i));
    }
    const prepared: PreparedEvent[] = [];
    try {
      for (const event of events) {
        const { form, bytes } = event;
        const there = large.get(event);
        const size = bytes.length + inlineOverhead(form, bytes.length);
        if (there) prepared.push({ event, data: there, staged: undefined });
        else if (size <= limits.payloadInlineBytesMax) {
          prepared.push({ event, data: encodeInline(form, bytes), staged: undefined });
        } else {
          const staged = this.#context.stage(bytes);
          prepared.push({ event, data: encodeBlobRef({ ...staged.ref, form }), staged });
        }
      }
    } catch (error) {
      for (const { staged } of prepared) if (staged) this.#context.abandon(staged);
      throw error;
    }
    return prepared;
  }

  #addTogether(prepared: readonly PreparedEvent[], producer: Producer | undefined): Appended {
    this.#seal();
    const first = this.#nextSeq;
    const open = this.#openBatch();
    if (open.timer) clearTimeout(open.timer);
    const sealed: SealedBatch[] = [];
    let staged: StagedBlob[] = [];
    for (const { event, data, staged: blob } of prepared) {
      if (!this.#builder.fits(data.length)) {
        sealed.push(this.#finish(staged, producer));
        staged = [];
      }
      const seq = this.#nextSeq;
      this.#builder.add(headerOf(event, seq), this.#salts.at(seq), data);
      this.#nextSeq += 1;
      if (!blob) continue;
      staged.push(blob);
      open.staged.push(blob);
    }
    sealed.push(this.#finish(staged, producer));
    this.#open = undefined;
    this.#send(open, sealed);
    return { seq: first, durable: open.durable };
  }

  #add(event: NewEvent, data: Uint8Array, staged: StagedBlob | undefined): Appended {
    if (!this.#builder.fits(data.length)) this.#seal();
    const seq = this.#nextSeq;
    this.#builder.add(headerOf(event, seq), this.#salts.at(seq), data);
    this.#nextSeq += 1;
    const open = this.#openBatch();
    if (staged) open.staged.push(staged);
    if (this.#builder.count >= limits.batchEventsMax) this.#seal();
    else if (this.#inFlight === 0) this.#sealSoon();
    return { seq, durable: open.durable };
  }

  #openBatch(): OpenBatch {
    if (this.#open) return this.#open;
    let resolve = (): void => {};
    let reject = (_: unknown): void => {};
    const durable = new Promise<void>((yes, no) => {
      resolve = yes;
      reject = no;
    });
    // Whoever appended hears of a failure; nobody has to listen.
    durable.catch(() => {});
    const timer = this.#inFlight > 0 ? this.#sealAfterDelay() : undefined;
    this.#open = { durable, resolve, reject, staged: [], timer };
    return this.#open;
  }

  #sealAfterDelay(): ReturnType<typeof setTimeout> {
    return setTimeout(() => this.#seal(), limits.batchDelayMsMax);
  }

  /** Seals at the end of this turn, so that what is appended in one turn shares a batch. */
  #sealSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      this.#seal();
    });
  }

  /** Sends what has been collected, if anything; does not wait for it. */
  #seal(): void {
    const open = this.#open;
    if (!open || this.#builder.count === 0) return;
    this.#open = undefined;
    if (open.timer) clearTimeout(open.timer);
    this.#send(open, [this.#finish(open.staged, undefined)]);
  }

  /** Completes the batch that is being collected, for its place in the log. */
  #finish(staged: readonly StagedBlob[], producer: Producer | undefined): SealedBatch {
    const { count } = this.#builder;
    const firstSeq = this.#nextSeq - count;
    this.#lastCount = count;
    const bytes = this.#builder.finish(producer);
    const offset = this.#nextOffset;
    sealBatch(bytes, this.#identity, offset);
    this.#nextOffset += bytes.length;
    const entries = staged.flatMap((blob) => this.#context.packEntries(blob));
    if (this.#manifestEntry && !this.#manifestSent) entries.push(this.#manifestEntry);
    this.#manifestSent = true;
    const id = this.#identity;
    entries.push({ kind: entryKinds.events, id, firstSeq, count, offset, bytes });
    const bodyStart = batchHeaderBytes;
    return {
      batch: { bytes, bodyStart, end: bytes.length, firstSeq, count, fileOffset: offset },
      entries,
    };
  }

  /** Commits batches as one unit of the journal. */
  #send(open: OpenBatch, sealed: readonly SealedBatch[]): void {
    this.#inFlight += 1;
    this.#last = open.durable;
    const generation = this.#generation;
    this.#context.commit(sealed.flatMap(({ entries }) => entries)).then(
      () => {
        this.#inFlight -= 1;
        const before = this.tail.size;
        const batches = sealed.map(({ batch }) => batch);
        for (const batch of batches) this.tail.commit(batch);
        this.#context.whileSyncing(this.#getReady);
        this.#context.committed(this.id, this.tail.size, this.tail.size - before, batches);
        open.resolve();
        if (this.#inFlight === 0) this.#seal();
      },
      (error: unknown) => this.#failed(open, generation, error),
    );
  }

  /** What the next events would have to wait for: as many salts as the last batch took. */
  readonly #getReady = (): void => {
    this.tail.grow();
    this.#salts.prepare(this.#nextSeq, this.#lastCount);
  };

  /** The journal did not take a batch, nor anything behind it. */
  #failed(open: OpenBatch, generation: number, error: unknown): void {
    this.#inFlight -= 1;
    this.#giveUp(open, error);
    if (generation === this.#generation) this.#context.failed(error);
    // What was appended since the failure stands on what is committed.
    if (this.#inFlight === 0) this.#seal();
  }

  /**
   * Goes back to what is committed: the journal has failed, and what is collected here may name
   * chunks that were lost with it. Batches under way hear of it by themselves.
   */
  giveUpUncommitted(error: unknown): void {
    this.#generation += 1;
    if (this.#open) this.#giveUp(this.#open, error);
    this.#open = undefined;
    this.#last = Promise.resolve();
    this.#builder.clear();
    this.#nextSeq = this.tail.size;
    this.#nextOffset = this.tail.end;
    if (this.tail.size === 0) this.#manifestSent = false;
  }

  #giveUp(open: OpenBatch, error: unknown): void {
    if (open.timer) clearTimeout(open.timer);
    for (const staged of open.staged) this.#context.abandon(staged);
    open.reject(error);
  }

  /** Resolves when everything appended so far is durable; rejects when something is not. */
  async flush(): Promise<void> {
    this.#seal();
    await this.#last;
  }

  /** Flushes and takes no more events. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = new ReachError("CLOSED", `the writer of session ${this.id} is closed`);
    await this.flush();
    this.tail.flush();
  }

  #entry(kind: JournalEntry["kind"], offset: number, bytes: Uint8Array): JournalEntry {
    assert(kind !== entryKinds.events, "events are entered with their seqs");
    return { kind, id: this.#identity, firstSeq: 0, count: 0, offset, bytes };
  }
}
