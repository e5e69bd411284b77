/**
 * Where in its source a session failed. Sessions run without stacks, which cost too much and name
 * files of one machine: the step that failed is run once more with stacks on, over its events.
 */
import { decodeStep } from "../../driver/index.ts";
import type { EventView } from "../../event/index.ts";
import type { OpenSession } from "../open-sessions.ts";
import { compiledProgram } from "./compiled-program.ts";
import { programEvent } from "./event-group.ts";
import { runExecutedState } from "./executed-state.ts";
import type { FailurePlaceTask } from "./executed-task.ts";
import { attemptStep, placeOfStack, type StepStart } from "./step-attempt.ts";

/** `file:line:column`; `null` where the session has not failed, or what was thrown has no stack. */
export function failurePlace(session: OpenSession, task: FailurePlaceTask): string | null {
  const { size } = session.extent(Number.POSITIVE_INFINITY);
  const start = stepStart(session, task, size);
  if (!start) return null;
  const program = compiledProgram(task.program);
  const events = session.events(start.head.seq, size);
  const options = { stacks: true, faultAt: size };
  const { seq, made, stack, thrown } = attemptStep(program, task.secrets, start, events, options);
  if (seq === null) return placeOfStack(program, thrown);
  // `reduce` has thrown before the step began; or else the step does something else now.
  return made.length === 0 ? placeOfStack(program, stack) : null;
}

/** Events of a step with their notes, mostly. */
const tailEvents = 8192;

/** The last event behind which a step began. */
function lastHead(session: OpenSession, from: number, size: number): EventView | undefined {
  let head: EventView | undefined;
  for (const event of session.events(from, size)) {
    if (event.seq === 0 || event.kind === "step") head = event;
  }
  return head || from === 0 ? head : lastHead(session, 0, size);
}

/** The beginning of the last step; nothing when the session did not end by failing. */
function stepStart(
  session: OpenSession,
  task: FailurePlaceTask,
  size: number,
): StepStart | undefined {
  const [end] = session.events(size - 1, size);
  const head = end && lastHead(session, Math.max(0, size - tailEvents), size);
  if (end?.kind !== "end" || end.type !== "failed" || !head) return undefined;
  if (head.kind !== "step") return { head, state: undefined, unread: [] };
  const state = runExecutedState(session, { ...task, kind: "executed-state", at: head.seq }).bytes;
  const { unread } = decodeStep(head.payloadBytes, head.seq);
  const inputs = unread.flatMap((seq) => [...session.events(seq, seq + 1)]);
  return { head, state, unread: inputs.map(programEvent) };
}
