/**
 * Why a replay of an executed session diverged. The step is run again in fresh contexts, from the
 * state that the events alone lead to: twice to see whether it does the same each time, once more
 * with stacks on to find the line. Then what was recorded and what was made are put side by side.
 */
import { decodeValue, equalBytes } from "../../base/index.ts";
import { decodeStep } from "../../driver/index.ts";
import type { EventView } from "../../event/index.ts";
import {
  changeOf,
  type Difference,
  differences,
  type EventMark,
  isMade,
  type MadeOperation,
  markOf,
  markOfMade,
  markOfRecorded,
  OperationDigest,
  type OperationDivergence,
  type OperationMark,
  programMark,
  type StateMarks,
} from "../../replay/index.ts";
import type { CompiledProgram } from "../../sandbox/index.ts";
import type { OpenSession } from "../open-sessions.ts";
import { storedState } from "../stretch-run.ts";
import { compiledProgram } from "./compiled-program.ts";
import { fillsBatch } from "./cut-off.ts";
import { eventGroups, programEvent, recordedState } from "./event-group.ts";
import type { ExplainRunTask } from "./executed-task.ts";
import { FoldedCopy } from "./folded-copy.ts";
import type { RenewalMode } from "./renewal.ts";
import { causeOf, type RunFindings } from "./run-cause.ts";
import type { FaultStates, RunFault } from "./run-fault.ts";
import { SessionRerun } from "./session-rerun.ts";
import { type AttemptOutcome, attemptStep, placeOfStack, type StepStart } from "./step-attempt.ts";
import { stateless } from "./step-comparison.ts";

const pathsMax = 10;
const marksMax = 256;

/** Explains one fault; `undefined` when the start state cannot be read. */
export function explainRun(
  session: OpenSession,
  task: ExplainRunTask,
): OperationDivergence | undefined {
  const { start } = task;
  let state: Uint8Array | undefined;
  if (start.kind !== "init") {
    state = start.kind === "bytes" ? start.bytes : storedState(session, start.hash);
    if (!state) return undefined;
  }
  return new Explanation(session, task, state).divergence();
}

class Explanation {
  readonly #session: OpenSession;
  readonly #task: ExplainRunTask;
  readonly #program: CompiledProgram;
  readonly #startState: Uint8Array | undefined;
  readonly #fault: RunFault;
  /** What was made from the fault on. */
  readonly #made: readonly MadeOperation[];

  constructor(session: OpenSession, task: ExplainRunTask, startState: Uint8Array | undefined) {
    this.#session = session;
    this.#task = task;
    this.#program = compiledProgram(task.program);
    this.#startState = startState;
    this.#fault = task.fault;
    const { made, states } = task.fault;
    this.#made = states ? made : made.map(withoutSnapshot);
  }

  divergence(): OperationDivergence {
    const { fault, recordedBy, runtime } = this.#task;
    const program = programMark(this.#program);
    const attempts = fault.states ? [] : this.#attempts();
    const traced = attempts.at(-1);
    const expected = fault.recorded ? this.#recordedMark(fault.seq) : null;
    const [made] = this.#made;
    const actual = made ? markOfMade(made, fault.seq) : null;
    const paths = fault.states?.paths ?? this.#paths(made);
    return {
      about: "operation",
      program,
      recordedBy,
      runtime,
      seq: fault.seq,
      stepFrom: fault.stepFrom,
      delivered: fault.delivered === null ? null : this.#mark(fault.delivered),
      expected,
      actual,
      paths: paths.slice(0, pathsMax),
      more: paths.length > pathsMax,
      change: fault.states
        ? { kind: "state", text: stateChange(fault.states) }
        : changeOf(this.#compared()),
      source: placeOfStack(this.#program, traced?.stack),
      pending: {
        ...fault.waiting,
        calls: fault.waiting.calls.map((seq) => this.#pendingCall(seq)),
      },
      state: fault.states && stateMarks(fault.states),
      lastMatching: fault.lastMatching,
      cause: causeOf({ fault, program, recordedBy, runtime }, this.#findings(attempts)),
    };
  }

  *#events(from: number, to: number): Generator<EventView, void> {
    yield* this.#session.events(from, to);
  }

  #event(seq: number): EventView | undefined {
    for (const event of this.#events(seq, seq + 1)) return event;
    return undefined;
  }

  #mark(seq: number): EventMark | null {
    const event = this.#event(seq);
    return event ? markOf(event) : null;
  }

  /** A call that was made after the divergence is not in the log. */
  #pendingCall(seq: number): EventMark {
    const { madeFrom: at, made } = this.#fault;
    const own = made[seq - at];
    const recorded = seq < at ? this.#mark(seq) : null;
    if (recorded) return recorded;
    return { seq, time: own?.time ?? 0, kind: "call", type: own?.type ?? "(unknown)" };
  }

  #recordedMark(seq: number): OperationMark | null {
    const event = this.#event(seq);
    return event ? this.#markOfRecorded(event) : null;
  }

  #markOfRecorded(event: EventView): OperationMark {
    if (event.kind === "step" && !this.#fault.states) {
      return markOfMade({ ...headerOf(event), data: stateless(event.payloadBytes) }, event.seq);
    }
    return markOfRecorded(event, this.#session.blobs);
  }

  #paths(made: MadeOperation | undefined): readonly Difference[] {
    const { seq, recorded } = this.#fault;
    const event = recorded && made ? this.#event(seq) : undefined;
    if (!event || !made || event.kind !== made.kind || event.type !== made.type) return [];
    const data = event.kind === "step" ? decodeValue(stateless(event.payloadBytes)) : event.data;
    const before = { time: event.time, data };
    const now = { time: made.time, data: decodeValue(made.data) };
    return differences(before, now, { limit: pathsMax + 1 }).map((one) => {
      const { path } = one;
      return path.startsWith("$.data") ? { ...one, path: `$${path.slice("$.data".length)}` } : one;
    });
  }

  /** What was recorded from the fault to the end of its step, and what was made. */
  #compared() {
    const { seq, recorded: isRecorded } = this.#fault;
    const recorded: OperationMark[] = [];
    const later: OperationMark[] = [];
    let isLater = false;
    const events = isRecorded ? this.#events(seq, Number.POSITIVE_INFINITY) : [];
    for (const event of events) {
      if (event.kind === "note") continue;
      if (!isMade(event)) isLater = true;
      else (isLater ? later : recorded).push(this.#markOfRecorded(event));
      const ends = event.kind === "step" || event.kind === "end";
      if (ends || recorded.length + later.length >= marksMax) break;
    }
    return { recorded, later, made: this.#made.map((one, i) => markOfMade(one, seq + i)) };
  }

  /** Two runs of the step, and a third one with stacks. */
  #attempts(): AttemptOutcome[] {
    const start = this.#stepStart();
    if (!start) return [];
    const { secrets } = this.#task;
    const { stepFrom, seq } = this.#fault;
    return [false, false, true].map((stacks) => {
      const events = this.#events(stepFrom - 1, seq + 2);
      return attemptStep(this.#program, secrets, start, events, { stacks, faultAt: seq });
    });
  }

  #stepStart(): StepStart | undefined {
    const { stepFrom } = this.#fault;
    const head = this.#event(stepFrom - 1);
    if (!head) return undefined;
    if (head.seq === 0) return { head, state: undefined, unread: [] };
    const state = this.#stateBefore(head.seq);
    if (!state) return undefined;
    const { unread } = decodeStep(head.payloadBytes, head.seq);
    const inputs = unread.flatMap((seq) => this.#event(seq) ?? []);
    return { head, state, unread: inputs.map(programEvent) };
  }

  /** The state after `size` events, folded from the start of the stretch. */
  #stateBefore(size: number): Uint8Array | undefined {
    const { startAt } = this.#task;
    if (size === startAt && this.#startState) return this.#startState;
    return this.#folded(size, (event) => recordedState(event) !== undefined);
  }

  /** The state after `size` events, in contexts that are renewed before some of them. */
  #folded(size: number, renewsBefore: (event: EventView) => boolean): Uint8Array | undefined {
    const { startAt } = this.#task;
    const copy = new FoldedCopy(this.#program);
    try {
      if (this.#startState) copy.restore(this.#startState);
      for (const event of this.#events(startAt, size)) {
        if (event.kind === "note") continue;
        if (event.seq === 0) copy.init(programEvent(event));
        else if (event.seq > startAt && renewsBefore(event)) renew(copy);
        copy.fold(programEvent(event));
      }
      return copy.state().bytes;
    } finally {
      copy.dispose();
    }
  }

  /** Whether `reduce` gives another state in contexts that have seen nothing before. */
  #reduceKeeps(): boolean {
    const { seq, states } = this.#fault;
    if (!states) return false;
    const kept = this.#folded(seq, (event) => recordedState(event) !== undefined);
    const renewed = this.#folded(seq, () => true);
    return kept !== undefined && (renewed === undefined || !equalBytes(kept, renewed));
  }

  #findings(attempts: readonly AttemptOutcome[]): RunFindings {
    const [first, second] = attempts;
    const again = this.#rerun(this.#task.renewal);
    const unstable = first !== undefined && second !== undefined && !isSameOutcome(first, second);
    return {
      unstable: unstable || !isSameFault(again, this.#fault),
      freshDoesAsRecorded: first !== undefined && first.seq === null,
      reduceKeeps: this.#reduceKeeps(),
      keptDoesAsRecorded: this.#rerun("never")?.seq !== this.#fault.seq,
    };
  }

  /** Runs the stretch once more, up to the fault; returns the fault that it finds. */
  #rerun(renewal: RenewalMode): RunFault | undefined {
    const { secrets, comparesStates, startAt } = this.#task;
    const run = new SessionRerun(
      {
        program: this.#program,
        secrets,
        comparesStates,
        renewal,
        eventAt: (seq) => this.#event(seq) as EventView,
        stateBytes: (hash) => storedState(this.#session, hash),
        onState: () => {},
        endsBehind: (seq) => fillsBatch(this.#session, seq),
        digest: new OperationDigest(),
      },
      startAt,
    );
    try {
      if (this.#startState) run.restore(startAt, this.#startState);
      for (const group of eventGroups(this.#events(startAt, Number.POSITIVE_INFINITY))) {
        const fault = run.take(group);
        if (fault || group.head.seq > this.#fault.seq) return fault;
      }
      return undefined;
    } finally {
      run.dispose();
    }
  }
}

function headerOf({ kind, type, time }: EventView): Omit<MadeOperation, "data"> {
  return { kind, type, time };
}

/** Where a snapshot is taken is the host's affair: it is no difference of what was made. */
function withoutSnapshot(made: MadeOperation): MadeOperation {
  return made.kind === "step" ? { ...made, data: stateless(made.data) } : made;
}

/** Goes on from the encoded state in a fresh context. */
function renew(copy: FoldedCopy): void {
  const { bytes } = copy.state();
  if (bytes) copy.goOnFrom(bytes);
}

function isSameOutcome(a: AttemptOutcome, b: AttemptOutcome): boolean {
  return a.seq === b.seq && isSameMade(a.made, b.made);
}

function isSameFault(a: RunFault | undefined, b: RunFault): boolean {
  return a !== undefined && a.seq === b.seq && isSameMade(a.made, b.made.slice(0, a.made.length));
}

function isSameMade(a: readonly MadeOperation[], b: readonly MadeOperation[]): boolean {
  return (
    a.length === b.length &&
    a.every((one, i) => {
      const other = b[i] as MadeOperation;
      const sameName = one.kind === other.kind && one.type === other.type;
      return sameName && one.time === other.time && equalBytes(one.data, other.data);
    })
  );
}

function stateMarks({ recorded, run, folded }: FaultStates): StateMarks {
  const hex = (hash: Uint8Array | null): string | null =>
    hash && Buffer.from(hash.buffer, hash.byteOffset, hash.length).toString("hex");
  return { recorded: hex(recorded), run: hex(run), folded: hex(folded) };
}

function stateChange({ recorded, run, folded, refused }: FaultStates): string {
  if (refused !== null) return "everything that was made is the same, and the state is none";
  const same = run !== null && folded !== null && equalBytes(run, folded);
  if (same && recorded) return "everything that was made is the same, and the state is another one";
  return "the state after running the steps is not the one that their events lead to";
}
