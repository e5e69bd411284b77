/**
 * Reads the report of an activation: numbers and bytes of buffers that the kernel wrote. Bytes of
 * operations stay where they are until the next call; what outlives that is copied.
 */
import type { Activation, Operation, StepEnd, Waiting } from "./activation.ts";
import { type KernelPort, operationKinds, outcomes, reportFields } from "./kernel-port.ts";

const noNumbers: readonly number[] = [];
const noOperations: readonly Operation[] = [];
const noLogs: readonly Uint8Array[] = [];

/** A step that is over waits for nothing. */
export const notWaiting: Waiting = { calls: [], timers: [], inputs: [] };

/** What a report holds; the rest of an activation is asked for. */
export type ReadReport = Pick<Activation, "operations" | "dropped" | "logs" | "ended" | "now">;

function numbersAt(report: Float64Array, at: number, count: number): readonly number[] {
  if (count === 0) return noNumbers;
  return Array.from(report.subarray(at, at + count));
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

function logsAt(report: Float64Array, from: number, count: number, output: Uint8Array) {
  const logs: Uint8Array[] = [];
  for (let at = from; at < from + 2 * count; at += 2) {
    const start = report[at] as number;
    logs.push(output.slice(start, start + (report[at + 1] as number)));
  }
  return logs;
}

/** The activation that a report is of. */
export function readReport(report: Float64Array, output: Uint8Array, port: KernelPort): ReadReport {
  const count = report[reportFields.operations] as number;
  const dropCount = report[reportFields.dropped] as number;
  const logCount = report[reportFields.logs] as number;
  const droppedAt = reportFields.lists + 3 * count;
  const logsStart = droppedAt + dropCount;
  return {
    operations: count === 0 ? noOperations : operationsAt(report, count, output, port),
    dropped: numbersAt(report, droppedAt, dropCount),
    logs: logCount === 0 ? noLogs : logsAt(report, logsStart, logCount, output),
    ended: stepEnd(report, logsStart + 2 * logCount, output),
    now: report[reportFields.now] as number,
  };
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
