/**
 * The report about a rerun that does something else than was recorded. The code of the author runs
 * outside of any context here, so the cause is told from what the difference looks like.
 */
import process from "node:process";
import { decodeValue, toHex } from "../base/index.ts";
import type { EventView } from "../event/index.ts";
import {
  changeOf,
  type Difference,
  differences,
  type MadeOperation,
  markOf,
  markOfMade,
  markOfRecorded,
  type OperationCause,
  type OperationChange,
  type OperationDivergence,
  type OperationMark,
} from "../replay/index.ts";
import type { SessionReader } from "../session/index.ts";
import { leakedInput } from "./leaked-input.ts";
import type { RecordedScript } from "./recorded-script.ts";

/** What is known when a rerun differs. */
export interface RerunDifference {
  readonly reader: SessionReader;
  readonly script: RecordedScript;
  /** The result that was given out last. */
  readonly delivered: EventView | undefined;
  /** Where another process went on with the recording, if one did. */
  readonly resumedAt: number | undefined;
  /** What was made; `undefined`: the code has ended. */
  readonly made: MadeOperation | undefined;
  readonly ref: number | null;
  readonly pending: readonly { readonly seq: number; readonly name: string }[];
  /** Where it was made. */
  readonly stack: string;
}

const pathsMax = 10;
const restMax = 256;

/** Puts the report together. */
export function rerunDivergence(difference: RerunDifference): OperationDivergence {
  const { reader, script, delivered, made } = difference;
  const { manifest, size } = reader;
  const recorded = script.next;
  const seq = recorded?.seq ?? size;
  const expected = recorded ? markOfRecorded(recorded, reader.blobs) : null;
  const actual = made ? markOfMade(made, seq) : null;
  const paths = pathsOf(recorded, difference);
  const later = [...script.rest(restMax)].filter(isOwn).map((event) => markOfRecorded(event));
  const change = changed(expected, actual, later);
  return {
    about: "operation",
    program: { name: manifest.name, version: "", hash: toHex(new Uint8Array(32)) },
    recordedBy: null,
    runtime: { recorded: null, now: `node ${process.versions.node}` },
    seq,
    stepFrom: null,
    delivered: delivered ? markOf(delivered) : null,
    expected,
    actual,
    paths: paths.slice(0, pathsMax),
    more: paths.length > pathsMax,
    change,
    source: made ? placeOf(difference.stack) : null,
    pending: { calls: pendingCalls(difference), timers: [], inputs: [] },
    state: null,
    lastMatching: null,
    cause: causeOf(difference, change),
  };
}

function isOwn({ kind }: EventView): boolean {
  return kind !== "note" && kind !== "result";
}

function changed(
  expected: OperationMark | null,
  actual: OperationMark | null,
  later: readonly OperationMark[],
): OperationChange {
  const recorded = expected ? [expected] : [];
  if (!expected && actual) {
    const text = `the ${actual.kind} "${actual.type}" is made, and the recording ends before it`;
    return { kind: "more", text };
  }
  return changeOf({ recorded, later, made: actual ? [actual] : [] });
}

function pathsOf(recorded: EventView | undefined, { made, ref }: RerunDifference): Difference[] {
  if (!recorded || !made || recorded.kind !== made.kind || recorded.type !== made.type) return [];
  const before = { ref: recorded.ref, data: recorded.data };
  const now = { ref, data: decodeValue(made.data) };
  return differences(before, now, { limit: pathsMax + 1 }).map((one) => {
    const data = "$.data";
    return one.path.startsWith(data) ? { ...one, path: `$${one.path.slice(data.length)}` } : one;
  });
}

function pendingCalls({ reader, pending }: RerunDifference) {
  return pending.map(({ seq }) => markOf(reader.event(seq)));
}

function causeOf(
  { script, made, pending, resumedAt }: RerunDifference,
  { kind }: OperationChange,
): OperationCause {
  const recorded = script.next;
  const leaked =
    recorded && made && kind === "input"
      ? leakedInput(recorded.payloadBytes, made.data)
      : undefined;
  if (leaked) {
    const text = `unrecorded input leaked in: what differs looks like ${leaked}. `;
    return { kind: "unrecorded-input", text: `${text}Ask for it with an effect of its own.` };
  }
  if (kind === "reordered") {
    const text =
      "the order of concurrent operations: they are started by something that was not recorded, " +
      "such as a timer. Start them in an order of your own, or await one before the other.";
    return { kind: "unrecorded-input", text };
  }
  const resumed =
    resumedAt === undefined
      ? ""
      : `behind event ${resumedAt} another process went on with the recording, and the code has ` +
        "to do here what that one did. Else ";
  const text =
    `${resumed}the code changed, or something that it does not get through an effect did: ` +
    "the time, randomness, the environment, a file, a variable that outlives the session.";
  if (made || pending.length === 0) return { kind: "code-or-input", text };
  const effects = pending.map(({ seq, name }) => `"${name}" (event ${seq})`).join(" or ");
  const inside =
    `it may have been recorded inside of the effect ${effects}, which a rerun does not run: ` +
    "record it before or behind the effect, or as a note of its call. Else ";
  return { kind: "code-or-input", text: inside + text };
}

/** The innermost frame that is not of this package. */
function placeOf(stack: string): string | null {
  const [, here = "", ...callers] = stack.split("\n");
  // As the stack names it, in which the files that run may stand under the names of their sources.
  const own = placeIn(here)?.replace(/[^/\\]+$/, "");
  for (const line of callers) {
    if (line.includes("node:") || (own && line.includes(own))) continue;
    const place = placeIn(line);
    if (place !== undefined) return place.replace(/^file:\/\//, "");
  }
  return null;
}

/** The place at the end of a line of a stack. */
function placeIn(line: string): string | undefined {
  return /\(?((?:file:\/\/)?[^\s()]+:\d+:\d+)\)?$/.exec(line)?.[1];
}
