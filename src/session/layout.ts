/**
 * The layout of an import: what stands between the records of a source (line ends, blank lines,
 * brackets), run-length coded. With the records themselves it is the source again, byte for byte.
 * It is kept in `note` events, so the tree covers it and it travels with the session.
 */
import { equalBytes, ReachError, type SessionId, toHex } from "../base/index.ts";
import type { EventView } from "../event/index.ts";

/** Type of the note that ends each import. */
export const importNoteType = "reach.import";
/** Type of the notes that carry a long layout in parts, before the one that ends the import. */
export const layoutNoteType = "reach.layout";

/** The gap before each record, one behind the other, as `[gap, repeats, gap, repeats, ...]`. */
export type LayoutRuns = (Uint8Array | number)[];

/**
 * One gap, which may come byte by byte. Grows by doubling: joining two arrays for each blank line
 * took 1.8 s for 64 KiB of them (measured).
 */
class GapBuffer {
  #buffer: Uint8Array = new Uint8Array(64);
  #length = 0;

  /** A view of what was appended, valid until the next `append`. */
  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  append(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    if (length > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(length, 2 * this.#buffer.length));
      grown.set(this.bytes);
      this.#buffer = grown;
    }
    this.#buffer.set(bytes, this.#length);
    this.#length = length;
  }

  clear(): void {
    this.#length = 0;
  }
}

/** Collects gaps as runs. */
export class LayoutBuilder {
  #runs: LayoutRuns = [];
  readonly #gap = new GapBuffer();
  #bytes = 0;

  /** Bytes that the runs take, about. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds bytes to the gap in front of the next record. */
  gap(bytes: Uint8Array): void {
    this.#gap.append(bytes);
  }

  /** Notes a record behind the gap collected so far. */
  record(): void {
    const last = this.#runs.at(-2);
    const gap = this.#gap.bytes;
    if (last instanceof Uint8Array && equalBytes(last, gap)) {
      this.#runs[this.#runs.length - 1] = (this.#runs.at(-1) as number) + 1;
    } else {
      this.#runs.push(gap.slice(), 1);
      this.#bytes += gap.length + 8;
    }
    this.#gap.clear();
  }

  /** The runs so far; the builder goes on empty, with the gap that is being collected. */
  takeRuns(): LayoutRuns {
    const runs = this.#runs;
    this.#runs = [];
    this.#bytes = 0;
    return runs;
  }

  /** The gap behind the last record. */
  takeTail(): Uint8Array {
    const tail = this.#gap.bytes.slice();
    this.#gap.clear();
    return tail;
  }
}

/** Hands out the gaps of runs, one per record. */
export class LayoutCursor {
  readonly #runs: LayoutRuns;
  #run = 0;
  #used = 0;

  constructor(runs: LayoutRuns) {
    this.#runs = runs;
  }

  /** The gap before the next record; `undefined` when there are no more records. */
  next(): Uint8Array | undefined {
    const gap = this.#runs[this.#run];
    const repeats = this.#runs[this.#run + 1];
    if (!(gap instanceof Uint8Array) || typeof repeats !== "number") return undefined;
    this.#used += 1;
    if (this.#used >= repeats) {
      this.#run += 2;
      this.#used = 0;
    }
    return gap;
  }
}

/** Where a longer version of a source is read on from; see the importers' `ResumePoint`. */
export interface ResumeAt {
  readonly offset: number;
  readonly line: number;
  /** Events of the import from here on are of a line that comes again; older notes do not say. */
  readonly seq?: number;
}

/** Something that an import reported. */
export interface NotedProblem {
  readonly line: number | null;
  readonly offset: number;
  readonly message: string;
}

/** The data of the note that ends an import. */
export interface ImportNote {
  readonly version: 1;
  readonly format: string;
  readonly name: string;
  /** Of a document, the array whose elements are the records; older notes do not say. */
  readonly path?: string;
  /** Place in the source where this import began to read. */
  readonly from: number;
  /** Bytes of the source up to the end of this import, and their SHA-256. */
  readonly size: number;
  readonly sha256: Uint8Array;
  /** Records of this import. */
  readonly records: number;
  /** Stopped before the end of the source. */
  readonly interrupted: boolean;
  readonly resume: ResumeAt | null;
  readonly problemCount: number;
  /** The first of them. */
  readonly problems: readonly NotedProblem[];
  readonly runs: LayoutRuns;
  readonly tail: Uint8Array;
}

/**
 * The import note that an event is, or `undefined`. Throws `CORRUPT` for one that is none inside.
 */
export function importNoteOf(event: EventView): ImportNote | undefined {
  if (event.kind !== "note" || event.type !== importNoteType) return undefined;
  const note = event.data;
  if (isImportNote(note)) return note;
  throw new ReachError("CORRUPT", `the import note in event ${event.seq} is damaged`);
}

/** Whether a value is a note of an import: it may come from a stranger, in a bundle. */
function isImportNote(value: unknown): value is ImportNote {
  const note = value as Partial<ImportNote> | null | undefined;
  return (
    [note?.size, note?.from, note?.records, note?.problemCount].every(isCount) &&
    typeof note?.format === "string" &&
    typeof note.name === "string" &&
    (note.path === undefined || typeof note.path === "string") &&
    typeof note.interrupted === "boolean" &&
    note.sha256 instanceof Uint8Array &&
    note.sha256.length === 32 &&
    note.tail instanceof Uint8Array &&
    Array.isArray(note.runs) &&
    Array.isArray(note.problems) &&
    note.problems.every(isProblem) &&
    (note.resume === null || isResumeAt(note.resume))
  );
}

function isResumeAt(value: unknown): boolean {
  const { offset, line, seq = 0 } = (value ?? {}) as Partial<ResumeAt>;
  return [offset, line, seq].every(isCount);
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isProblem(value: unknown): boolean {
  const problem = value as Partial<NotedProblem> | null | undefined;
  const placed = isCount(problem?.offset) && (problem?.line === null || isCount(problem?.line));
  return placed && typeof problem?.message === "string";
}

/** The runs of a note that carries a part of a long layout. */
export function layoutRunsOf(event: EventView): LayoutRuns | undefined {
  if (event.kind !== "note" || event.type !== layoutNoteType) return undefined;
  const runs = (event.data as { runs?: unknown } | null | undefined)?.runs;
  return Array.isArray(runs) ? (runs as LayoutRuns) : [];
}

/** The error for a session whose layout does not lead back to its source. */
export function layoutMismatch(id: SessionId, wanted: Uint8Array, found: Uint8Array): ReachError {
  const message = `the export has SHA-256 ${toHex(found)}, the import had ${toHex(wanted)}`;
  return new ReachError("CORRUPT", message, {
    where: id,
    hint: "run `reach verify`: the session is damaged, or its layout is",
  });
}
