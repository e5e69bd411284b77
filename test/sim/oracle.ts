/**
 * What must be true of the sessions, whatever happened to the disk. The oracle hears of everything
 * that is submitted, acknowledged, shown and signed, each at a moment; then it judges what an
 * engine shows after a power failure at some moment.
 */
import type { Claim, SessionView } from "./engine.ts";
import { TreeMemory } from "./tree.ts";

/** Events that were given to the engine in one call. */
export interface Submission {
  readonly payloads: readonly Uint8Array[];
  /** Whether any number of its first events may survive, and not only all or none. */
  readonly divisible: boolean;
  /** Unknown until the call has returned. */
  firstSeq: number | undefined;
  acknowledgedAt: number;
  /** How many of its first events were acknowledged before all were, and when. */
  readonly parts: { readonly count: number; readonly at: number }[];
}

interface Record {
  readonly submissions: Submission[];
  /** Bytes of the first events, as somebody saw them. */
  readonly bytes: Uint8Array[];
  readonly claims: { readonly claim: Claim; readonly at: number }[];
  readonly shown: { readonly size: number; readonly at: number }[];
  readonly tree: TreeMemory;
  /** When somebody began to remove the session, and when that was done. */
  removing: number;
  removed: number;
}

const never = Number.POSITIVE_INFINITY;

/** A broken promise. */
export class BrokenPromise extends Error {
  constructor(message: string) {
    super(message);
    this.name = "BrokenPromise";
  }
}

function same(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a !== undefined && Buffer.compare(a, b) === 0;
}

/** Knows what was promised, and when. */
export class Oracle {
  readonly #records = new Map<string, Record>();
  readonly #appendsAreWhole: boolean;
  #now = 0;

  constructor(appendsAreWhole: boolean) {
    this.#appendsAreWhole = appendsAreWhole;
  }

  /** The moment: promises made before it hold at it. */
  get now(): number {
    return this.#now;
  }

  created(session: string): void {
    if (this.#records.has(session)) throw new BrokenPromise(`session ${session} is created twice`);
    this.#records.set(session, {
      submissions: [],
      bytes: [],
      claims: [],
      shown: [],
      tree: new TreeMemory(),
      removing: never,
      removed: never,
    });
  }

  submitted(session: string, payloads: readonly Uint8Array[], bulk: boolean): Submission {
    const divisible = bulk || !this.#appendsAreWhole;
    const submission: Submission = {
      payloads,
      divisible,
      firstSeq: undefined,
      acknowledgedAt: never,
      parts: [],
    };
    this.#record(session).submissions.push(submission);
    return submission;
  }

  acknowledged(submission: Submission): void {
    submission.acknowledgedAt = this.#now++;
  }

  /** The first `count` events of a submission are durable. */
  acknowledgedPart(submission: Submission, count: number): void {
    submission.parts.push({ count, at: this.#now++ });
  }

  /** From now on the session may be gone. */
  removing(session: string): void {
    this.#record(session).removing = this.#now++;
  }

  /** It is gone and never comes back. */
  removed(session: string): void {
    this.#record(session).removed = this.#now++;
  }

  /** A checkpoint was published. */
  signed(session: string, claim: Claim): void {
    this.#record(session).claims.push({ claim, at: this.#now++ });
  }

  /** Somebody was shown a session while the engine ran; judges it and holds the engine to it. */
  shown(view: SessionView): void {
    this.#judgeSession(view, this.#now);
    const record = this.#record(view.id);
    this.#holdTo(record, view);
    record.shown.push({ size: view.events.length, at: this.#now++ });
  }

  /** Somebody looked at a session that may yet change its end; judges what was seen. */
  seen(view: SessionView): void {
    this.#judgeSession(view, this.#now);
  }

  /**
   * Somebody looked at a session that nobody had recovered yet, of which the end may be missing;
   * judges only that what was seen had been written there.
   */
  glimpsed({ id, events, payloads, problem }: SessionView): void {
    this.#judgeSession({ id, events, payloads, problem }, 0);
  }

  #holdTo({ bytes }: Record, view: SessionView): void {
    for (let seq = bytes.length; seq < view.events.length; seq++) {
      bytes.push(view.events[seq] as Uint8Array);
    }
  }

  #record(session: string): Record {
    const record = this.#records.get(session);
    if (record === undefined) throw new BrokenPromise(`nobody created the session ${session}`);
    return record;
  }

  /**
   * Judges all that an engine shows after a power failure at the moment `at`. What somebody began
   * to remove before `until` may be gone.
   */
  judge(views: readonly SessionView[], at: number, until = at): void {
    const found = new Set<string>();
    for (const view of views) {
      if (found.has(view.id)) throw new BrokenPromise(`session ${view.id} is there twice`);
      found.add(view.id);
      this.#judgeSession(view, at);
    }
    this.#judgeList(found, at, until);
  }

  /** Somebody listed the sessions while the engine ran. */
  listed(ids: readonly string[]): void {
    this.#judgeList(new Set(ids), this.#now);
  }

  #judgeList(found: ReadonlySet<string>, at: number, until = at): void {
    for (const [id, record] of this.#records) {
      const least = this.#leastSize(record, at);
      if (!found.has(id) && least > 0 && record.removing >= until) {
        throw new BrokenPromise(`session ${id} is gone; ${least} of its events were acknowledged`);
      }
    }
  }

  #leastSize({ submissions, claims, shown }: Record, at: number): number {
    let least = 0;
    for (const { acknowledgedAt, firstSeq, payloads, parts } of submissions) {
      if (acknowledgedAt < at) least = Math.max(least, (firstSeq as number) + payloads.length);
      for (const part of parts) {
        if (part.at < at) least = Math.max(least, (firstSeq as number) + part.count);
      }
    }
    for (const claim of claims) if (claim.at < at) least = Math.max(least, claim.claim.size);
    for (const one of shown) if (one.at < at) least = Math.max(least, one.size);
    return least;
  }

  #judgeSession(view: SessionView, at: number): void {
    const { id, events, payloads, problem } = view;
    const record = this.#record(id);
    if (record.removed < at) throw new BrokenPromise(`session ${id} was removed and is back`);
    if (problem !== undefined) throw new BrokenPromise(`session ${id} is reported: ${problem}`);
    if (events.length !== payloads.length) {
      throw new BrokenPromise(`session ${id} has ${events.length} events, ${payloads.length} read`);
    }
    for (let seq = 0; seq < payloads.length; ) seq += this.#judgeAt(view, record, seq, at);
    const least = this.#leastSize(record, at);
    if (events.length < least) {
      throw new BrokenPromise(`session ${id} has ${events.length} events of ${least} promised`);
    }
    for (let seq = 0; seq < Math.min(events.length, record.bytes.length, least); seq++) {
      if (!same(record.bytes[seq], events[seq] as Uint8Array)) {
        throw new BrokenPromise(`${id}@${seq} has other bytes than were shown before`);
      }
    }
    this.#judgeTree(view, record, at);
  }

  /** Judges what stands at `seq`; returns how many events that accounts for. */
  #judgeAt({ id, payloads }: SessionView, record: Record, seq: number, at: number): number {
    const here = record.submissions.filter((one) => one.firstSeq === seq);
    const promised = here.filter((one) => one.acknowledgedAt < at);
    if (promised.length > 1) throw new BrokenPromise(`${id}@${seq} was acknowledged twice`);
    const unplaced = record.submissions.filter((one) => one.firstSeq === undefined);
    const possible = promised.length > 0 ? promised : [...here, ...unplaced];
    for (const { payloads: wanted, divisible } of possible) {
      const count = matching(payloads, seq, wanted);
      if (count === wanted.length || (count > 0 && divisible && promised.length === 0))
        return count;
      if (count > 0 && seq + count === payloads.length && promised.length === 0) {
        const all = wanted.length;
        throw new BrokenPromise(`${id}@${seq} holds ${count} of the ${all} events of one append`);
      }
    }
    const what = promised.length > 0 ? "is not what was acknowledged" : "was never written there";
    throw new BrokenPromise(`${id}@${seq} ${what}`);
  }

  #judgeTree({ id, events, root, checkpoint }: SessionView, record: Record, at: number): void {
    if (root !== undefined && !same(root, record.tree.root(events, events.length))) {
      throw new BrokenPromise(`session ${id} has a root that is not that of its events`);
    }
    let newest = 0;
    for (const { claim, at: signedAt } of record.claims) {
      if (signedAt >= at) continue;
      newest = Math.max(newest, claim.size);
      this.#judgeClaim(id, events, claim, record);
    }
    if (checkpoint !== undefined) this.#judgeClaim(id, events, checkpoint, record);
    if ((checkpoint?.size ?? 0) < newest) {
      throw new BrokenPromise(`session ${id} lost its published checkpoint of size ${newest}`);
    }
  }

  #judgeClaim(id: string, events: readonly Uint8Array[], claim: Claim, record: Record): void {
    if (claim.size > events.length) {
      throw new BrokenPromise(`session ${id} is shorter than a signed size, ${claim.size}`);
    }
    if (!same(claim.root, record.tree.root(events, claim.size))) {
      throw new BrokenPromise(`session ${id} contradicts its checkpoint of size ${claim.size}`);
    }
  }

  /** An oracle for what comes after `views` were shown: all of it is promised, nothing else. */
  after(views: readonly SessionView[], at: number): Oracle {
    const next = new Oracle(this.#appendsAreWhole);
    for (const view of views) {
      const before = this.#record(view.id);
      next.created(view.id);
      const record = next.#record(view.id);
      next.#holdTo(record, view);
      if (view.payloads.length > 0) {
        const whole = next.submitted(view.id, view.payloads, false);
        whole.firstSeq = 0;
        next.acknowledged(whole);
      }
      const claims = before.claims.filter((one) => one.at < at).map(({ claim }) => claim);
      if (view.checkpoint !== undefined) claims.push(view.checkpoint);
      for (const claim of claims) next.signed(view.id, claim);
    }
    return next;
  }
}

/** How many of `wanted` stand in `payloads` from `seq`. */
function matching(
  payloads: readonly Uint8Array[],
  seq: number,
  wanted: readonly Uint8Array[],
): number {
  let count = 0;
  while (count < wanted.length && same(payloads[seq + count], wanted[count] as Uint8Array)) count++;
  return count;
}
