/**
 * Whether a source is a longer version of something imported before: sessions whose sources began
 * alike are compared by the SHA-256 of the bytes that they had. Also how a reader is told what the
 * earlier import has seen.
 */
import { codeOf, equalBytes, type SessionId } from "../base/index.ts";
import {
  type Directory,
  type ImportIndex,
  type ImportNote,
  importNoteOf,
  type SessionReader,
} from "../session/index.ts";
import type { ImportOptions } from "./import-report.ts";
import type { Format, SourceReader } from "./importer.ts";
import { notedPath } from "./path-option.ts";
import type { Source } from "./source.ts";
import { hashPrefixes } from "./source-hash.ts";

/** See `ImportOptions`; without one nobody else wants the thread. */
type Turn = () => Promise<void>;

/** Events that are looked at in a row: some hundred microseconds, but for large payloads. */
const turnEvents = 16;

/** An earlier import that a source goes on from. */
export interface Earlier {
  readonly id: SessionId;
  readonly note: ImportNote;
}

/** The longest earlier import that this source begins with. */
export async function findEarlier(
  directory: Directory,
  index: ImportIndex,
  options: ImportOptions,
  format: Format,
  head: Uint8Array,
): Promise<Earlier | undefined> {
  const { source, fresh, id } = options;
  if (fresh || !source.reopenable) return undefined;
  const { size } = source;
  const path = notedPath(options);
  const found: Earlier[] = [];
  // A session that is named needs no hint.
  const candidates = id === undefined ? index.find(head).map((entry) => entry.id) : [id];
  for (const candidate of candidates) {
    const note = lastImport(directory, candidate);
    if (!note || (size !== null && note.size > size)) continue;
    if (note.format !== format.name || note.path !== path) continue;
    const mayBeSame = size === null || note.size === size;
    if (mayBeSame || canGoOn(format, note)) found.push({ id: candidate, note });
  }
  if (found.length === 0) return undefined;
  found.sort((a, b) => a.note.size - b.note.size);
  const earlier = await longestPrefix(source, found);
  if (!earlier || canGoOn(format, earlier.note)) return earlier;
  return (await endsAt(source, earlier.note.size)) ? earlier : undefined;
}

function canGoOn({ appendOnly }: Format, { resume }: ImportNote): boolean {
  return appendOnly && resume !== null;
}

/** Whether a source has `size` bytes and no more. */
export async function endsAt(source: Source, size: number): Promise<boolean> {
  if (source.size !== null) return source.size === size;
  for await (const piece of source.open(size)) if (piece.length > 0) return false;
  return true;
}

/** The last of `candidates`, by size, whose bytes a source begins with. */
async function longestPrefix(
  source: Source,
  candidates: readonly Earlier[],
): Promise<Earlier | undefined> {
  const hashes = await hashPrefixes(
    source,
    candidates.map(({ note }) => note.size),
  );
  return candidates.findLast(({ note }, i) => {
    const hash = hashes[i];
    return hash && equalBytes(hash, note.sha256);
  });
}

/** The note of a session's last import, if nothing has been appended since, nor set in a fork. */
function lastImport(directory: Directory, id: SessionId): ImportNote | undefined {
  try {
    const reader = directory.session(id);
    try {
      const { size, manifest } = reader;
      return size > 0 && !manifest.fork ? importNoteOf(reader.event(size - 1)) : undefined;
    } finally {
      reader.close();
    }
  } catch (error) {
    // Removed or damaged since: a new session is made, and `verify` tells about the old one.
    if (codeOf(error) === undefined) throw error;
    return undefined;
  }
}

/**
 * Tells a reader of what its format recalls of a session; resolves with the time of the last
 * record. What was read of a line that came again is passed over: it would count twice.
 */
export async function recallSession(
  directory: Directory,
  id: SessionId,
  { recalls }: Format,
  reader: SourceReader,
  turn: Turn,
): Promise<number> {
  const session = directory.session(id);
  try {
    const kinds = new Set(recalls);
    const again = await readAgain(session, turn);
    let time = 0;
    for (const event of session.events()) {
      const { seq, kind } = event;
      if (seq % turnEvents === 0) await turn();
      while (again[0] && seq >= again[0].end) again.shift();
      if (kind === "note" || seq >= (again[0]?.from ?? Number.POSITIVE_INFINITY)) continue;
      time = event.time;
      if (kinds.has(kind) && event.payload.form === "json") reader.recall?.(event.data, seq);
    }
    return time;
  } finally {
    session.close();
  }
}

/** Events of lines that the import after theirs read again, in order, as far as notes tell. */
async function readAgain(
  session: SessionReader,
  turn: Turn,
): Promise<{ readonly from: number; readonly end: number }[]> {
  const found: { from: number; end: number }[] = [];
  for (const event of session.events()) {
    if (event.seq % turnEvents === 0) await turn();
    if (event.kind !== "note") continue;
    const from = importNoteOf(event)?.resume?.seq;
    if (from !== undefined) found.push({ from, end: event.seq });
  }
  return found;
}
