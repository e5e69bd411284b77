/**
 * A session as the source it was imported from, byte for byte: records and the gaps between them,
 * in order, checked against the SHA-256 that the import noted.
 */
import { equalBytes, ReachError, sha256Stream, toHex } from "../base/index.ts";
import {
  type ImportNote,
  importNoteOf,
  LayoutCursor,
  type LayoutRuns,
  layoutMismatch,
  layoutNoteType,
  layoutRunsOf,
} from "./layout.ts";
import type { SessionReader } from "./session-reader.ts";

/** Takes bytes in order; a promise holds the producer back. */
export type ByteSink = (bytes: Uint8Array) => void | Promise<void>;

const writeBytes = 256 * 1024;

/** A stretch of records whose layout is in one note. */
interface Part {
  readonly from: number;
  readonly note: number;
}

/** One import into the session, and where in the source it stops to count. */
interface Stage {
  readonly parts: Part[];
  readonly note: ImportNote;
  /** Place in the source where the next import read on; the stage's bytes end there. */
  limit: number;
}

/**
 * Writes the source that a session was imported from. Throws `USAGE` for a session that was not
 * imported, `CORRUPT` when what comes out is not what went in.
 */
export async function exportOriginal(
  reader: SessionReader,
  out: ByteSink,
): Promise<{ bytes: number; sha256: string }> {
  const stages = findStages(reader);
  const last = stages.at(-1);
  if (!last) {
    const how = reader.manifest.fork ? "is a fork without a whole import" : "was not imported";
    throw new ReachError("USAGE", `session ${reader.id} ${how}: there is no original`, {
      where: reader.id,
      hint: "export it with --format bundle or --format ndjson",
    });
  }
  const writer = new CountingWriter(out);
  for (const stage of stages) await writeStage(reader, stage, writer);
  await writer.flush();
  const digest = writer.digest();
  if (writer.written !== last.note.size || !equalBytes(digest, last.note.sha256)) {
    throw layoutMismatch(reader.id, last.note.sha256, digest);
  }
  return { bytes: writer.written, sha256: toHex(digest) };
}

/**
 * The imports of a session, found by their notes; payloads of other events are not looked at. What
 * stands behind the beginning of a fork may have been set there: notes of its source tell nothing.
 */
function findStages(reader: SessionReader): Stage[] {
  const stages: Stage[] = [];
  let parts: Part[] = [];
  let from = 0;
  for (const event of reader.events()) {
    if (event.kind === "fork") break;
    if (event.kind !== "note") continue;
    const note = importNoteOf(event);
    if (!note && event.type !== layoutNoteType) continue;
    parts.push({ from, note: event.seq });
    from = event.seq + 1;
    if (!note) continue;
    const previous = stages.at(-1);
    if (previous) previous.limit = note.from;
    stages.push({ parts, note: { ...note, runs: [] }, limit: note.size });
    parts = [];
  }
  return stages;
}

async function writeStage(
  reader: SessionReader,
  { parts, limit }: Stage,
  writer: CountingWriter,
): Promise<void> {
  writer.limit = limit;
  for (const { from, note } of parts) {
    const event = reader.event(note);
    const ending = importNoteOf(event);
    const cursor = new LayoutCursor(ending?.runs ?? (layoutRunsOf(event) as LayoutRuns));
    for (const record of reader.events(from, note)) {
      if (record.kind === "note") continue;
      const gap = cursor.next();
      if (!gap) break;
      writer.write(gap);
      writer.write(record.payloadBytes);
      if (writer.full) await writer.flush();
    }
    if (ending) writer.write(ending.tail);
  }
}

/** Collects bytes, counts and hashes them up to a limit, passes them on in large pieces. */
class CountingWriter {
  readonly #out: ByteSink;
  readonly #hash = sha256Stream();
  #parts: Uint8Array[] = [];
  #collected = 0;
  written = 0;
  /** Bytes behind this place of the source come again in the next import: left out. */
  limit = 0;

  constructor(out: ByteSink) {
    this.#out = out;
  }

  write(bytes: Uint8Array): void {
    const room = this.limit - this.written;
    const taken = bytes.length <= room ? bytes : bytes.subarray(0, Math.max(room, 0));
    if (taken.length === 0) return;
    this.#parts.push(taken);
    this.#collected += taken.length;
    this.written += taken.length;
  }

  get full(): boolean {
    return this.#collected >= writeBytes;
  }

  async flush(): Promise<void> {
    const whole = Buffer.concat(this.#parts, this.#collected);
    this.#parts = [];
    this.#collected = 0;
    this.#hash.update(whole);
    if (whole.length > 0) await this.#out(whole);
  }

  digest(): Uint8Array {
    return this.#hash.digest();
  }
}
