/**
 * The same code run again over what was recorded of it: effects are answered from the log, events
 * are compared with it, and nothing is run or written. The first difference ends it.
 */
import {
  encodeValue,
  nextTurn,
  ReachError,
  type SessionId,
  systemClock,
  timerMsMax,
} from "../base/index.ts";
import { checkEventHeader, type EventKind, type EventView } from "../event/index.ts";
import {
  checkRun,
  type EventInput,
  isResumedNote,
  outcomeOf,
  type RecordedCall,
  type SessionRecorder,
} from "../recording/index.ts";
import { holdsPayload, type MadeOperation, type OperationDivergence } from "../replay/index.ts";
import type { SessionReader } from "../session/index.ts";
import { type EventRole, RecordedScript } from "./recorded-script.ts";
import { rerunDivergence } from "./rerun-divergence.ts";

/** What a rerun came to. */
export interface RerunReport {
  readonly verdict: "identical" | "diverged";
  /** Events that were made again. */
  readonly events: number;
  /** Effects that were answered from the log. */
  readonly effects: number;
  readonly divergence: OperationDivergence | null;
}

/** How code is run again. */
export interface RerunOptions {
  /**
   * How long the code may do nothing, in milliseconds, while it waits for an effect whose result
   * came behind something that it has not made yet. Then it has diverged. Default 10,000.
   */
  readonly patienceMs?: number;
}

const patienceMsDefault = 10_000;

interface Waiting {
  readonly name: string;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

/** A recorded session, being run again. Made by `Reach.rerun`. */
export class Rerun implements SessionRecorder {
  readonly id: SessionId;
  readonly #reader: SessionReader;
  readonly #script: RecordedScript;
  readonly #waiting = new Map<number, Waiting>();
  /** What tells that an event was made again, by its seq. */
  readonly #appended = new Map<number, () => void>();
  /** Calls of effects, answered or not. */
  readonly #effects = new Set<number>();
  #events = 0;
  #answered = 0;
  #giving = false;
  #delivered: EventView | undefined;
  /** Where the recording was taken up again, of what has been read. */
  #resumedAt: number | undefined;
  #divergence: OperationDivergence | undefined;
  #closed = false;
  readonly #patienceMs: number;
  /** Runs while effects wait for results that may not be given out yet. */
  #patience: ReturnType<typeof setTimeout> | undefined;

  constructor(reader: SessionReader, { patienceMs = patienceMsDefault }: RerunOptions = {}) {
    this.id = reader.id;
    this.#reader = reader;
    this.#patienceMs = patienceMs;
    this.#script = new RecordedScript(reader.events(), (event) => this.#roleOf(event));
  }

  /** Compares with the next event that was recorded; resolves with its seq. Throws `DIVERGED`. */
  async append(event: EventInput): Promise<number> {
    this.#checkOpen();
    const { type, data, kind = "emit", time = systemClock(), ref = null } = event;
    const next = this.#script.next?.seq ?? this.#reader.size;
    checkEventHeader({ seq: next, kind, type, time, ref });
    const seq = this.#make(made(kind, type, encodeValue(data)), ref, false);
    await new Promise<void>((resolve) => {
      this.#appended.set(seq, resolve);
      this.#give();
    });
    return seq;
  }

  /** Returns the recorded result, or throws the recorded error; `run` is never called. */
  async effect<Result>(
    name: string,
    input: unknown,
    run: (call: RecordedCall) => Result | PromiseLike<Result>,
  ): Promise<Result> {
    checkRun(name, run);
    const seq = this.#make(made("call", name, encodeValue({ input })), null, true);
    const outcome = new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(seq, { name, resolve, reject });
    });
    this.#give();
    return (await outcome) as Result;
  }

  /** Ends the rerun; says whether everything that was recorded was made again. */
  async close(): Promise<RerunReport> {
    do await nextTurn();
    while (this.#giving);
    const { next } = this.#script;
    if (!this.#closed && !this.#divergence && next) this.#diverge(undefined, null);
    this.#close();
    return {
      verdict: this.#divergence ? "diverged" : "identical",
      events: this.#events,
      effects: this.#answered,
      divergence: this.#divergence ?? null,
    };
  }

  /** The recorded event that was made now; throws where it is another one. */
  #make(operation: MadeOperation, ref: number | null, isEffect: boolean): number {
    this.#checkOpen();
    if (this.#divergence) throw this.#error(this.#divergence);
    const recorded = this.#script.next;
    if (!recorded || !isAgain(recorded, operation, ref)) {
      throw this.#error(this.#diverge(operation, ref));
    }
    this.#events += 1;
    this.#endPatience();
    if (isEffect) this.#effects.add(recorded.seq);
    this.#script.advance(!isEffect);
    this.#give();
    return recorded.seq;
  }

  #roleOf(event: EventView): EventRole {
    const { kind, ref } = event;
    if (isResumedNote(event)) {
      this.#resumedAt = event.seq;
      return "beside";
    }
    if (ref === null || !this.#effects.has(ref)) return "made";
    return kind === "result" ? "given" : kind === "note" ? "beside" : "made";
  }

  /** Answers in the order of the log, each time after everything before has settled. */
  #give(): void {
    if (this.#giving || this.#closed || this.#divergence) return;
    this.#giving = true;
    void nextTurn().then(() => {
      this.#giving = false;
      if (this.#closed || this.#divergence) return;
      const event = this.#script.takeAnswer();
      if (!event) {
        if (this.#script.isOver) this.#noMore();
        else if (this.#waiting.size > 0) this.#bePatient();
        return;
      }
      if (this.#roleOf(event) === "given") this.#answer(event);
      else this.#settle(event.seq);
      this.#give();
    });
  }

  /** What comes next may be made by something that takes its time, or never. */
  #bePatient(): void {
    const patienceMs = Math.min(this.#patienceMs, timerMsMax);
    this.#patience ??= setTimeout(() => this.#diverge(undefined, null), patienceMs);
  }

  #endPatience(): void {
    clearTimeout(this.#patience);
    this.#patience = undefined;
  }

  #settle(seq: number): void {
    this.#appended.get(seq)?.();
    this.#appended.delete(seq);
  }

  #answer(result: EventView): void {
    const call = result.ref as number;
    const waiting = this.#waiting.get(call);
    this.#waiting.delete(call);
    this.#delivered = result;
    this.#answered += 1;
    try {
      waiting?.resolve(outcomeOf(result.payloadBytes));
    } catch (error) {
      waiting?.reject(error);
    }
  }

  /** The recording ends while effects were under way: nobody knows their results. */
  #noMore(): void {
    for (const [seq, { name, reject }] of this.#waiting) {
      const message = `the recording ends before the result of ${name}, event ${seq}`;
      const hint = "its process ended there; `resume` of the session would mark such effects";
      reject(new ReachError("NOT_FOUND", message, { where: `${this.id}@${seq}`, hint }));
    }
    this.#waiting.clear();
  }

  #diverge(operation: MadeOperation | undefined, ref: number | null): OperationDivergence {
    const divergence = rerunDivergence({
      reader: this.#reader,
      script: this.#script,
      delivered: this.#delivered,
      resumedAt: this.#resumedAt,
      made: operation,
      ref,
      pending: [...this.#waiting].map(([seq, { name }]) => ({ seq, name })),
      stack: new Error("here").stack ?? "",
    });
    this.#divergence = divergence;
    this.#release(() => this.#error(divergence));
    return divergence;
  }

  #error({ seq, change, cause }: OperationDivergence): ReachError {
    return new ReachError("DIVERGED", `at event ${seq}: ${change.text}`, {
      where: `${this.id}@${seq}`,
      hint: cause.text,
    });
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#release(() => this.#over());
    this.#reader.close();
  }

  #checkOpen(): void {
    if (this.#closed) throw this.#over();
  }

  #over(): ReachError {
    return new ReachError("CLOSED", `the rerun of session ${this.id} is over`);
  }

  /** Nothing is answered any more: what was appended was made again, what effects gave is open. */
  #release(error: () => ReachError): void {
    this.#endPatience();
    for (const seq of [...this.#appended.keys()]) this.#settle(seq);
    for (const { reject } of this.#waiting.values()) reject(error());
    this.#waiting.clear();
  }
}

function made(kind: EventKind, type: string, data: Uint8Array): MadeOperation {
  return { kind, type, time: systemClock(), data };
}

function isAgain(recorded: EventView, operation: MadeOperation, ref: number | null): boolean {
  const { kind, type, data } = operation;
  const sameHeader = recorded.kind === kind && recorded.type === type && recorded.ref === ref;
  return sameHeader && holdsPayload(recorded, data);
}
