/**
 * The probable cause of a divergence, out of what running the step again has shown: a changed
 * program, or one that gets at something that is in no event, or keeps something beside its state.
 */
import { decodeValue, equalBytes } from "../../base/index.ts";
import type { OperationCause, OperationDivergence, ProgramMark } from "../../replay/index.ts";
import type { RunFault } from "./run-fault.ts";

/** What is known about a run that diverged. */
export interface DivergedRun
  extends Pick<OperationDivergence, "program" | "recordedBy" | "runtime"> {
  readonly fault: RunFault;
}

/** What running again has shown. */
export interface RunFindings {
  /** Two runs did not do the same. */
  readonly unstable: boolean;
  /** `reduce` gives another state in contexts that have seen nothing before. */
  readonly reduceKeeps: boolean;
  /** In a fresh context, from the state alone, the step does what was recorded. */
  readonly freshDoesAsRecorded: boolean;
  /** In one context with the steps before it, the step does what was recorded. */
  readonly keptDoesAsRecorded: boolean;
}

/** The cause of a fault. */
export function causeOf(run: DivergedRun, findings: RunFindings): OperationCause {
  const { fault, recordedBy, program } = run;
  if (findings.unstable) {
    const text =
      "unrecorded input leaked in: the same step over the same events did not do the same twice. " +
      "Look for what depends on memory, on the depth of the stack, or on time that really passes.";
    return { kind: "unrecorded-input", text };
  }
  const refused = fault.states?.refused ?? refusedState(fault);
  if (refused !== undefined && refused !== null) {
    const text = `the state holds what no snapshot can keep: ${refused}`;
    return { kind: "state-unsupported", text };
  }
  if (findings.reduceKeeps) {
    const text =
      "`reduce` depends on what it left outside the state at earlier events, which a session " +
      "that goes on from a snapshot does not have. Look for variables of modules, and for " +
      "promises.";
    return { kind: "kept-outside-state", text };
  }
  if (isChangedByStep(fault)) {
    const text =
      "the step changed the state, or a variable that `reduce` reads: folding the events alone " +
      "gives another state. Only `reduce` may change the state, and only by what events say.";
    return { kind: "state-changed-by-step", text };
  }
  if (recordedBy) {
    const versions = `recorded with ${named(recordedBy)}, replayed with ${named(program)}`;
    return { kind: "code-changed", text: `the code changed: ${versions}.` };
  }
  if (findings.freshDoesAsRecorded || findings.keptDoesAsRecorded) {
    const text =
      "the step depends on what earlier steps left outside the state, which a resumed session " +
      "does not have. Look for variables of modules, caches and counters; keep them in the state.";
    return { kind: "kept-outside-state", text };
  }
  return surroundings(run);
}

function isChangedByStep({ states }: RunFault): boolean {
  if (!states) return false;
  const { run, folded } = states;
  return run === null || folded === null || !equalBytes(run, folded);
}

/** The state was refused at the end of a step at which the session had taken no snapshot. */
function refusedState({ made }: RunFault): string | undefined {
  const [first] = made;
  if (first?.kind !== "end") return undefined;
  const { error } = decodeValue(first.data) as { error?: { code?: string; message?: string } };
  const { code, message } = error ?? {};
  return code === "STATE_UNSUPPORTED" || code === "STATE_TOO_LARGE" ? message : undefined;
}

function surroundings({ runtime }: DivergedRun): OperationCause {
  const { recorded, now } = runtime;
  const versions =
    recorded !== null && recorded !== now
      ? ` It was recorded with ${recorded}; this is ${now}.`
      : "";
  const text =
    "the same program does the same each time, but not what was recorded: something around it is " +
    `another one than then, or the log was written by something else.${versions}`;
  return { kind: "surroundings", text };
}

function named({ name, version, hash }: ProgramMark): string {
  return `${name} ${version} (${hash.slice(0, 12)})`;
}
