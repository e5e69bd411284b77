/**
 * The state after any number of events: the nearest snapshot whose signature and bytes hold, then
 * the events behind it, through the same boundaries as a replay.
 */
import { ReachError } from "../base/index.ts";
import type { LogExtent } from "../log/index.ts";
import { Fold } from "../replay/index.ts";
import { verifierOf } from "../session/index.ts";
import { type SnapshotRecord, snapshotText } from "../snapshots/index.ts";
import type { OpenSession } from "./open-sessions.ts";
import type { ProgramSlot } from "./program-slot.ts";
import {
  type BoundaryState,
  reachError,
  type StateAnswer,
  type StateTask,
  type StretchTask,
} from "./protocol.ts";
import { marksBetween } from "./replay-plan.ts";
import { StretchRun, storedState } from "./stretch-run.ts";

/** Records whose signature has been checked, with the outcome. */
const checked = new WeakMap<SnapshotRecord, boolean>();

function isSigned(record: SnapshotRecord, task: StateTask): boolean {
  const known = checked.get(record);
  if (known !== undefined) return known;
  const text = snapshotText(task.origin, task.program.hash, record);
  const valid = verifierOf(task.verifierKey).verify(text, record.signature);
  checked.set(record, valid);
  return valid;
}

/** The newest snapshot of at most `at` events that can be relied on. */
function nearestSnapshot(
  session: OpenSession,
  task: StateTask,
  at: number,
): BoundaryState | undefined {
  const records = session.snapshots(task.program.hash);
  for (let i = records.length - 1; i >= 0; i--) {
    const record = records[i] as SnapshotRecord;
    if (record.size > at || !isSigned(record, task)) continue;
    const bytes = storedState(session, record.stateHash);
    if (bytes) return { at: record.size, hash: record.stateHash, bytes };
  }
  return undefined;
}

/** Answers a state task. Throws `NOT_FOUND`, `PROGRAM_FAILED`, `CORRUPT`, ... */
export function runState(session: OpenSession, program: ProgramSlot, task: StateTask): StateAnswer {
  const extent = session.extent(Math.max(1, task.at ?? Number.POSITIVE_INFINITY));
  const { size, problem } = extent;
  const at = task.at ?? size;
  if (at > size || size === 0) throw notThere(task, extent);
  // A torn tail may be a batch that is being written; damage in front of others is not.
  if (task.at === null && problem?.kind === "damaged") throw session.log.error(problem);
  if (at === 0) return stateBeforeEvents(session, program);
  const snapshot = nearestSnapshot(session, task, at);
  if (!snapshot) return { ...foldTo(session, program, task, at, undefined), snapshotUsed: null };
  if (snapshot.at === at) return { ...snapshot, snapshotUsed: at };
  return { ...foldTo(session, program, task, at, snapshot), snapshotUsed: snapshot.at };
}

/** The error for a state behind the end of a log. */
export function notThere(
  { place, at }: Pick<StateTask, "place" | "at">,
  { size, problem }: LogExtent,
): ReachError {
  const { id } = place;
  if (problem) {
    const code = problem.kind === "torn" ? "UNRECOVERED" : "CORRUPT";
    return new ReachError(code, problem.message, {
      where: `${id}@${problem.seq}`,
      hint: "`reach doctor --recover` mends what a crash left, `reach verify` says what is intact",
    });
  }
  const message = size === 0 ? `session ${id} has no events` : `session ${id} has ${size} events`;
  return new ReachError("NOT_FOUND", at === null ? message : `${message}, not ${at}`, {
    where: id,
    hint: size === 0 ? "a state begins with the first event" : `ask for 0 to ${size} events`,
  });
}

function stateBeforeEvents(session: OpenSession, program: ProgramSlot): StateAnswer {
  for (const first of session.events(0, 1)) {
    const { hash, bytes } = Fold.begin(program, first).boundary();
    return { at: 0, hash, bytes, snapshotUsed: null };
  }
  throw new ReachError("CORRUPT", "the first event cannot be read");
}

function foldTo(
  session: OpenSession,
  program: ProgramSlot,
  { place, program: text }: StateTask,
  at: number,
  snapshot: BoundaryState | undefined,
): BoundaryState {
  const from = snapshot?.at ?? 0;
  const task: StretchTask = {
    kind: "stretch",
    place,
    from,
    to: at,
    hash: "none",
    marks: marksBetween(from, at),
    fold: {
      program: text,
      startAt: from,
      start: snapshot ? { kind: "bytes", bytes: snapshot.bytes } : { kind: "init" },
      keep: "none",
      wantsEnd: true,
    },
  };
  const { corruption, fault, end, endBytes } = new StretchRun(session, program, task).run();
  if (corruption) {
    const where = `${place.id}@${corruption.seq}`;
    throw new ReachError(corruption.code, corruption.message, { where });
  }
  if (fault?.error) throw reachError(fault.error);
  if (!end || !endBytes) throw new ReachError("BUG", "a fold ended without a state");
  return { at, hash: end.hash, bytes: endBytes };
}
