/**
 * One step run once more in a fresh context, from the state that its events alone lead to: what it
 * makes there, where in its source, and whether that is what was recorded. For reports only.
 */
import {
  type Activation,
  type ProgramEvent,
  SessionDriver,
  type StepContext,
  type StepSecret,
  type Turn,
  type Waiting,
} from "../../driver/index.ts";
import type { EventView } from "../../event/index.ts";
import { isHostEnd, type MadeOperation } from "../../replay/index.ts";
import { type CompiledProgram, sourcePlace } from "../../sandbox/index.ts";
import { isComplete } from "./cut-off.ts";
import { type EventGroup, eventGroups, isGivenUp, isInPlace, programEvent } from "./event-group.ts";
import { isProgramFailure } from "./folded-copy.ts";
import { cameOutAgain } from "./step-comparison.ts";
import { ToldContext } from "./told-context.ts";

/** Where a step begins. */
export interface StepStart {
  /** The trigger, or the `step` event behind which it begins. */
  readonly head: EventView;
  /** The state before that event; `undefined` for the trigger. */
  readonly state: Uint8Array | undefined;
  readonly unread: readonly ProgramEvent[];
}

/** How a step is attempted. */
export interface AttemptOptions {
  /** Collect stacks. */
  readonly stacks: boolean;
  /** Seq at which a replay found the difference. */
  readonly faultAt: number;
}

/** What became of an attempt. */
export interface AttemptOutcome {
  /** Seq at which it did something else; `null` when it did what was recorded. */
  readonly seq: number | null;
  /** What it made from there on. */
  readonly made: readonly MadeOperation[];
  readonly waiting: Waiting;
  /** The stack of the first of `made`, or of what was thrown. */
  readonly stack: string | undefined;
  /** The stack of what was thrown, where it ended as was recorded. */
  readonly thrown?: string | undefined;
}

/** A context that remembers the stacks of what was made in it. */
class TracedContext implements StepContext {
  readonly #context: ToldContext;
  readonly stacks: (string | undefined)[] = [];
  failure: string | undefined;

  constructor(program: CompiledProgram, stacks: boolean) {
    this.#context = new ToldContext(program, { stacks });
  }

  init(trigger: ProgramEvent): void {
    this.#failing(() => this.#context.init(trigger));
  }

  restore(snapshot: Uint8Array): void {
    this.#context.restore(snapshot);
  }

  fold(event: ProgramEvent): void {
    this.#failing(() => this.#context.fold(event));
  }

  setInbox(unread: readonly ProgramEvent[], now: number): void {
    this.#context.setInbox(unread, now);
  }

  beginStep(firstSeq: number, key: Uint8Array): Activation {
    return this.#traced(this.#context.beginStep(firstSeq, key));
  }

  deliver(event: ProgramEvent): Activation {
    this.stacks.length = 0;
    return this.#traced(this.#context.deliver(event));
  }

  snapshot(): Uint8Array {
    return this.#context.snapshot();
  }

  dispose(): void {
    this.#context.dispose();
  }

  /** The stack of what `init` or `reduce` throws is the cause of the error. */
  #failing(call: () => void): void {
    try {
      call();
    } catch (error) {
      const { cause } = error as { readonly cause?: unknown };
      this.failure = typeof cause === "string" ? cause : undefined;
      throw error;
    }
  }

  #traced(activation: ReturnType<ToldContext["deliver"]>): Activation {
    const { operations, stacks, failed } = activation;
    for (let i = 0; i < operations.length; i++) this.stacks.push(stacks?.[i]);
    this.failure = failed?.stack;
    return activation;
  }

  /** The stack of `made[index]` of the turn that came last. */
  stackOf(made: readonly MadeOperation[], index: number): string | undefined {
    const isOperation = ({ kind }: MadeOperation): boolean => kind !== "step" && kind !== "end";
    const one = made[index];
    if (!one || !isOperation(one)) return this.failure;
    return this.stacks[made.slice(0, index).filter(isOperation).length];
  }
}

/** Runs the step from its beginning over `events` (its head first), as far as they go. */
export function attemptStep(
  program: CompiledProgram,
  secrets: readonly StepSecret[],
  start: StepStart,
  events: Iterable<EventView>,
  { stacks, faultAt }: AttemptOptions,
): AttemptOutcome {
  const context = new TracedContext(program, stacks);
  const create = (): StepContext => context;
  const driver = new SessionDriver({ create, secrets, snapshotEvents: 1, snapshotAt: () => false });
  const nothing: Waiting = { calls: [], timers: [], inputs: [] };
  let turn: Turn | undefined;
  try {
    for (const group of eventGroups(events)) {
      if (isHostEnd(group.head) || isGivenUp(group) || turn?.ended) break;
      turn = turn ? driver.deliver(programEvent(group.head)) : begin(driver, start);
      if (!turn) {
        return { seq: start.head.seq + 1, made: [], waiting: nothing, stack: context.failure };
      }
      const index = firstDifference(group, turn, faultAt);
      if (index === undefined) continue;
      const seq = group.made[index]?.seq ?? turn.firstSeq + index;
      const stack = context.stackOf(turn.made, index);
      return { seq, made: turn.made.slice(index), waiting: turn.waiting, stack };
    }
    const waiting = turn?.waiting ?? nothing;
    return { seq: null, made: [], waiting, stack: undefined, thrown: context.failure };
  } finally {
    driver.dispose();
  }
}

/** Nothing when `reduce` throws at the event behind which the step begins. */
function begin(driver: SessionDriver, { head, state, unread }: StepStart): Turn | undefined {
  const event = programEvent(head);
  if (state === undefined) driver.begin(event);
  else {
    driver.restore(head.seq, state);
    try {
      driver.fold(event);
    } catch (error) {
      if (!isProgramFailure(error)) throw error;
      return undefined;
    }
  }
  return driver.beginStep(unread, event.time);
}

function firstDifference(
  group: EventGroup,
  { made, firstSeq }: Turn,
  faultAt: number,
): number | undefined {
  const { made: recorded } = group;
  for (const [i, event] of recorded.entries()) {
    const operation = made[i];
    if (!operation || !isInPlace(group, i, firstSeq + i)) return i;
    if (!cameOutAgain(event, operation)) return i;
  }
  // The events end soon behind the fault; where it lies behind all of them, no more was recorded.
  const isAll = isComplete(group) || firstSeq + recorded.length <= faultAt;
  return made.length > recorded.length && isAll ? recorded.length : undefined;
}

/** `file:line:column` in the author's source of the innermost frame that is the program's own. */
export function placeOfStack(
  { where, map }: CompiledProgram,
  stack: string | undefined,
): string | null {
  const frame = stack?.split("\n").find((line) => line.includes(`${where}:`));
  const [, line, column] = /:(\d+):(\d+)\)?$/.exec(frame ?? "") ?? [];
  if (line === undefined || column === undefined) return null;
  return sourcePlace(map, where, Number(line), Number(column) - 1)?.text ?? null;
}
