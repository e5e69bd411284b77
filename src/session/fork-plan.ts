/**
 * Where a fork leaves its source, and what it settles. A session that Reach runs is cut between two
 * activations: what a program made of an event belongs to it. What is open at that place is settled
 * explicitly: by an override, by the result that the source got later, or by running it again.
 */
import { encodeValue, ReachError, type SessionId } from "../base/index.ts";
import type { EventView } from "../event/index.ts";
import { isHostEnd, isMade } from "../replay/index.ts";
import type { SessionReader } from "./session-reader.ts";

/** What a fork is to be. */
export interface ForkRequest {
  /** Events of the source that it has. */
  readonly at: number;
  /** Other data of events of the source, by seq: results (or their calls), inputs. */
  readonly overrides?: ReadonlyMap<number, unknown>;
  /** Run open calls again, instead of taking the results that the source got later. */
  readonly rerunOpen?: boolean;
}

/** The result that an open call of a fork has. */
export interface SettledCall {
  readonly ref: number;
  /** The data of its `result` event, CBOR. */
  readonly data: Uint8Array;
}

/** An input that a fork gets when it goes on. */
export interface ForkInput {
  readonly type: string;
  readonly data: Uint8Array;
}

/** Where a fork leaves its source, and what it goes on with. */
export interface ForkPlan {
  readonly cut: number;
  readonly settled: readonly SettledCall[];
  readonly inputs: readonly ForkInput[];
  /** Open calls that are run again. */
  readonly open: readonly number[];
}

/** An override, looked up in the source. */
interface Override {
  readonly event: EventView;
  /** The fork has less events than this; `undefined` for a call that never got a result. */
  readonly before: number | undefined;
  readonly value: unknown;
  /** The call whose result it is. */
  readonly call: number | undefined;
}

/** Events between two looks at what else there is to do. */
export const eventsAtOnce = 2000;

/** Others get their turn. Throws `INTERRUPTED`. */
export async function othersTurn(signal: AbortSignal | undefined): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  if (signal?.aborted) throw new ReachError("INTERRUPTED", "forking was interrupted");
}

/** The source as it is when the plan begins: it may grow while others have their turns. */
class Source {
  readonly reader: SessionReader;
  readonly #signal: AbortSignal | undefined;
  #untilTurn = eventsAtOnce;

  constructor(reader: SessionReader, signal: AbortSignal | undefined) {
    this.reader = reader;
    this.#signal = signal;
  }

  /** Events behind damage are none of it. */
  get size(): number {
    return this.reader.reliableSize;
  }

  async *events(from: number, to?: number): AsyncGenerator<EventView, void> {
    const { size } = this;
    for (const event of this.reader.events(from, to)) {
      if (event.seq >= size) return;
      yield event;
      this.#untilTurn -= 1;
      if (this.#untilTurn > 0) continue;
      this.#untilTurn = eventsAtOnce;
      await othersTurn(this.#signal);
    }
  }
}

/**
 * Throws `NOT_FOUND` for events that the source does not have, `USAGE` for what cannot be, and
 * `INTERRUPTED`.
 */
export async function planFork(
  reader: SessionReader,
  request: ForkRequest,
  signal?: AbortSignal,
): Promise<ForkPlan> {
  const { at, overrides = new Map() } = request;
  checkPlace(reader, at);
  const source = new Source(reader, signal);
  const looked: Override[] = [];
  for (const [seq, value] of overrides) looked.push(await lookUp(source, seq, value));
  const first = Math.min(at, ...looked.map(({ before = at }) => before));
  const cut = first === at ? await boundary(source, at) : first;
  const open = await openCalls(source, cut);
  for (const { call, event } of looked) {
    if (call === undefined || open.has(call)) continue;
    throw new ReachError("USAGE", `event ${event.seq} answers call ${call}, which is not open`, {
      where: `${reader.id}@${event.seq}`,
      hint: `the fork leaves its source at event ${cut}; what is called after that is its own`,
    });
  }
  const settled = await settle(source, open, looked, cut, request.rerunOpen === true);
  const answered = new Set(settled.map(({ ref }) => ref));
  const inputs = looked
    .filter(({ call }) => call === undefined)
    .map(({ event, value }) => ({ type: event.type, data: encodeValue(value) }));
  return { cut, settled, inputs, open: [...open].filter((call) => !answered.has(call)) };
}

/** Throws unless the source has `at` events in front of any damage, and at least one. */
export function checkPlace(
  { id, size, quarantine, reliableSize }: SessionReader,
  at: number,
): void {
  if (at >= 1 && at <= reliableSize) return;
  const hint = `it can be forked at 1 to ${reliableSize}`;
  if (at < 1)
    throw new ReachError("USAGE", "a fork has at least the first event", { where: id, hint });
  if (at > size) {
    throw new ReachError("NOT_FOUND", `session ${id} has no ${at} events`, { where: id, hint });
  }
  throw new ReachError("QUARANTINED", `session ${id} may lack events: ${quarantine?.reason}`, {
    where: `${id}@${reliableSize}`,
    hint: reliableSize > 0 ? hint : "restore it: reach import run.bundle --restore",
  });
}

async function lookUp(source: Source, seq: number, value: unknown): Promise<Override> {
  const { reader } = source;
  if (seq >= source.size && seq < reader.size) checkPlace(reader, seq + 1);
  const event = reader.event(seq);
  if (event.kind === "call") {
    for await (const later of source.events(seq + 1)) {
      if (later.kind !== "result" || later.ref !== seq) continue;
      return { event: later, before: later.seq, value, call: seq };
    }
    return { event, before: undefined, value, call: seq };
  }
  if (event.kind === "result") return { event, before: seq, value, call: event.ref ?? -1 };
  if (event.kind === "input") return { event, before: seq, value, call: undefined };
  throw new ReachError("USAGE", `event ${seq} is of kind ${event.kind}: it cannot be overridden`, {
    where: `${reader.id}@${seq}`,
    hint: "results and inputs can, and calls, which stand for their results",
  });
}

/**
 * The first place from `at` on that lies between two activations: in front of notes, unless they
 * are what the program logged before it ended.
 */
async function boundary(source: Source, at: number): Promise<number> {
  const { reader } = source;
  let notesFrom: number | undefined;
  for await (const event of source.events(at)) {
    const isBetween = !isMade(event) || (notesFrom !== undefined && isHostEnd(event));
    if (event.kind === "note") notesFrom ??= event.seq;
    else if (isBetween) return notesFrom ?? event.seq;
    else if (event.kind === "end") throw await ended(source, event.seq);
    else notesFrom = undefined;
  }
  const { size } = source;
  const last = reader.event(size - 1);
  if (last.kind === "end") throw await ended(source, last.seq);
  return notesFrom ?? size;
}

async function ended(source: Source, end: number): Promise<ReachError> {
  const { id } = source.reader;
  let latest = 0;
  for await (const event of source.events(0, end)) {
    if (!isMade(event) && event.kind !== "note") latest = event.seq;
  }
  return new ReachError("USAGE", `session ${id} ends with what came of event ${latest}`, {
    where: `${id}@${end}`,
    hint: `fork it at ${latest} or before`,
  });
}

/** Calls of the step that is under way after `cut` events, and that have no result by then. */
async function openCalls(source: Source, cut: number): Promise<Set<number>> {
  const open = new Set<number>();
  for await (const { kind, seq, ref } of source.events(0, cut)) {
    if (kind === "step") open.clear();
    else if (kind === "call") open.add(seq);
    else if (kind === "result" && ref !== null) open.delete(ref);
  }
  return open;
}

async function settle(
  source: Source,
  open: ReadonlySet<number>,
  overrides: readonly Override[],
  cut: number,
  rerunOpen: boolean,
): Promise<SettledCall[]> {
  const settled = new Map<number, SettledCall>();
  const own = new Map(
    overrides.flatMap((one) => (one.call === undefined ? [] : [[one.call, one]])),
  );
  // In the order of the source, as far as that has one.
  if (open.size > 0) {
    for await (const event of source.events(cut)) {
      const { kind, ref } = event;
      if (kind !== "result" || ref === null || !open.has(ref) || settled.has(ref)) continue;
      const override = own.get(ref);
      if (override) settled.set(ref, { ref, data: encodeValue({ value: override.value }) });
      else if (!rerunOpen) settled.set(ref, { ref, data: event.payloadBytes.slice() });
    }
  }
  for (const [call, { value }] of own) {
    if (!settled.has(call)) settled.set(call, { ref: call, data: encodeValue({ value }) });
  }
  const [unanswered] = [...open].filter((call) => !settled.has(call));
  if (unanswered !== undefined && !rerunOpen) throw unsettled(source.reader.id, unanswered);
  return [...settled.values()];
}

function unsettled(id: SessionId, call: number): ReachError {
  return new ReachError("USAGE", `call ${call} is open at that place, and never got a result`, {
    where: `${id}@${call}`,
    hint: `settle it: --set ${call}=JSON for a result, or --rerun-open to call it again`,
  });
}
