/**
 * One task of a replay of an executed session, in a worker: reads a part of the log once, hashes
 * its leaves into compact ranges and runs its steps again. What is wrong with the log comes before
 * what is wrong with the program: after a fault of the program the rest is still read.
 */
import { codeOf, equalBytes, messageOf, ReachError } from "../../base/index.ts";
import { BatchWalk, EventView } from "../../event/index.ts";
import { emptyRange, encodeRange, RangeBuilder } from "../../merkle/index.ts";
import { OperationDigest } from "../../replay/index.ts";
import type { OpenSession } from "../open-sessions.ts";
import type { BoundaryState, Corruption } from "../protocol.ts";
import { corruptions, storedState, WatchedPayloads } from "../stretch-run.ts";
import { compiledProgram } from "./compiled-program.ts";
import { fillsBatch } from "./cut-off.ts";
import { type EventGroup, eventGroups, recordedState } from "./event-group.ts";
import type { ExecutedAnswer, ExecutedTask, StretchDigest } from "./executed-task.ts";
import type { RunFault } from "./run-fault.ts";
import { SessionRerun } from "./session-rerun.ts";

/** Bytes of states that one task collects before it reports. */
const stateBytesPerTask = 8 * 1024 * 1024;
/**
 * Events after which a task stops at the next recorded state: progress is seen, aborts are quick.
 */
const taskEventsMax = 16_000;

/** Does one task. */
export class ExecutedStretch {
  readonly #session: OpenSession;
  readonly #task: ExecutedTask;
  readonly #payloads: WatchedPayloads;
  readonly #digest = new OperationDigest();
  readonly #rerun: SessionRerun;
  #range: RangeBuilder;
  /** Index in `marks` of the next size at which the range is cut. */
  #mark = 0;
  /** Events read. */
  #next: number;
  #fault: RunFault | undefined;
  #matched = 0;
  #stateBytes = 0;
  /** The recorded state at which the task stops early. */
  #end: BoundaryState | undefined;
  #isFull = false;
  #digestFrom: number;
  readonly #ranges: Uint8Array[] = [];
  readonly #states: BoundaryState[] = [];
  readonly #digests: StretchDigest[] = [];

  constructor(session: OpenSession, task: ExecutedTask) {
    const { startAt, from, secrets, comparesStates, renewal } = task;
    this.#session = session;
    this.#task = task;
    this.#payloads = new WatchedPayloads(session.payloads);
    this.#next = startAt;
    this.#digestFrom = startAt;
    this.#range = new RangeBuilder(emptyRange(from));
    const options = {
      program: compiledProgram(task.program),
      secrets,
      comparesStates,
      renewal,
      eventAt: (seq: number) => this.#eventAt(seq),
      stateBytes: (hash: Uint8Array) => storedState(session, hash),
      onState: (size: number, hash: Uint8Array, bytes: Uint8Array) => {
        this.#passState(size, hash, bytes);
      },
      endsBehind: (seq: number) => task.to < task.size || fillsBatch(session, seq),
      digest: this.#digest,
    };
    this.#rerun = new SessionRerun(options, startAt);
  }

  run(): ExecutedAnswer {
    try {
      if (!this.#begin()) return this.#answer(null, true);
      this.#readAll();
      return this.#answer(null, false);
    } catch (error) {
      const cause = this.#payloads.failed ? this.#payloads.failure : error;
      const code = codeOf(cause);
      if (code === undefined || !corruptions.has(code)) throw cause;
      return this.#answer({ seq: this.#next, code, message: messageOf(cause) }, false);
    } finally {
      this.#rerun.dispose();
    }
  }

  /** Takes the start state up; false when it cannot be read, or is not what the log says. */
  #begin(): boolean {
    const { start, startAt, comparesStates } = this.#task;
    if (start.kind === "init") return true;
    const bytes = start.kind === "bytes" ? start.bytes : storedState(this.#session, start.hash);
    if (!bytes) return false;
    if (start.kind === "blob" && comparesStates) {
      const state = recordedState(this.#eventAt(startAt));
      if (!state || !equalBytes(state, start.hash)) return false;
    }
    this.#rerun.restore(startAt, bytes);
    return true;
  }

  #eventAt(seq: number): EventView {
    for (const event of this.#session.events(seq, seq + 1, this.#payloads)) return event;
    throw this.#cutShort(seq);
  }

  #cutShort(seq: number): ReachError {
    return new ReachError("CORRUPT", `the log ends before event ${seq} of ${this.#task.size}`);
  }

  #readAll(): void {
    for (const group of eventGroups(this.#events())) {
      this.#run(group);
      if (this.#isFull) break;
    }
    if (this.#next < this.#task.to && !this.#isFull) throw this.#cutShort(this.#next);
    this.#cut();
  }

  /** The events of the task, hashed as they pass, and the step event behind them. */
  *#events(): Generator<EventView, void> {
    const { startAt, to, size } = this.#task;
    // It says what the state is to be.
    const end = Math.min(to + 1, size);
    for (const batch of this.#session.log.batches(startAt, end)) {
      for (const walk = new BatchWalk(batch); walk.next() && walk.seq < end; ) {
        if (walk.seq < startAt) continue;
        const event = new EventView(walk.event(), this.#payloads);
        this.#hash(event, walk.preimage());
        yield event;
      }
    }
  }

  #run(group: EventGroup): void {
    if (this.#fault) return;
    this.#fault = this.#rerun.take(group);
    if (this.#payloads.failed) throw this.#payloads.failure;
  }

  /** Ranges are cut where a root is signed, and where a snapshot may be. */
  #hash(event: EventView, preimage: Uint8Array): void {
    const { from, to, marks } = this.#task;
    const { seq } = event;
    if (seq >= to) return;
    if (seq >= from) {
      const isMark = seq === marks[this.#mark];
      if (isMark) this.#mark += 1;
      if (isMark || recordedState(event)) this.#cut();
      this.#range.appendLeaf(preimage);
    }
    this.#next = seq + 1;
  }

  #cut(): void {
    if (this.#range.end <= this.#range.begin) return;
    this.#ranges.push(encodeRange(this.#range.range()));
    this.#range = new RangeBuilder(emptyRange(this.#range.end));
  }

  #passState(size: number, hash: Uint8Array, bytes: Uint8Array): void {
    const { newAfter, from, to, keep, records } = this.#task;
    this.#takeDigest(size);
    if (size > newAfter) {
      this.#matched += 1;
      const known = records.includes(size) && storedState(this.#session, hash) !== undefined;
      if (keep && !known) {
        this.#states.push({ at: size, hash, bytes });
        this.#stateBytes += bytes.length;
      }
    }
    this.#end = { at: size, hash, bytes };
    const full = this.#stateBytes >= stateBytesPerTask || size - from >= taskEventsMax;
    this.#isFull = full && size > from && size < to;
  }

  #takeDigest(until: number): void {
    const from = this.#digestFrom;
    this.#digestFrom = until;
    const taken = this.#digest.take();
    if (from >= this.#task.newAfter && taken.operations > 0) this.#digests.push({ from, ...taken });
  }

  #answer(corruption: Corruption | null, startDamaged: boolean): ExecutedAnswer {
    const { to, size } = this.#task;
    const end = this.#isFull ? this.#end : undefined;
    const over = !corruption && !startDamaged && !end;
    const whole = over && !this.#fault;
    if (over) this.#takeDigest(this.#fault?.seq ?? to);
    return {
      reached: this.#next,
      ranges: this.#ranges,
      compared: this.#rerun.compared,
      matched: this.#matched,
      states: this.#states,
      end: end ? { at: end.at, bytes: end.bytes } : null,
      stateHash: whole && to === size ? this.#rerun.state().hash : null,
      digests: this.#digests,
      fault: this.#fault ?? null,
      corruption,
      startDamaged,
    };
  }
}
