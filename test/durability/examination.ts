/**
 * The judge of damaged data directories: reads and verifies every session and compares it with what
 * was written. It allows what Reach promises (everything is there, or what is missing is reported
 * with the session and the first bad event, and only sessions that the damage can have hit are
 * concerned) and throws a `WrongAnswer` for all else.
 */
import {
  codeOf,
  equalBytes,
  messageOf,
  ReachError,
  type SessionId,
  toHex,
} from "../../src/base/index.ts";
import {
  type Directory,
  type SessionReader,
  type VerifyReport,
  verifySession,
} from "../../src/session/index.ts";
import { fixtureProgram } from "./small-directories.ts";

/** Reach has given an answer that is not true, or none where it should have. */
export class WrongAnswer extends Error {}

/** One session as it was written. */
export interface Original {
  readonly id: SessionId;
  readonly events: readonly Uint8Array[];
  readonly payloads: readonly Uint8Array[];
  /** First seqs of its batches. */
  readonly batches: readonly number[];
  /** Roots after 0, 1, 2, … events, hexadecimal. */
  readonly roots: readonly string[];
  readonly signedSize: number;
  readonly snapshots: readonly number[];
  /** Problems that it has from the beginning. */
  readonly problems: number;
}

/** What a directory should hold. */
export type Originals = ReadonlyMap<SessionId, Original>;

/** Reads everything out of a directory that is whole. */
export async function takeOriginals(directory: Directory): Promise<Originals> {
  const originals = new Map<SessionId, Original>();
  for (const id of directory.sessionIds()) {
    const reader = directory.session(id);
    const all = [...reader.events()];
    originals.set(id, {
      id,
      events: all.map((event) => event.bytes.slice()),
      payloads: all.map((event) => event.payloadBytes.slice()),
      batches: [...reader.batches()].map(({ firstSeq }) => firstSeq),
      roots: Array.from({ length: all.length + 1 }, (_, size) => toHex(reader.computedRoot(size))),
      signedSize: reader.checkpoint()?.size ?? 0,
      snapshots: reader.snapshots(fixtureProgram).map(({ size }) => size),
      problems: (await verifySession(directory, id)).problemCount,
    });
    reader.close();
  }
  return originals;
}

/** What there is of the journal that held what sessions do not have in their place. */
export type JournalState = "here" | "unrecovered" | "lost";

/** How a session came out: `reported` includes what is whole and of which something is said. */
export type Outcome = "whole" | "reported" | "lost";

/** What reading a session gave. */
interface Reading {
  /** Events that are what they were, from the first on. */
  readonly size: number;
  /** First event whose payload cannot be read. */
  readonly badPayload: number | undefined;
  readonly error: ReachError | undefined;
  /** Whether it could be opened at all. */
  readonly opened: boolean;
}

/** The error as one of Reach, with a code that is not that of a bug. */
export function reported(error: unknown, doing: string): ReachError {
  const code = codeOf(error);
  if (error instanceof ReachError && code !== undefined && code !== "BUG") return error;
  const stack = error instanceof Error ? error.stack : undefined;
  throw new WrongAnswer(`${doing} throws ${stack ?? messageOf(error)}`);
}

/**
 * Examines every session of `originals`; returns how each came out. Throws `WrongAnswer`. While the
 * journal is `unrecovered`, readers may see less than was acknowledged, though not less than was
 * signed, and verifying does not call the session complete. Where it is `lost`, and that has been
 * said of the directory, any session may be shorter.
 */
export async function examine(
  directory: Directory,
  originals: Originals,
  journal: JournalState = "here",
): Promise<Map<SessionId, Outcome>> {
  const listed = new Set(directory.sessionIds());
  const outcomes = new Map<SessionId, Outcome>();
  for (const id of listed) {
    if (!originals.has(id)) throw new WrongAnswer(`there never was a session ${id}`);
  }
  for (const original of originals.values()) {
    const { id } = original;
    if (listed.has(id)) outcomes.set(id, await examineSession(directory, original, journal));
    else if (journal === "lost") outcomes.set(id, "lost");
    else throw new WrongAnswer(`session ${id} is not listed`);
  }
  return outcomes;
}

async function examineSession(
  directory: Directory,
  original: Original,
  journal: JournalState,
): Promise<Outcome> {
  const { id } = original;
  const reading = readSession(directory, original);
  const whole = isWhole(reading, original);
  let report: VerifyReport;
  try {
    report = await verifySession(directory, id);
  } catch (error) {
    namesSession(reported(error, `verifying ${id}`), id);
    return whole ? "reported" : "lost";
  }
  const said = report.problemCount > original.problems || report.unrecovered > 0;
  const open = journal === "unrecovered" && report.completeness === "unknown";
  if (open && !whole && !said && reading.size >= original.signedSize) return "reported";
  if (journal === "lost" && !whole && !reading.error) return "lost";
  if (!whole && !said) {
    const what = `${reading.size} of ${original.events.length} events, ${reading.error?.message}`;
    throw new WrongAnswer(`session ${id} verifies and is not what it was: ${what}`);
  }
  if (!whole && reading.opened && report.unrecovered === 0)
    checkFirstBad(reading, report, original);
  return whole ? (said ? "reported" : "whole") : "lost";
}

function isWhole({ size, badPayload, error }: Reading, { events }: Original): boolean {
  return size === events.length && badPayload === undefined && !error;
}

/** Verifying names the first bad event: the one at which reading ends, or one of its batch. */
function checkFirstBad(
  { size, badPayload, error }: Reading,
  report: VerifyReport,
  { batches, problems }: Original,
): void {
  const stopped = error || badPayload === undefined ? size : Number.POSITIVE_INFINITY;
  const { firstBad } = report;
  const batchEnd = batches.find((seq) => seq > stopped) ?? Number.POSITIVE_INFINITY;
  const inBatch = firstBad !== null && firstBad >= stopped && firstBad < batchEnd;
  const wasBad = problems > 0 && firstBad !== null && firstBad <= stopped;
  const isPayload = firstBad !== null && firstBad === badPayload;
  if (inBatch || isPayload || wasBad) return;
  const found = `${firstBad}, and reading ends at ${stopped}, payload ${badPayload}`;
  throw new WrongAnswer(`session ${report.id}: the first bad event is said to be ${found}`);
}

function namesSession(error: ReachError, id: SessionId): void {
  const named = error.message.includes(id) || error.where?.includes(id);
  if (!named) throw new WrongAnswer(`an error does not name session ${id}: ${error.message}`);
}

function readSession(directory: Directory, original: Original): Reading {
  const { id } = original;
  let reader: SessionReader;
  try {
    reader = directory.session(id);
  } catch (error) {
    const thrown = reported(error, `opening ${id}`);
    namesSession(thrown, id);
    return { size: 0, badPayload: undefined, error: thrown, opened: false };
  }
  try {
    const reading = readEvents(reader, original);
    checkClaims(reader, original, reading.size);
    return reading;
  } finally {
    reader.close();
  }
}

function readEvents(reader: SessionReader, { id, events, payloads }: Original): Reading {
  let size = 0;
  let badPayload: number | undefined;
  try {
    for (const event of reader.events()) {
      const expected = events[size];
      if (!expected) throw new WrongAnswer(`${id}@${size} was never written`);
      if (!equalBytes(event.bytes, expected)) throw new WrongAnswer(`${id}@${size} is another one`);
      try {
        const payload = event.payloadBytes;
        const same = equalBytes(payload, payloads[size] as Uint8Array);
        if (!same) throw new WrongAnswer(`the payload of ${id}@${size} is another one`);
      } catch (error) {
        if (error instanceof WrongAnswer) throw error;
        reported(error, `reading the payload of ${id}@${size}`);
        badPayload ??= size;
      }
      size += 1;
    }
  } catch (error) {
    if (error instanceof WrongAnswer) throw error;
    const thrown = reported(error, `reading ${id}`);
    namesSession(thrown, id);
    return { size, badPayload, error: thrown, opened: true };
  }
  return { size, badPayload, error: undefined, opened: true };
}

/** Roots, the checkpoint and the snapshots are what they were, or there is an error. */
function checkClaims(reader: SessionReader, original: Original, size: number): void {
  const { id, roots, signedSize, snapshots } = original;
  const attempt = <T>(doing: string, get: () => T): T | undefined => {
    try {
      return get();
    } catch (error) {
      if (error instanceof WrongAnswer) throw error;
      reported(error, `${doing} of ${id}`);
      return undefined;
    }
  };
  for (const at of new Set([1, Math.floor(size / 2), Math.min(signedSize, size), size])) {
    const root = attempt("root", () => reader.root(at));
    if (root && toHex(root) !== roots[at]) throw new WrongAnswer(`another root of ${id} at ${at}`);
  }
  const checkpoint = attempt("checkpoint", () => reader.checkpoint());
  const claimed = checkpoint && roots[checkpoint.size] === toHex(checkpoint.root);
  if (claimed === false) throw new WrongAnswer(`another checkpoint of ${id}`);
  for (const record of attempt("snapshots", () => reader.snapshots(fixtureProgram)) ?? []) {
    const known = snapshots.includes(record.size) && roots[record.size] === toHex(record.root);
    if (!known) throw new WrongAnswer(`a snapshot of ${id} that was never taken`);
  }
}
