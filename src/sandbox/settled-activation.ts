/**
 * An activation read from the report of the kernel: numbers and bytes of its buffers. Bytes of
 * operations stay where they are until the next call; what outlives that is copied. What a step
 * waits for is only put together when somebody asks: a replay never does.
 */
import type { Activation, Failure, Operation, StepEnd, Waiting } from "./activation.ts";
import { type KernelPort, operationKinds, outcomes, reportFields } from "./kernel-port.ts";

const noNumbers: readonly number[] = [];
const noOperations: readonly Operation[] = [];
const noLogs: readonly Uint8Array[] = [];
/** A step that is over waits for nothing. */
const notWaiting: Waiting = { calls: [], timers: [], inputs: [] };

function numbersAt(report: Float64Array, at: number, count: number): readonly number[] {
  return count === 0 ? noNumbers : Array.from(report.subarray(at, at + count));
}

function operationsAt(
  report: Float64Array,
  count: number,
  output: Uint8Array,
  port: KernelPort,
): Operation[] {
  const time = report[reportFields.now] as number;
  const operations: Operation[] = [];
  for (let i = 0; i < count; i++) {
    const at = reportFields.lists + 3 * i;
    const kind = operationKinds[report[at] as number] as Operation["kind"];
    const start = report[at + 1] as number;
    const data = output.subarray(start, start + (report[at + 2] as number));
    operations.push({ kind, type: port.operationType(i), time, data });
  }
  return operations;
}

function logsAt(
  report: Float64Array,
  from: number,
  count: number,
  output: Uint8Array,
): Uint8Array[] {
  const logs: Uint8Array[] = [];
  for (let at = from; at < from + 2 * count; at += 2) {
    const start = report[at] as number;
    logs.push(output.slice(start, start + (report[at + 1] as number)));
  }
  return logs;
}

function stepEnd(report: Float64Array, at: number, output: Uint8Array): StepEnd | undefined {
  const outcome = report[reportFields.outcome] as number;
  if (outcome !== outcomes.continues && outcome !== outcomes.done) return undefined;
  const abandonedCount = report[reportFields.abandoned] as number;
  const start = report[reportFields.resultStart] as number;
  const size = report[reportFields.resultSize] as number;
  return {
    next: outcome === outcomes.done ? "done" : "continue",
    abandoned: numbersAt(report, at, abandonedCount),
    unread: numbersAt(report, at + abandonedCount, report[reportFields.unread] as number),
    result: size < 0 ? undefined : output.slice(start, start + size),
  };
}

/** The activation that a report is of. */
export class SettledActivation implements Activation {
  readonly operations: readonly Operation[];
  readonly stacks: readonly string[] | undefined;
  readonly dropped: readonly number[];
  readonly logs: readonly Uint8Array[];
  readonly ended: StepEnd | undefined;
  readonly failed: Failure | undefined;
  readonly now: number;
  #waiting: Waiting | (() => Waiting);

  /**
   * `waiting` tells what the step waits for, while that is still so; nothing for one that is
   * over.
   */
  constructor(
    report: Float64Array,
    output: Uint8Array,
    port: KernelPort,
    failed: Failure | undefined,
    stacks: readonly string[] | undefined,
    waiting: (() => Waiting) | undefined,
  ) {
    const count = report[reportFields.operations] as number;
    const dropCount = report[reportFields.dropped] as number;
    const logCount = report[reportFields.logs] as number;
    const droppedAt = reportFields.lists + 3 * count;
    const logsStart = droppedAt + dropCount;
    this.operations = count === 0 ? noOperations : operationsAt(report, count, output, port);
    this.stacks = stacks;
    this.dropped = numbersAt(report, droppedAt, dropCount);
    this.logs = logCount === 0 ? noLogs : logsAt(report, logsStart, logCount, output);
    this.ended = stepEnd(report, logsStart + 2 * logCount, output);
    this.failed = failed;
    this.now = report[reportFields.now] as number;
    this.#waiting = waiting ?? notWaiting;
  }

  get waiting(): Waiting {
    if (typeof this.#waiting === "function") this.#waiting = this.#waiting();
    return this.#waiting;
  }
}
