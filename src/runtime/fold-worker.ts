/**
 * A worker thread: does the tasks of `protocol.ts`. It opens the files of the data directory by
 * itself, for reading only. Nothing is thrown across the threads: an error is an answer as well.
 */
import { explain } from "../replay/index.ts";
import { compiledProgram } from "./executed/compiled-program.ts";
import { runExecutedState } from "./executed/executed-state.ts";
import { ExecutedStretch } from "./executed/executed-stretch.ts";
import { explainRun } from "./executed/explain-run.ts";
import { failurePlace } from "./executed/failure-place.ts";
import { OpenSessions } from "./open-sessions.ts";
import { practiseDecoding } from "./practice.ts";
import { ProgramSlot } from "./program-slot.ts";
import {
  type ExplainAnswer,
  type ExplainTask,
  type ProgramText,
  plainError,
  type WatchedTask,
  type WorkerAnswers,
  type WorkerReply,
  type WorkerTask,
} from "./protocol.ts";
import { runState } from "./state-run.ts";
import { StretchRun, storedState } from "./stretch-run.ts";
import { tellIn } from "./whereabouts.ts";

const sessions = new OpenSessions();
practiseDecoding();

/** Does one task; called by piscina. */
export async function runTask({ task, whereabouts }: WatchedTask): Promise<WorkerReply> {
  tellIn(whereabouts);
  try {
    return { ok: true, answer: await perform(task) };
  } catch (error) {
    return { ok: false, error: plainError(error) };
  }
}

async function perform(task: WorkerTask): Promise<WorkerAnswers[keyof WorkerAnswers]> {
  if (task.kind === "start") return null;
  if (task.kind === "inspect") return inspect(task.program);
  const session = await sessions.open(task.place);
  switch (task.kind) {
    case "stretch": {
      const program = task.fold ? new ProgramSlot(task.fold.program) : undefined;
      return new StretchRun(session, program, task).run();
    }
    case "explain":
      return explained(session, task);
    case "state":
      return runState(session, new ProgramSlot(task.program), task);
    case "executed":
      return new ExecutedStretch(session, task).run();
    case "explain-run":
      return { divergence: explainRun(session, task) ?? null };
    case "executed-state":
      return runExecutedState(session, task);
    case "failure-place":
      return { source: failurePlace(session, task) };
  }
}

/** Something called `step` is a member of an object; also where it is none of the program's. */
const stepMember = /(?<!case\s*["'])\bstep(?:["']?\s*:|\s*[(,}=])/;

/**
 * What a program is called. One that has steps is evaluated in a context, as when it runs: what it
 * does while it is loaded reaches nothing, and what cannot be loaded there is refused now, not when
 * its first session is stuck.
 */
function inspect(text: ProgramText): WorkerAnswers["inspect"] {
  const isStepping = text.code !== null && stepMember.test(text.code);
  const { name, version, hasStep } = isStepping ? compiledProgram(text) : new ProgramSlot(text);
  if (hasStep && !isStepping) compiledProgram(text);
  return { name, version, hasStep };
}

type Session = Awaited<ReturnType<OpenSessions["open"]>>;

function explained(session: Session, task: ExplainTask): ExplainAnswer {
  const { start, from, to, expected, actual } = task;
  let startBytes: Uint8Array | undefined;
  if (start.kind !== "init") {
    startBytes = start.kind === "bytes" ? start.bytes : storedState(session, start.hash);
    if (!startBytes) return { divergence: null };
  }
  const divergence = explain({
    program: new ProgramSlot(task.program),
    from,
    to,
    start: startBytes,
    events: () => session.events(from, to),
    expected: { hash: expected, bytes: storedState(session, expected) },
    actualHash: actual ?? undefined,
  });
  return { divergence };
}
