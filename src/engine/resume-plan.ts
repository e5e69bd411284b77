/**
 * Where a session goes on: the nearest snapshot, what is folded behind it, and the events of the
 * unfinished step. Read from the log alone, in one pass over what lies behind the snapshot.
 */
import { codeOf, equalBytes, ReachError } from "../base/index.ts";
import { decodeStep, type ProgramEvent } from "../driver/index.ts";
import type { EventView } from "../event/index.ts";
import { readForkData, type SessionReader } from "../session/index.ts";
import type { Arrival } from "./inbox.ts";

/** A recorded event that is compared, or handed to the program. */
export interface RecordedEvent extends ProgramEvent {
  /** Whether the program or the host made it, so that it is made again and compared. */
  readonly isMade: boolean;
}

/** Where a session goes on. */
export interface ResumePlan {
  readonly start: { readonly size: number; readonly state: Uint8Array } | undefined;
  /** Events from here to before `stepFrom` are folded. */
  readonly foldFrom: number;
  /** Seq of the first event of the unfinished step. */
  readonly stepFrom: number;
  /** Time at which it begins. */
  readonly now: number;
  /** Inputs of earlier steps that nobody has taken. */
  readonly unread: readonly ProgramEvent[];
  /** What is recorded of the unfinished step, notes left out. */
  readonly tail: readonly RecordedEvent[];
  /** Notes of what the program logged behind the last event that is no note. */
  readonly logged: number;
  /** Calls without a result, of this step and of earlier ones: somebody has to carry them out. */
  readonly openCalls: readonly ProgramEvent[];
  readonly size: number;
  /** The step said that the session is done, and its `end` is missing: the data of that step. */
  readonly doneStep: Uint8Array | undefined;
  /**
   * How long it has lived since it was cancelled, by the times of its events; `undefined` when it
   * was not. What a fork has of its source counts only in the unfinished step, which began anew.
   */
  readonly cancelledForMs: number | undefined;
  /** Seq of the event with which the session has ended, if it has. */
  readonly end: number | undefined;
  /** What a fork brings along and its log does not hold yet: results, then inputs. */
  readonly forked: readonly Arrival[];
}

/** An event as a program gets it. */
export function programEvent(view: EventView): ProgramEvent {
  const { seq, time, kind, type, ref, payload } = view;
  if (payload.form !== "blob") {
    return { seq, time, kind, type, ref, form: payload.form, payload: payload.bytes };
  }
  return { seq, time, kind, type, ref, form: payload.ref.form, payload: view.payloadBytes };
}

function isMade({ kind, type }: EventView): boolean {
  if (kind === "timer") return type === "set";
  return kind === "call" || kind === "emit" || kind === "step" || kind === "end";
}

/**
 * Plans how session `reader` goes on with the program that has this hash. A session that has been
 * cancelled ends within `graceMs`.
 */
export function planResume(
  reader: SessionReader,
  program: Uint8Array,
  graceMs: number,
): ResumePlan {
  const start = nearestSnapshot(reader, program);
  const from = start?.size ?? 0;
  let step: EventView | undefined;
  let tail: RecordedEvent[] = [];
  let end: number | undefined;
  let first: EventView | undefined;
  let last = 0;
  let cancelled: number | undefined;
  const own = reader.manifest.fork?.at ?? 0;
  const open = new Set<number>();
  let logged = 0;
  for (const event of reader.events(from)) {
    if (!first && start) {
      for (const call of decodeStep(event.payloadBytes, event.seq).leftOver) open.add(call);
    }
    first ??= event;
    last = event.time;
    if (event.kind === "cancel" && event.seq >= own) cancelled ??= event.time;
    if (event.kind === "call") open.add(event.seq);
    if (event.kind === "result") open.delete(event.ref as number);
    if (event.kind === "note" && event.type === "log" && event.ref === null) logged += 1;
    else if (event.kind !== "note" && event.kind !== "fork") logged = 0;
    if (event.kind === "note" || event.seq === 0) continue;
    if (event.kind === "end") end = event.seq;
    if (event.kind === "step") {
      step = event;
      tail = [];
    } else tail.push({ ...programEvent(event), isMade: isMade(event) });
  }
  if (!first) throw new ReachError("NOT_FOUND", `session ${reader.id} has no events`);
  if (start && first.time >= last - graceMs) {
    cancelled = cancelledBefore(reader, from, last - graceMs) ?? cancelled;
  }
  if (tail.some(({ kind }) => kind === "cancel")) cancelled ??= last;
  const record = step && decodeStep(step.payloadBytes, step.seq);
  return {
    start,
    foldFrom: from,
    stepFrom: step ? step.seq + 1 : 1,
    now: (step ?? first).time,
    unread: (record?.unread ?? []).map((seq) => programEvent(reader.event(seq))),
    tail,
    logged,
    openCalls: openCalls(reader, tail, open),
    size: reader.size,
    cancelledForMs: cancelled === undefined ? undefined : Math.max(0, last - cancelled),
    doneStep: step?.type === "done" && end === undefined ? step.payloadBytes : undefined,
    end,
    forked: forkedBy(reader, tail),
  };
}

/** A fork leaves what its source left over to its source, and settles the calls of its step. */
function openCalls(
  reader: SessionReader,
  tail: readonly RecordedEvent[],
  open: ReadonlySet<number>,
): ProgramEvent[] {
  const own = reader.manifest.fork?.at ?? 0;
  return [...open].flatMap((seq) => {
    const recorded = tail.find((event) => event.seq === seq);
    if (recorded) return [recorded];
    return seq < own ? [] : [programEvent(reader.event(seq))];
  });
}

/**
 * When a session was first cancelled before event `from`. Nothing before `since` is looked for: a
 * session that was cancelled by then has ended.
 */
function cancelledBefore(reader: SessionReader, from: number, since: number): number | undefined {
  const own = reader.manifest.fork?.at ?? 0;
  let cancelled: number | undefined;
  for (let to = from; to > own; to -= chunkEvents) {
    let first: number | undefined;
    let begins = 0;
    for (const { kind, time } of reader.events(Math.max(own, to - chunkEvents), to)) {
      if (begins === 0) begins = time;
      if (kind === "cancel") first ??= time;
    }
    cancelled = first ?? cancelled;
    if (begins < since) break;
  }
  return cancelled;
}

function forkedBy(reader: SessionReader, tail: readonly RecordedEvent[]): Arrival[] {
  const { fork } = reader.manifest;
  if (!fork) return [];
  const { settled, inputs } = readForkData(reader, fork);
  const results = settled.flatMap(({ ref, data }): Arrival[] => {
    const call = tail.find(({ kind, seq }) => kind === "call" && seq === ref);
    const answered = tail.some((event) => event.kind === "result" && event.ref === ref);
    return call && !answered ? [{ kind: "result", type: call.type, ref, data }] : [];
  });
  let taken = 0;
  if (inputs.length > 0) {
    for (const { kind } of reader.events(fork.at + 1)) {
      if (kind === "input") taken += 1;
      if (taken >= inputs.length) break;
    }
  }
  const left = inputs.slice(taken);
  return [
    ...results,
    ...left.map(({ type, data }) => ({ kind: "input", type, ref: null, data }) as const),
  ];
}

/** The newest snapshot that a step event vouches for and whose state can be read. */
function nearestSnapshot(
  reader: SessionReader,
  program: Uint8Array,
): { size: number; state: Uint8Array } | undefined {
  for (const { size, stateHash } of reader.snapshotsDown(program)) {
    if (size === 0 || size >= reader.size) continue;
    const event = reader.event(size);
    if (event.kind !== "step") continue;
    const { state } = decodeStep(event.payloadBytes, size);
    if (!state || !equalBytes(state, stateHash)) continue;
    try {
      return { size, state: reader.blobs.get(stateHash) };
    } catch (error) {
      // A snapshot is a cache: an older one does as well.
      if (codeOf(error) === undefined) throw error;
    }
  }
  return undefined;
}

const chunkBytes = 256 * 1024;
const chunkEvents = 256;

/** The events that a plan folds, in pieces of bounded size; notes are left out. */
export function* foldChunks(
  reader: SessionReader,
  { foldFrom, stepFrom, start }: ResumePlan,
): Generator<ProgramEvent[], void> {
  // A session without snapshot begins with its trigger, which is not folded here.
  const from = start ? foldFrom : 1;
  let chunk: ProgramEvent[] = [];
  let bytes = 0;
  for (const view of reader.events(from, stepFrom)) {
    if (view.kind === "note") continue;
    const event = programEvent(view);
    chunk.push(event);
    bytes += event.payload.length;
    if (chunk.length < chunkEvents && bytes < chunkBytes) continue;
    yield chunk;
    chunk = [];
    bytes = 0;
  }
  if (chunk.length > 0) yield chunk;
}
