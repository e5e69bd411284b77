/**
 * Tool calls: which are open, how the finished ones went, and how long they took. The duration of
 * a call is the time between its two records (so it holds what a person took to allow it), unless
 * the result says itself how long it took.
 */
import { bounds } from "./bounds.ts";
import { keepLargest, lastIndex, plus, removeLeast } from "./entries.ts";

/** A call without a result so far; `time` is 0 where the records have none. */
export interface OpenCall {
  readonly id: string;
  readonly tool: string;
  readonly seq: number;
  readonly time: number;
}

/** A finished call among the slowest; `seq` is that of the call. */
export interface SlowCall {
  readonly tool: string;
  readonly seq: number;
  readonly ms: number;
}

/** Counts of one tool, or of several together. */
export interface ToolUse {
  calls: number;
  finished: number;
  failed: number;
  /** Finished calls with a known duration, their sum and the longest. */
  timed: number;
  ms: number;
  longestMs: number;
}

/** All about calls. */
export interface Calls {
  readonly total: ToolUse;
  /** Finished calls by duration: [0] below 1 ms, [i] from 2^(i-1) to below 2^i ms. */
  readonly histogram: number[];
  readonly slowest: SlowCall[];
  readonly open: OpenCall[];
  /** Open calls that were given up: too many of them, or another came with the same id. */
  openDropped: number;
  /** Results that answer no open call. */
  unmatched: number;
  readonly tools: (ToolUse & { readonly name: string })[];
  /** Tools that were given up to make room for others. */
  readonly otherTools: ToolUse & { names: number };
}

/** No calls. */
export function emptyCalls(): Calls {
  return {
    total: emptyUse(),
    histogram: new Array<number>(histogramLength).fill(0),
    slowest: [],
    open: [],
    openDropped: 0,
    unmatched: 0,
    tools: [],
    otherTools: { names: 0, ...emptyUse() },
  };
}

const histogramLength = 33;

function emptyUse(): ToolUse {
  return { calls: 0, finished: 0, failed: 0, timed: 0, ms: 0, longestMs: 0 };
}

/** A call was made. Its id and tool are bounded already; the same id again replaces the first. */
export function open(calls: Calls, call: OpenCall): void {
  const index = lastIndex(calls.open, "id", call.id);
  if (index >= 0) calls.open.splice(index, 1);
  calls.open.push(call);
  const tooMany = calls.open.length > bounds.callsOpenMax;
  if (tooMany) calls.open.shift();
  if (tooMany || index >= 0) calls.openDropped = plus(calls.openDropped, 1);
  calls.total.calls = plus(calls.total.calls, 1);
  const use = useOf(calls, call.tool);
  use.calls = plus(use.calls, 1);
}

/**
 * A result came for the call `id`, or for the newest open one where the records do not say.
 * `took` is what the result itself says, in ms. Returns the call, or `undefined` if none was open.
 */
export function close(
  calls: Calls,
  id: string | null,
  time: number,
  failed: boolean,
  took: number | null,
): OpenCall | undefined {
  const index = id === null ? calls.open.length - 1 : lastIndex(calls.open, "id", id);
  const call = index >= 0 ? calls.open.splice(index, 1)[0] : undefined;
  if (!call) {
    calls.unmatched = plus(calls.unmatched, 1);
    return undefined;
  }
  const ms = took ?? elapsed(call.time, time);
  finish(calls.total, failed, ms);
  const known = calls.tools[lastIndex(calls.tools, "name", call.tool)];
  finish(known ?? calls.otherTools, failed, ms);
  if (ms !== null) {
    const bucket = bucketOf(ms);
    calls.histogram[bucket] = plus(calls.histogram[bucket] ?? 0, 1);
    const slow = { tool: call.tool, seq: call.seq, ms };
    if (ms > 0) keepLargest(calls.slowest, slow, bounds.callsSlowestKept);
  }
  return call;
}

/** The time between two records, or `null` where one has no time or it went back. */
function elapsed(from: number, to: number): number | null {
  return from > 0 && to >= from ? to - from : null;
}

function bucketOf(ms: number): number {
  return ms < 2 ** 31 ? 32 - Math.clz32(ms) : histogramLength - 1;
}

function finish(use: ToolUse, failed: boolean, ms: number | null): void {
  use.finished = plus(use.finished, 1);
  if (failed) use.failed = plus(use.failed, 1);
  if (ms === null) return;
  use.timed = plus(use.timed, 1);
  use.ms = plus(use.ms, ms);
  use.longestMs = Math.max(use.longestMs, ms);
}

function useOf(calls: Calls, tool: string): ToolUse {
  const known = calls.tools[lastIndex(calls.tools, "name", tool)];
  if (known) return known;
  if (calls.tools.length >= bounds.toolsMax) {
    const rarest = removeLeast(calls.tools, "calls");
    if (rarest) merge(calls.otherTools, rarest);
  }
  const use = { name: tool, ...emptyUse() };
  calls.tools.push(use);
  return use;
}

function merge(others: Calls["otherTools"], use: ToolUse): void {
  others.names = plus(others.names, 1);
  others.calls = plus(others.calls, use.calls);
  others.finished = plus(others.finished, use.finished);
  others.failed = plus(others.failed, use.failed);
  others.timed = plus(others.timed, use.timed);
  others.ms = plus(others.ms, use.ms);
  others.longestMs = Math.max(others.longestMs, use.longestMs);
}
