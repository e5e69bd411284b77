/**
 * The state of an executed session after any number of events: the nearest snapshot whose
 * signature and bytes hold and that its step event vouches for, then the events behind it, folded
 * in a context of their own. No step is run for it.
 */
import { codeOf, equalBytes, messageOf, ReachError } from "../../base/index.ts";
import type { EventView } from "../../event/index.ts";
import type { CompiledProgram } from "../../sandbox/index.ts";
import { verifierOf } from "../../session/index.ts";
import { snapshotText } from "../../snapshots/index.ts";
import type { OpenSession } from "../open-sessions.ts";
import type { StateAnswer } from "../protocol.ts";
import { notThere } from "../state-run.ts";
import { storedState } from "../stretch-run.ts";
import { compiledProgram } from "./compiled-program.ts";
import { programEvent, recordedState } from "./event-group.ts";
import type { ExecutedStateTask } from "./executed-task.ts";
import { encodedState } from "./folded-copy.ts";
import { placeOfStack } from "./step-attempt.ts";
import { ToldContext } from "./told-context.ts";

interface StartingState {
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** Answers a state task. Throws `NOT_FOUND`, `PROGRAM_FAILED`, `STATE_UNSUPPORTED`, `CORRUPT`. */
export function runExecutedState(session: OpenSession, task: ExecutedStateTask): StateAnswer {
  const extent = session.extent(Math.max(1, task.at ?? Number.POSITIVE_INFINITY));
  const { size, problem } = extent;
  const at = task.at ?? size;
  if (at > size || size === 0) throw notThere(task, extent);
  if (task.at === null && problem?.kind === "damaged") throw session.log.error(problem);
  const start = nearestState(session, task, at);
  try {
    return stateAfter(session, task, at, start, false);
  } catch (error) {
    if (codeOf(error) !== "PROGRAM_FAILED") throw error;
  }
  // Once more, to say where.
  return stateAfter(session, task, at, start, true);
}

function stateAfter(
  session: OpenSession,
  task: ExecutedStateTask,
  at: number,
  start: StartingState | undefined,
  stacks: boolean,
): StateAnswer {
  const program = compiledProgram(task.program);
  const fold = new StateFold(program, stacks);
  try {
    if (start) fold.goOnFrom(start);
    for (const event of session.events(start?.at ?? 0, Math.max(1, at))) {
      fold.take(event, at === 0);
    }
    return { at, ...fold.state(), snapshotUsed: start?.at ?? null };
  } catch (error) {
    throw stacks ? located(program, error) : error;
  } finally {
    fold.dispose();
  }
}

function located(program: CompiledProgram, error: unknown): unknown {
  const { cause } = error as { readonly cause?: unknown };
  const at = placeOfStack(program, typeof cause === "string" ? cause : undefined);
  if (codeOf(error) !== "PROGRAM_FAILED" || at === null) return error;
  return new ReachError("PROGRAM_FAILED", `${messageOf(error)} (${at})`, { where: at, cause });
}

/** A fold that passes through the recorded states, as the session did. */
class StateFold {
  readonly #program: CompiledProgram;
  readonly #stacks: boolean;
  #startAt = 0;
  #context: ToldContext;

  constructor(program: CompiledProgram, stacks: boolean) {
    this.#program = program;
    this.#stacks = stacks;
    this.#context = new ToldContext(program, { stacks });
  }

  /** Before the first event. */
  goOnFrom({ at, bytes }: StartingState): void {
    this.#startAt = at;
    this.#context.restore(bytes);
  }

  /** `initOnly`: the state before the first event. */
  take(event: EventView, initOnly: boolean): void {
    if (event.kind === "note") return;
    if (event.seq === 0) this.#context.init(programEvent(event));
    if (initOnly) return;
    if (event.seq > this.#startAt && recordedState(event)) this.#renew();
    this.#context.fold(programEvent(event));
  }

  #renew(): void {
    const { bytes } = this.state();
    this.dispose();
    this.#context = new ToldContext(this.#program, { stacks: this.#stacks });
    this.#context.restore(bytes);
  }

  state(): { readonly hash: Uint8Array; readonly bytes: Uint8Array } {
    const { bytes, hash, refused } = encodedState(this.#context);
    if (bytes && hash) return { bytes, hash };
    throw new ReachError("STATE_UNSUPPORTED", refused ?? "the state cannot be encoded");
  }

  dispose(): void {
    this.#context.dispose();
  }
}

function nearestState(
  session: OpenSession,
  { program, verifierKey, origin }: ExecutedStateTask,
  at: number,
): StartingState | undefined {
  const verifier = verifierOf(verifierKey);
  for (const record of session.snapshots(program.hash).toReversed()) {
    if (record.size > at || record.size === 0) continue;
    if (!verifier.verify(snapshotText(origin, program.hash, record), record.signature)) continue;
    if (!isVouchedFor(session, record.size, record.stateHash)) continue;
    const bytes = storedState(session, record.stateHash);
    if (bytes) return { at: record.size, bytes };
  }
  return undefined;
}

function isVouchedFor(session: OpenSession, size: number, hash: Uint8Array): boolean {
  for (const event of session.events(size, size + 1)) {
    const state = recordedState(event);
    return state !== undefined && equalBytes(state, hash);
  }
  // The log ends there: nothing contradicts what was signed.
  return true;
}
