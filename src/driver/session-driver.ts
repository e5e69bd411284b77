/**
 * The activation loop: the one way in which a program is run, live, while resuming, and in replay.
 * It hands one outside event to the context, takes over what the program made of it, ends steps and
 * begins the next ones, takes snapshots, and says what is to be appended. It does no input or
 * output and knows no clock, so that the same events give the same events again.
 */
import { assert, codeOf, equalBytes, messageOf, ReachError, sha256 } from "../base/index.ts";
import type { EventKind } from "../event/index.ts";
import { decodeStep, encodeDone, encodeFailure, encodeStep } from "./record-data.ts";
import type {
  Activation,
  Failure,
  Operation,
  ProgramEvent,
  StepContext,
  StepEnd,
  Waiting,
} from "./step-context.ts";
import { keyOfStep, type StepSecret } from "./step-key.ts";

/** An event that is to be appended; its payload is CBOR, its `ref` is null. */
export interface MadeEvent {
  readonly kind: EventKind;
  readonly type: string;
  readonly time: number;
  readonly data: Uint8Array;
}

/** A state that is to be kept, after `size` events. */
export interface DriverSnapshot {
  readonly size: number;
  readonly hash: Uint8Array;
  readonly bytes: Uint8Array;
}

/** What came of one outside event, or of the beginning of a step. */
export interface Turn {
  /** Seq of the first of `made`. */
  readonly firstSeq: number;
  readonly made: readonly MadeEvent[];
  readonly snapshots: readonly DriverSnapshot[];
  /** What the program logged, CBOR each: notes for the log, which no program sees. */
  readonly logs: readonly Uint8Array[];
  /** What the session waits for now; timers that are not in it are not waited for any more. */
  readonly waiting: Waiting;
  /** The last of `made` is an `end`. */
  readonly ended: boolean;
}

/** What a driver needs. */
export interface DriverOptions {
  /** A context that no session has used. */
  create(): StepContext;
  readonly secrets: readonly StepSecret[];
  /** Events after which a snapshot is taken. */
  readonly snapshotEvents: number;
  /** Instead: whether one is taken at the step event with this seq. Replay follows the record. */
  readonly snapshotAt?: (seq: number) => boolean;
  /**
   * The payload of a `step` event as it is recorded, which is what programs see of it. A replay
   * takes snapshots where the session took none, and a program must not see that.
   */
  readonly recordedStep?: (seq: number) => Uint8Array | undefined;
  /**
   * Whether the session was given up at this seq for steps that never waited; nothing where its
   * record says nothing, and steps are counted. A replay may begin amid them, and a session that
   * was resumed there has begun to count anew.
   */
  readonly spentAt?: (seq: number) => boolean | undefined;
}

/** Most events of a step, notes not counted; most steps after one outside event. */
export const stepEventsMax = 4096;
/** Steps that one outside event may lead to. */
export const stepsPerActivationMax = 10_000;
/** Why a session ends whose steps never wait. */
export const neverWaited: Failure = {
  name: "Error",
  message: `${stepsPerActivationMax} steps went by without anything from outside`,
  code: "STEP_STALLED",
};
/** What is logged at a time and is larger is left out: it is there to be read by people. */
const logBytesMax = 64 * 1024;
/** What an event takes in a log beside its data, about. */
const headerBytes = 48;

const nothing: Waiting = { calls: [], timers: [], inputs: [] };

interface OpenTurn {
  readonly firstSeq: number;
  readonly made: MadeEvent[];
  readonly snapshots: DriverSnapshot[];
  readonly logs: Uint8Array[];
}

/** One session being run. After `end`, and after anything was thrown, it only takes `dispose`. */
export class SessionDriver {
  readonly #options: DriverOptions;
  #context: StepContext;
  /** Inputs that may still be unread at the end of the step. */
  #inputs = new Map<number, ProgramEvent>();
  /** Calls of steps that have ended, without a result. */
  readonly #leftOver = new Set<number>();
  #nextSeq = 0;
  #stepEvents = 0;
  #now = 0;
  #snapshotSize = 0;
  #snapshotBytes = 0;
  #bytesSince = 0;
  /** Why the session ends before its first step. */
  #stillborn: Failure | undefined;

  constructor(options: DriverOptions) {
    this.#options = options;
    this.#context = options.create();
  }

  /**
   * Begins with the trigger: the state before anything else, and the trigger folded. What the
   * program throws ends the session in its first step.
   */
  begin(trigger: ProgramEvent): void {
    assert(trigger.seq === 0, "a session begins with its trigger");
    this.#passed(trigger);
    try {
      this.#context.init(trigger);
      this.#context.fold(trigger);
    } catch (error) {
      this.#stillborn = failureOf(error);
    }
  }

  /** Begins with the state after `size` events. */
  restore(size: number, state: Uint8Array): void {
    this.#context.restore(state);
    this.#nextSeq = size;
    this.#snapshotSize = size;
    this.#snapshotBytes = state.length;
  }

  /**
   * Folds an event up to the last step that has ended. Where the live session took a snapshot, this
   * one goes through the same bytes. Throws `PROGRAM_FAILED`, and `RESUME_DIVERGED` when the state
   * is another one.
   */
  fold(event: ProgramEvent): void {
    if (event.kind === "step") {
      const { state, leftOver } = decodeStep(event.payload, event.seq);
      if (state && event.seq > this.#snapshotSize) this.#renew(event.seq, state);
      for (const call of leftOver) this.#leftOver.add(call);
    }
    this.#context.fold(event);
    this.#passed(event);
  }

  #renew(seq: number, expected: Uint8Array): void {
    const bytes = this.#context.snapshot();
    if (!equalBytes(sha256(bytes), expected)) {
      throw new ReachError("RESUME_DIVERGED", `before event ${seq} the state is another one`, {
        hint: "`reach replay` says where the program did something else",
      });
    }
    this.#goOnFrom(seq, bytes);
  }

  /** From here on nothing counts but the bytes: a fresh context begins with them. */
  #goOnFrom(size: number, bytes: Uint8Array): void {
    // First the old one: the new one then takes its realm, in which the code is warm.
    this.#context.dispose();
    this.#context = this.#options.create();
    this.#context.restore(bytes);
    this.#snapshotSize = size;
    this.#snapshotBytes = bytes.length;
    this.#bytesSince = 0;
  }

  #passed({ seq, time, kind, ref, payload }: ProgramEvent): void {
    if (kind === "result" && ref !== null) this.#leftOver.delete(ref);
    this.#nextSeq = seq + 1;
    this.#now = Math.max(this.#now, time);
    this.#bytesSince += payload.length + headerBytes;
  }

  /** Begins a step behind what has been folded. */
  beginStep(unread: readonly ProgramEvent[], now: number): Turn {
    this.#now = now;
    this.#inputs = new Map(unread.map((event) => [event.seq, event]));
    const stillborn = this.#stillborn;
    if (stillborn) return this.#turn((turn) => this.#fail(turn, stillborn));
    this.#context.setInbox(unread, now);
    return this.#turn((turn) => this.#runSteps(turn));
  }

  /** Delivers one outside event that is in the log at `event.seq`. */
  deliver(event: ProgramEvent): Turn {
    assert(event.seq >= this.#nextSeq, "an outside event comes after what the program made");
    this.#passed(event);
    this.#stepEvents += 1;
    if (event.kind === "input") this.#inputs.set(event.seq, event);
    return this.#turn((turn) => {
      const activation = this.#context.deliver(event);
      return this.#take(turn, activation) ?? this.#runSteps(turn, activation);
    });
  }

  dispose(): void {
    this.#context.dispose();
  }

  /** `run` returns what the session waits for, or nothing when it has ended. */
  #turn(run: (turn: OpenTurn) => Waiting | "ended"): Turn {
    const turn: OpenTurn = { firstSeq: this.#nextSeq, made: [], snapshots: [], logs: [] };
    let waiting: Waiting | "ended";
    try {
      waiting = run(turn);
    } catch (error) {
      waiting = this.#fail(turn, failureOf(error));
    }
    const ended = waiting === "ended";
    return { ...turn, ended, waiting: waiting === "ended" ? nothing : waiting };
  }

  /** Runs steps, after the one that `after` may have ended, until one waits. */
  #runSteps(turn: OpenTurn, after?: Activation): Waiting | "ended" {
    let activation = after ?? this.#begin();
    if (!after) {
      const ended = this.#take(turn, activation);
      if (ended) return ended;
    }
    for (let steps = 0; !this.#isSpent(steps); steps++) {
      if (!activation.ended) return this.#waiting(turn, activation);
      if (this.#endStep(turn, activation.ended) === "done") return "ended";
      activation = this.#begin();
      const ended = this.#take(turn, activation);
      if (ended) return ended;
    }
    return this.#fail(turn, neverWaited);
  }

  #isSpent(steps: number): boolean {
    return this.#options.spentAt?.(this.#nextSeq) ?? steps >= stepsPerActivationMax;
  }

  #begin(): Activation {
    this.#stepEvents = 0;
    return this.#context.beginStep(this.#nextSeq, keyOfStep(this.#options.secrets, this.#nextSeq));
  }

  #waiting(turn: OpenTurn, { waiting }: Activation): Waiting | "ended" {
    const { calls, timers, inputs } = waiting;
    if (calls.length + timers.length + inputs.length > 0) return waiting;
    const message = "the step waits for something that can never come";
    return this.#fail(turn, { name: "Error", message, code: "STEP_STALLED" });
  }

  /** Takes over what the program made; says whether the session ended with it. */
  #take(turn: OpenTurn, activation: Activation): "ended" | undefined {
    this.#now = Math.max(this.#now, activation.now);
    for (const log of activation.logs ?? []) if (log.length <= logBytesMax) turn.logs.push(log);
    for (const operation of activation.operations) {
      if (this.#stepEvents >= stepEventsMax) return this.#tooLong(turn);
      this.#stepEvents += 1;
      this.#make(turn, madeOf(operation));
    }
    if (this.#stepEvents > stepEventsMax) return this.#tooLong(turn);
    return activation.failed ? this.#fail(turn, activation.failed) : undefined;
  }

  #tooLong(turn: OpenTurn): "ended" {
    const message = `a step has more than ${stepEventsMax} events: let it return earlier`;
    return this.#fail(turn, { name: "Error", message, code: "STEP_TOO_LONG" });
  }

  #make(turn: OpenTurn, event: MadeEvent): void {
    turn.made.push(event);
    this.#nextSeq += 1;
    this.#bytesSince += event.data.length + headerBytes;
  }

  #fail(turn: OpenTurn, failure: Failure): "ended" {
    const type = failure.name === "Cancelled" ? "cancelled" : "failed";
    this.#make(turn, { kind: "end", type, time: this.#now, data: encodeFailure(failure) });
    return "ended";
  }

  #endStep(turn: OpenTurn, end: StepEnd): "continue" | "done" {
    const seq = this.#nextSeq;
    const bytes = this.#isSnapshotDue(seq) ? this.#context.snapshot().slice() : undefined;
    const state = bytes && sha256(bytes);
    const data = encodeStep(end, state, [...this.#leftOver]);
    for (const call of end.abandoned) this.#leftOver.add(call);
    const step = { kind: "step", type: end.next, time: this.#now, data } as const;
    this.#make(turn, step);
    if (bytes && state) {
      turn.snapshots.push({ size: seq, hash: state, bytes });
      this.#goOnFrom(seq, bytes);
    }
    const payload = this.#options.recordedStep?.(seq) ?? data;
    this.#context.fold({ ...step, seq, ref: null, form: "cbor", payload });
    if (end.next === "done") {
      const done = { kind: "end", type: "done", time: this.#now } as const;
      this.#make(turn, { ...done, data: encodeDone(end.result) });
      return "done";
    }
    const unread = end.unread.flatMap((one) => this.#inputs.get(one) ?? []);
    assert(unread.length === end.unread.length, "unread inputs have been delivered");
    this.#inputs = new Map(unread.map((event) => [event.seq, event]));
    this.#context.setInbox(unread, this.#now);
    return "continue";
  }

  /** A state larger than the log since the last one would make snapshots the bulk of everything. */
  #isSnapshotDue(seq: number): boolean {
    const { snapshotAt } = this.#options;
    if (snapshotAt) return snapshotAt(seq);
    const enough = seq >= this.#snapshotSize + this.#options.snapshotEvents;
    return enough && this.#bytesSince >= this.#snapshotBytes;
  }
}

function madeOf({ kind, type, time, data }: Operation): MadeEvent {
  return { kind, type, time, data: data.slice() };
}

/** What a program's failure looks like that came as an error: of `reduce`, or of its state. */
function failureOf(error: unknown): Failure {
  const code = codeOf(error);
  if (code !== "PROGRAM_FAILED" && code !== "STATE_UNSUPPORTED" && code !== "STATE_TOO_LARGE") {
    throw error;
  }
  return { name: "Error", message: messageOf(error), code };
}
