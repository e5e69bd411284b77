/**
 * The data of the events that the host makes: `step`, `end`, and the results of calls. Results are
 * spliced in as they are encoded, so that they are never decoded on the way.
 */
import { concat, decodeValue, encodeValue, limits, ReachError, utf8 } from "../base/index.ts";
import type { Failure, StepEnd } from "./step-context.ts";

const mapHead = 0xa0;
const entriesMax = 23;

/** The encoding of a map whose values are encoded already; keys are short. */
export function encodeMembers(members: readonly (readonly [string, Uint8Array])[]): Uint8Array {
  if (members.length > entriesMax) throw new ReachError("BUG", "a record has few members");
  const parts: Uint8Array[] = [Uint8Array.of(mapHead + members.length)];
  for (const [name, value] of members) parts.push(encodeValue(name), value);
  return concat(...parts);
}

/**
 * The data of a `step` event; `state` is the hash of the snapshot that follows it, if one does.
 * With it stand the calls that earlier steps have left `open`, since who goes on from the snapshot
 * reads nothing before it.
 */
export function encodeStep(
  { abandoned, unread, result }: StepEnd,
  state: Uint8Array | undefined,
  open: readonly number[],
): Uint8Array {
  const members: [string, Uint8Array][] = [];
  if (abandoned.length > 0) members.push(["abandoned", encodeValue([...abandoned])]);
  if (unread.length > 0) members.push(["unread", encodeValue([...unread])]);
  if (state && open.length > 0) members.push(["open", encodeValue([...open])]);
  if (state) members.push(["state", encodeValue(state)]);
  if (result) members.push(["result", result]);
  return encodeMembers(members);
}

/** What a `step` event says that the host goes on from. */
export interface StepRecord {
  readonly unread: readonly number[];
  readonly state: Uint8Array | undefined;
  /** Calls without result that it left over, and, where a snapshot follows, those before it. */
  readonly leftOver: readonly number[];
}

/** The record in the data of a `step` event. Throws `CORRUPT` for what no host has written. */
export function decodeStep(data: Uint8Array, seq: number): StepRecord {
  const fields = decodeValue(data) as Readonly<Record<string, unknown>> | null;
  const isSeqs = (list: unknown): boolean =>
    Array.isArray(list) && list.every((one) => Number.isSafeInteger(one) && one < seq);
  const { unread = [], abandoned = [], open = [], state } = fields ?? {};
  const seqs = [unread, abandoned, open].every(isSeqs);
  const hash = state === undefined || (state instanceof Uint8Array && state.length === 32);
  if (typeof fields !== "object" || fields === null || !seqs || !hash) {
    throw new ReachError("CORRUPT", `step event ${seq} is not one that Reach writes`);
  }
  const leftOver = [...(open as number[]), ...(abandoned as number[])];
  return { unread: unread as number[], state: state as Uint8Array | undefined, leftOver };
}

/** The data of an `end` event of a session that is done. */
export function encodeDone(result: Uint8Array | undefined): Uint8Array {
  return encodeMembers(result ? [["result", result]] : []);
}

const messageBytesMax = limits.payloadInlineBytesMax / 2;

/** The data of an `end` event of a session that failed. */
export function encodeFailure({ name, message, code }: Omit<Failure, "stack">): Uint8Array {
  const error = {
    name: shortened(name, limits.eventTypeBytesMax),
    message: shortened(message, messageBytesMax),
    ...(code === undefined ? {} : { code: shortened(code, limits.eventTypeBytesMax) }),
  };
  return encodeValue({ error });
}

/** Text of at most `bytesMax` bytes, about, and without lone surrogates. */
function shortened(text: string, bytesMax: number): string {
  const whole = String(text).toWellFormed();
  if (utf8(whole).length <= bytesMax) return whole;
  return `${whole.slice(0, Math.floor(bytesMax / 3)).toWellFormed()}…`;
}
