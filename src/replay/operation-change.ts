/**
 * What changed between the operations that were recorded and those that are made now, from the
 * first one that differs on. An operation is named by kind, type and input, so that one call put in
 * front of others is told as one call, and not as a difference of everything behind it.
 */
import type { OperationMark } from "./operation.ts";

/** How operations differ. */
export type ChangeKind =
  /** Made now and not recorded; what was recorded follows. */
  | "inserted"
  /** Recorded and not made now; what follows is made. */
  | "removed"
  /** Both are there, in another order. */
  | "reordered"
  /** Another one in its place; others behind it are the same. */
  | "replaced"
  /** The same operation with another input. */
  | "input"
  /** The same operation at another time: of `now`, not of anything that was made. */
  | "time"
  /** The program waits, or is over, and the log goes on with an operation. */
  | "stopped"
  /** The program makes something, and the log goes on with an event from outside. */
  | "more"
  /** The step, or the session, ends in another way. */
  | "ending"
  /** What was made is the same, the state is not. */
  | "state"
  /** Nothing is the same from here on. */
  | "everything";

/** What changed, with a sentence for people. */
export interface OperationChange {
  readonly kind: ChangeKind;
  readonly text: string;
}

/** Operations from the first difference on, as far as they are known. */
export interface ComparedOperations {
  /** Recorded from the divergence on, up to the next event from outside. */
  readonly recorded: readonly OperationMark[];
  /** Recorded behind that, of the same step. */
  readonly later: readonly OperationMark[];
  /** Made in the same activation. */
  readonly made: readonly OperationMark[];
}

type Named = Pick<OperationMark, "kind" | "type" | "inputHash">;

function isSame(a: Named, b: Named): boolean {
  return a.kind === b.kind && a.type === b.type && a.inputHash === b.inputHash;
}

function isAlike(a: Named, b: Named): boolean {
  return a.kind === b.kind && a.type === b.type;
}

function isEnding({ kind }: Named): boolean {
  return kind === "step" || kind === "end";
}

/** `the call "llm.chat"`. */
export function operationText({ kind, type }: Named): string {
  if (kind === "timer") return "a timer";
  if (kind === "step") return `the end of the step ("${type}")`;
  if (kind === "end") return `the end of the session ("${type}")`;
  return `the ${kind} "${type}"`;
}

/** Tells what changed. `recorded[0]` and `made[0]` are what stands at the divergence. */
export function changeOf(operations: ComparedOperations): OperationChange {
  const { recorded, later, made } = operations;
  const [expected] = recorded;
  const [actual] = made;
  if (!expected && !actual) return change("everything", "nothing can be compared");
  if (!actual) return stopped(expected as OperationMark);
  if (!expected) return more(actual, later);
  if (isSame(expected, actual)) {
    return change("time", `${operationText(actual)} is the same, at another time`);
  }
  if (isEnding(expected) && isEnding(actual)) {
    const now = operationText(actual);
    const before = operationText(expected);
    return change(
      "ending",
      now === before ? `${now}, with another record` : `${now}, not ${before}`,
    );
  }
  return moved(operations, expected, actual);
}

function more(actual: OperationMark, later: readonly OperationMark[]): OperationChange {
  const found = later.find((one) => isSame(one, actual));
  if (!found) {
    return change("more", `${operationText(actual)} is made, and the step has no record of it`);
  }
  const text = `${operationText(actual)} is made earlier`;
  return change("reordered", `${text}; it was recorded as event ${found.seq}`);
}

function moved(
  { recorded, later: behind, made }: ComparedOperations,
  expected: OperationMark,
  actual: OperationMark,
): OperationChange {
  const rest = [...recorded.slice(1), ...behind];
  const later = rest.find((one) => isSame(one, actual));
  const still = made.findIndex((one) => isSame(one, expected));
  if (later && still > 0) {
    const text = `${operationText(actual)} comes before ${operationText(expected)}`;
    return change("reordered", `${text}; it was recorded as event ${later.seq}`);
  }
  if (still > 0) {
    const count = still === 1 ? "a new operation was" : `${still} new operations were`;
    return change("inserted", `${count} inserted before ${operationText(expected)}`);
  }
  if (later) {
    const count = rest.indexOf(later) + 1;
    const gone = count === 1 ? `${operationText(expected)} is` : `${count} operations are`;
    return change("removed", `${gone} missing before ${operationText(actual)}`);
  }
  if (isAlike(expected, actual)) {
    return change("input", `${operationText(actual)} has another input`);
  }
  const text = `${operationText(actual)} instead of ${operationText(expected)}`;
  const others = made.slice(1);
  if (others.some((one) => rest.some((before) => isSame(before, one)))) {
    return change("replaced", text);
  }
  return change("everything", `${text}, and nothing behind it is the same`);
}

function stopped(expected: OperationMark): OperationChange {
  return change("stopped", `${operationText(expected)} was recorded, and is not made`);
}

function change(kind: ChangeKind, text: string): OperationChange {
  return { kind, text };
}
