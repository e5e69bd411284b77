/**
 * A worker thread: does the tasks of `protocol.ts`. It opens the files of the data directory by
 * itself, for reading only. Nothing is thrown across the threads: an error is an answer as well.
 */
import { move, transferableSymbol, valueSymbol } from "piscina";
import { explain } from "../replay/index.ts";
import { compiledProgram } from "./executed/compiled-program.ts";
import { runExecutedState } from "./executed/executed-state.ts";
import { ExecutedStretch } from "./executed/executed-stretch.ts";
import { explainRun } from "./executed/explain-run.ts";
import { OpenSessions } from "./open-sessions.ts";
import { ProgramSlot } from "./program-slot.ts";
import {
  type ExplainAnswer,
  type ExplainTask,
  type ProgramText,
  plainError,
  type StretchAnswer,
  type WorkerAnswers,
  type WorkerReply,
  type WorkerTask,
} from "./protocol.ts";
import { runState } from "./state-run.ts";
import { StretchRun, storedState } from "./stretch-run.ts";

const sessions = new OpenSessions();

/** An answer and the buffers in it that change hands. */
interface Done {
  readonly answer: WorkerAnswers[keyof WorkerAnswers];
  readonly transfer: readonly Uint8Array[];
}

/** Does one task; called by piscina, which hands the buffers over with the reply. */
export async function runTask(task: WorkerTask): Promise<unknown> {
  try {
    const { answer, transfer } = await perform(task);
    return moved({ ok: true, answer }, transfer);
  } catch (error) {
    return moved({ ok: false, error: plainError(error) }, []);
  }
}

function moved(reply: WorkerReply, transfer: readonly Uint8Array[]): unknown {
  const buffers = [...new Set(transfer.map((bytes) => bytes.buffer))];
  return move({ [transferableSymbol]: buffers, [valueSymbol]: reply });
}

async function perform(task: WorkerTask): Promise<Done> {
  if (task.kind === "inspect") {
    return { answer: inspect(task.program), transfer: [] };
  }
  const session = await sessions.open(task.place);
  switch (task.kind) {
    case "stretch": {
      const program = task.fold ? new ProgramSlot(task.fold.program) : undefined;
      const answer = new StretchRun(session, program, task).run();
      return { answer, transfer: buffersOf(answer) };
    }
    case "explain":
      return { answer: explained(session, task), transfer: [] };
    case "state": {
      const answer = runState(session, new ProgramSlot(task.program), task);
      return { answer, transfer: [answer.bytes] };
    }
    case "executed": {
      const answer = new ExecutedStretch(session, task).run();
      const states = answer.states.map(({ bytes }) => bytes);
      return { answer, transfer: [...answer.ranges, ...states] };
    }
    case "explain-run":
      return { answer: { divergence: explainRun(session, task) ?? null }, transfer: [] };
    case "executed-state": {
      const answer = runExecutedState(session, task);
      return { answer, transfer: [answer.bytes] };
    }
  }
}

function inspect(text: ProgramText): WorkerAnswers["inspect"] {
  const { name, version, hasStep } = new ProgramSlot(text);
  // What cannot be loaded where it will run is refused now, not when its first session is stuck.
  if (hasStep) compiledProgram(text);
  return { name, version, hasStep };
}

function buffersOf({ ranges, leaves, states, endBytes }: StretchAnswer): Uint8Array[] {
  const buffers = [...ranges, ...states.map((state) => state.bytes)];
  for (const bytes of [leaves, endBytes]) if (bytes) buffers.push(bytes);
  return buffers;
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
