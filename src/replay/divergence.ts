/**
 * Why a replay of a recorded session ended in another state than the one that was kept: the
 * stretch, the first differing paths, the event that last wrote the first of them, and the probable
 * cause. Everything in a report is plain text and numbers, so that it can be sent as JSON as it is.
 */
import { codeOf, decodeValue, equalBytes, messageOf, toHex } from "../base/index.ts";
import { type Difference, differences } from "./difference.ts";
import { type FoldStart, foldFrom } from "./fold.ts";
import { type EventMark, locate, markOf } from "./locate.ts";
import type { Program, ReducerEvent } from "./program.ts";

/** A program by name and version; `hash` in hexadecimal. */
export interface ProgramMark {
  readonly name: string;
  readonly version: string;
  readonly hash: string;
}

/** Why a replay diverged, as far as can be told from outside. */
export type CauseKind = "code-changed" | "unrecorded-input" | "program-failed" | "outside-state";

/** The report about one stretch whose end state is not the one that was kept. */
export interface Divergence {
  readonly about: "state";
  /** The program that ran. */
  readonly program: ProgramMark;
  /** The program that made the kept state, when it was another one. */
  readonly recordedBy: ProgramMark | null;
  /** The stretch: the states after `from` and after `to` events. The first matched. */
  readonly from: number;
  readonly to: number;
  /** Size of the last snapshot that matched; `null` when the stretch begins with `init`. */
  readonly lastMatching: number | null;
  /** The event that last wrote the first differing path, or at which the program threw. */
  readonly event: EventMark | null;
  /** SHA-256 of the states after `to` events, hexadecimal; `null`: the program threw. */
  readonly expectedHash: string;
  readonly actualHash: string | null;
  /** The first differences, in document order. */
  readonly paths: readonly Difference[];
  /** Whether there are more differences than `paths` holds. */
  readonly more: boolean;
  readonly cause: { readonly kind: CauseKind; readonly text: string };
}

/** A stretch that did not end as it should have. */
export interface DivergedStretch {
  readonly program: Program;
  /** The program of the snapshot record, where it is known. */
  readonly recordedBy?: ProgramMark;
  readonly from: number;
  readonly to: number;
  /** The matching state at `from`, or `undefined` to begin with `init`. */
  readonly start: FoldStart;
  /** The events `from` to `to`, as often as they are asked for. */
  events(): Iterable<ReducerEvent>;
  /** The kept state at `to`; its bytes are `undefined` when they are damaged or gone. */
  readonly expected: { readonly hash: Uint8Array; readonly bytes?: Uint8Array | undefined };
  /** The hash that the replay came to; `undefined` when the program threw. */
  readonly actualHash: Uint8Array | undefined;
  /** Most differences in the report, 10. */
  readonly limit?: number;
}

/** What one more fold of the stretch came to: a state, or the event at which it failed. */
type Attempt =
  | { readonly bytes: Uint8Array; readonly hash: Uint8Array }
  | { readonly failure: string; readonly event: EventMark | null };

/**
 * Explains a divergence by folding the stretch again, twice at most. Throws only what the store
 * under the events throws (`BLOB_MISSING`, `CORRUPT`, ...).
 */
export function explain(stretch: DivergedStretch): Divergence {
  const attempt = foldAgain(stretch);
  const limit = stretch.limit ?? 10;
  const all = differencesOf(stretch, attempt, limit + 1);
  const first = all[0];
  const found = first && "hash" in attempt ? writerOf(stretch, first, attempt.hash) : undefined;
  const stable = isStable(stretch, attempt) && (found?.stable ?? true);
  const program = programMark(stretch.program);
  const recordedBy = otherProgram(stretch.recordedBy, program);
  return {
    about: "state",
    program,
    recordedBy,
    from: stretch.from,
    to: stretch.to,
    lastMatching: stretch.start === undefined ? null : stretch.from,
    event: "failure" in attempt ? attempt.event : (found?.event ?? null),
    expectedHash: toHex(stretch.expected.hash),
    actualHash: stretch.actualHash ? toHex(stretch.actualHash) : null,
    paths: all.slice(0, limit),
    more: all.length > limit,
    cause: causeOf(program, recordedBy, stable, attempt),
  };
}

/** Name, version and hash of a program as text. */
export function programMark(program: Pick<Program, "name" | "version" | "hash">): ProgramMark {
  return { name: program.name, version: program.version, hash: toHex(program.hash) };
}

function otherProgram(recordedBy: ProgramMark | undefined, ran: ProgramMark): ProgramMark | null {
  if (!recordedBy) return null;
  const same = recordedBy.hash === ran.hash && recordedBy.version === ran.version;
  return same ? null : recordedBy;
}

function foldAgain(stretch: DivergedStretch): Attempt {
  let at: EventMark | null = null;
  try {
    let fold: ReturnType<typeof foldFrom> | undefined;
    for (const event of stretch.events()) {
      at = markOf(event);
      fold ??= foldFrom(stretch.program, stretch.start, event);
      fold.apply(event);
    }
    if (!fold) return { failure: "the stretch has no events", event: null };
    return fold.boundary();
  } catch (error) {
    if (!isProgramFailure(error)) throw error;
    return { failure: messageOf(error), event: at };
  }
}

function isProgramFailure(error: unknown): boolean {
  const code = codeOf(error);
  return code === "PROGRAM_FAILED" || code === "STATE_UNSUPPORTED" || code === "STATE_TOO_LARGE";
}

function differencesOf(stretch: DivergedStretch, attempt: Attempt, limit: number): Difference[] {
  const { bytes } = stretch.expected;
  if (!bytes || !("bytes" in attempt)) return [];
  return differences(decodeValue(bytes), decodeValue(attempt.bytes), { limit });
}

/** The writer of a path; and whether the fold that looked for it came to the same state. */
function writerOf(
  stretch: DivergedStretch,
  difference: Difference,
  hash: Uint8Array,
): { event: EventMark | null; stable: boolean } {
  try {
    const found = locate(stretch.program, stretch.start, stretch.events(), difference.steps);
    const again = found.fold?.boundary().hash;
    return { event: found.event, stable: again !== undefined && equalBytes(again, hash) };
  } catch (error) {
    if (!isProgramFailure(error)) throw error;
    return { event: null, stable: false };
  }
}

/** Whether folding again did what the replay had done. */
function isStable(stretch: DivergedStretch, attempt: Attempt): boolean {
  if (!("hash" in attempt)) return stretch.actualHash === undefined;
  return stretch.actualHash !== undefined && equalBytes(attempt.hash, stretch.actualHash);
}

function causeOf(
  ran: ProgramMark,
  recordedBy: ProgramMark | null,
  stable: boolean,
  attempt: Attempt,
): Divergence["cause"] {
  if (!stable) {
    const text =
      "unrecorded input leaked in: folding the same events twice did not give the same state. " +
      "Look for the clock, randomness, the environment, or variables outside the reducer.";
    return { kind: "unrecorded-input", text };
  }
  if (recordedBy) {
    const versions = `recorded with ${named(recordedBy)}, replayed with ${named(ran)}`;
    return { kind: "code-changed", text: `the code changed: ${versions}.` };
  }
  if ("failure" in attempt) {
    return { kind: "program-failed", text: `the program failed: ${attempt.failure}` };
  }
  const text =
    "the state depends on something outside the events: the same program gives the same state " +
    "each time, but not the one that was kept. Look for module variables that outlive a " +
    "snapshot, the time zone or locale, another version of Node, or an object kept at two places.";
  return { kind: "outside-state", text };
}

function named(program: ProgramMark): string {
  return `${program.name} ${program.version} (${program.hash.slice(0, 12)})`;
}
