/**
 * An executed session run again, group by group: what each event from outside leads to is compared
 * with what the log says it led to. Beside the run a copy of the state is folded from the events
 * alone. No effect handler is anywhere near: results come from the log.
 */
import { decodeValue, encodeValue, equalBytes, ReachError } from "../../base/index.ts";
import {
  decodeStep,
  encodeFailure,
  neverWaited,
  SessionDriver,
  type StepSecret,
  type Turn,
} from "../../driver/index.ts";
import type { EventView } from "../../event/index.ts";
import {
  differences,
  isHostEnd,
  isMade,
  type MadeOperation,
  type OperationDigest,
} from "../../replay/index.ts";
import type { CompiledProgram } from "../../sandbox/index.ts";
import { isComplete, mayBeCutOff } from "./cut-off.ts";
import {
  type EventGroup,
  isGivenUp,
  isInPlace,
  programEvent,
  recordedState,
} from "./event-group.ts";
import { type EncodedState, encodedState, FoldedCopy } from "./folded-copy.ts";
import { Renewal, type RenewalMode } from "./renewal.ts";
import { type FaultStates, faultOperationsMax, type RunFault } from "./run-fault.ts";
import { cameOutAgain } from "./step-comparison.ts";
import { ToldContext } from "./told-context.ts";

/** How a session is run again. */
export interface RerunOptions {
  readonly program: CompiledProgram;
  readonly secrets: readonly StepSecret[];
  /** Whether states have to be the recorded ones: not with another program. */
  readonly comparesStates: boolean;
  /** Where steps begin in a fresh context. */
  readonly renewal: RenewalMode;
  /** The event with this seq, for inputs of earlier steps. */
  readonly eventAt: (seq: number) => EventView;
  /** The bytes of a stored state, where they can be read. */
  readonly stateBytes: (hash: Uint8Array) => Uint8Array | undefined;
  /** Told of each state that the log has a hash of and that came out again. */
  readonly onState: (size: number, hash: Uint8Array, bytes: Uint8Array) => void;
  /** Whether the events may end behind this one although what made it went on. */
  readonly endsBehind: (seq: number) => boolean;
  readonly digest: OperationDigest;
}

const differencesMax = 10;
/** The end of a session whose steps never waited. */
const spent = encodeFailure(neverWaited);

/** One run from a state on. After a fault it is not used again. */
export class SessionRerun {
  readonly #options: RerunOptions;
  readonly #driver: SessionDriver;
  readonly #copy: FoldedCopy;
  readonly #renewal: Renewal;
  /** The context that the driver runs the program in. */
  #context: ToldContext | undefined;
  /** The step events of this group, and the hashes of states that some of them have. */
  readonly #recordedSteps = new Map<number, EventView>();
  readonly #recordedStates = new Map<number, Uint8Array>();
  /** What was made in this group. */
  #recorded: readonly EventView[] = [];
  #recordedFrom = 0;
  #stepFrom = 1;
  #started = false;
  #over = false;
  #compared = false;
  #lastMatching: number | null;
  /** A `done` step whose state was the start. */
  #doneStep: EventView | undefined;

  /** `startAt` is the size of the snapshot that the run starts from, or 0. */
  constructor(options: RerunOptions, startAt: number) {
    const { program, secrets, renewal } = options;
    this.#options = options;
    this.#renewal = new Renewal(renewal);
    this.#lastMatching = startAt === 0 ? null : startAt;
    this.#copy = new FoldedCopy(program);
    const create = (): ToldContext => {
      this.#context = new ToldContext(program);
      return this.#context;
    };
    const snapshotAt = (seq: number): boolean => this.#renewsAt(seq);
    const recordedStep = (seq: number) => this.#recordedSteps.get(seq)?.payloadBytes;
    const spentAt = (seq: number) => this.#spentAt(seq);
    const host = { snapshotEvents: 1, snapshotAt, recordedStep, spentAt };
    this.#driver = new SessionDriver({ create, secrets, ...host });
  }

  /** Whether the log said of any activation what it made, be it nothing. */
  get compared(): boolean {
    return this.#compared;
  }

  /** Size of the last snapshot whose state came out again. */
  get lastMatching(): number | null {
    return this.#lastMatching;
  }

  /** Takes the state of a snapshot up; the next group begins with its step event. */
  restore(size: number, state: Uint8Array): void {
    this.#driver.restore(size, state);
    this.#copy.restore(state);
    this.#stepFrom = size + 1;
  }

  /** The state after the events so far, folded from them alone. */
  state(): EncodedState {
    return this.#copy.state();
  }

  dispose(): void {
    this.#driver.dispose();
    this.#copy.dispose();
  }

  /** Runs what a group is about and compares; returns what is not the same. */
  take(group: EventGroup): RunFault | undefined {
    const { head } = group;
    if (isHostEnd(head)) {
      this.#over = true;
      return undefined;
    }
    if (this.#over) return this.#fault(group, undefined, 0);
    if (isGivenUp(group)) {
      if (head.seq === 0) this.#copy.init(programEvent(head));
      this.#copy.fold(programEvent(head));
      return undefined;
    }
    this.#noteSteps(group);
    const turn = this.#started ? this.#deliver(head) : this.#begin(head);
    const fault = turn ? this.#compare(group, turn) : this.#compareDone(group);
    if (turn?.ended) this.#over = true;
    this.#compared ||= group.made.length > 0 || isComplete(group);
    return fault;
  }

  #noteSteps({ head, made }: EventGroup): void {
    this.#recorded = made;
    this.#recordedFrom = head.seq + 1;
    this.#recordedSteps.clear();
    this.#recordedStates.clear();
    for (const event of made) {
      if (event.kind !== "step") continue;
      this.#recordedSteps.set(event.seq, event);
      const state = recordedState(event);
      if (state) this.#recordedStates.set(event.seq, state);
    }
  }

  #spentAt(seq: number): boolean | undefined {
    const event = this.#recorded[seq - this.#recordedFrom];
    return event && event.kind === "end" && equalBytes(event.dataBytes, spent);
  }

  #renewsAt(seq: number): boolean {
    if (!this.#recordedStates.has(seq)) return this.#renewal.next();
    this.#renewal.restart();
    return true;
  }

  #begin(head: EventView): Turn | undefined {
    this.#started = true;
    const event = programEvent(head);
    if (head.seq === 0) {
      this.#copy.init(event);
      this.#copy.fold(event);
      this.#driver.begin(event);
      return this.#driver.beginStep([], event.time);
    }
    this.#copy.fold(event);
    this.#driver.fold(event);
    if (head.type === "done") {
      this.#doneStep = head;
      return undefined;
    }
    const { unread } = decodeStep(event.payload, event.seq);
    const inputs = unread.map((seq) => programEvent(this.#options.eventAt(seq)));
    return this.#driver.beginStep(inputs, event.time);
  }

  #deliver(head: EventView): Turn {
    if (isMade(head)) throw new ReachError("BUG", "a group begins with an event from outside");
    const event = programEvent(head);
    this.#copy.fold(event);
    return this.#driver.deliver(event);
  }

  /** The `end` behind a step that said that the session is done. */
  #compareDone(group: EventGroup): RunFault | undefined {
    const [end, ...more] = group.made;
    const step = this.#doneStep as EventView;
    this.#over = true;
    if (!end) return undefined;
    const { result } = step.data as { readonly result?: unknown };
    const data = encodeValue(result === undefined ? {} : { result });
    const made: MadeOperation = { kind: "end", type: "done", time: step.time, data };
    if (more.length === 0 && cameOutAgain(end, made)) {
      this.#options.digest.add(end.seq, made);
      return undefined;
    }
    const waiting = { calls: [], timers: [], inputs: [] };
    const turn = { firstSeq: end.seq, made: [made], snapshots: [], logs: [], waiting, ended: true };
    return this.#fault(group, turn, 0);
  }

  #compare(group: EventGroup, turn: Turn): RunFault | undefined {
    const { made: recorded } = group;
    const { made, firstSeq } = turn;
    for (let i = 0; i < recorded.length; i++) {
      const event = recorded[i] as EventView;
      const operation = made[i];
      const inPlace = isInPlace(group, i, firstSeq + i);
      if (!operation || !inPlace || !cameOutAgain(event, operation))
        return this.#fault(group, turn, i);
      this.#options.digest.add(event.seq, operation);
      const fault = this.#pass(group, turn, event, i);
      if (fault) return fault;
    }
    const more = made.length > recorded.length;
    if (more && !mayBeCutOff(group, made, this.#options)) {
      return this.#fault(group, turn, recorded.length);
    }
    return this.#settle(group, turn);
  }

  /** One event came out again: the copy follows, and states are compared where there are any. */
  #pass(group: EventGroup, turn: Turn, event: EventView, index: number): RunFault | undefined {
    if (event.kind === "end" && event.type === "done") {
      const fault = this.#compareLast(group, turn, index);
      if (fault) return fault;
    }
    if (event.kind === "step") {
      const fault = this.#compareStates(group, turn, event, index);
      if (fault) return fault;
      this.#stepFrom = event.seq + 1;
    }
    this.#copy.fold(programEvent(event));
    return undefined;
  }

  #compareStates(
    group: EventGroup,
    turn: Turn,
    { seq }: EventView,
    index: number,
  ): RunFault | undefined {
    const snapshot = turn.snapshots.find(({ size }) => size === seq);
    if (!snapshot) return undefined;
    const { hash, bytes } = snapshot;
    const folded = this.#copy.state();
    const known = this.#recordedStates.get(seq);
    const recorded = this.#options.comparesStates ? known : undefined;
    const same = folded.hash !== null && equalBytes(folded.hash, hash);
    if (!same || (recorded && !equalBytes(recorded, hash))) {
      const kept = same && recorded ? this.#options.stateBytes(recorded) : undefined;
      const states = statesOf({ bytes, hash, refused: null }, folded, recorded, kept);
      return this.#fault(group, turn, index, states);
    }
    if (!known) return undefined;
    this.#copy.goOnFrom(bytes);
    this.#lastMatching = seq;
    this.#options.onState(seq, hash, bytes);
    return undefined;
  }

  /** Everything of the group came out again: at the end of the log the states are compared. */
  #settle(group: EventGroup, turn: Turn): RunFault | undefined {
    if (turn.ended) return undefined;
    const complete = turn.made.length === group.made.length;
    const atEnd = group.next === undefined && complete;
    return atEnd || this.#copy.failed
      ? this.#compareLast(group, turn, turn.made.length)
      : undefined;
  }

  #compareLast(group: EventGroup, turn: Turn, index: number): RunFault | undefined {
    const run = encodedState(this.#context as ToldContext);
    const folded = this.#copy.state();
    if (run.hash && folded.hash && equalBytes(run.hash, folded.hash)) return undefined;
    return this.#fault(group, turn, index, statesOf(run, folded, undefined));
  }

  #fault(
    { head, made: recorded, next }: EventGroup,
    turn: Turn | undefined,
    index: number,
    states: FaultStates | null = null,
  ): RunFault {
    const event = turn ? (recorded[index] ?? next) : head;
    const behind = (recorded.at(-1) ?? head).seq + 1;
    const made = turn?.made.slice(index, index + faultOperationsMax) ?? [];
    return {
      seq: event?.seq ?? behind,
      recorded: event !== undefined,
      stepFrom: this.#stepFrom,
      delivered: head.seq < this.#stepFrom ? null : head.seq,
      made: made.map((one) => ({ ...one, data: new Uint8Array(one.data) })),
      madeFrom: turn ? turn.firstSeq + index : head.seq,
      waiting: turn?.waiting ?? { calls: [], timers: [], inputs: [] },
      states,
      lastMatching: this.#lastMatching,
    };
  }
}

function statesOf(
  run: EncodedState,
  folded: EncodedState,
  recorded: Uint8Array | undefined,
  kept?: Uint8Array,
): FaultStates {
  const expected = kept ?? folded.bytes;
  const limit = differencesMax + 1;
  const paths =
    expected && run.bytes
      ? differences(decodeValue(expected), decodeValue(run.bytes), { limit })
      : [];
  return {
    recorded: recorded ?? null,
    run: run.hash,
    folded: folded.hash,
    paths,
    refused: run.refused ?? folded.refused,
  };
}
