/**
 * The import of one source into a session, from the first look at its bytes to the signed
 * checkpoint. A longer version of something imported before continues that session, once the bytes
 * already imported have proved to be the same.
 */
import {
  codeOf,
  ReachError,
  type SessionId,
  type Sha256Stream,
  sha256Stream,
  toHex,
} from "../base/index.ts";
import {
  type BulkWriter,
  type Directory,
  ImportIndex,
  type ImportNote,
  ImportSink,
  importNoteOf,
  type NotedProblem,
  type ResumeAt,
} from "../session/index.ts";
import { detectFormat, formatNamed, formats } from "./detect.ts";
import { sniffBytesMax } from "./head-sample.ts";
import type { Format, ReaderOptions, SourceReader } from "./importer.ts";
import type { Source } from "./source.ts";

/** What to import, and how. */
export interface ImportOptions {
  readonly source: Source;
  /** A name of `formats`; without it the content decides. */
  readonly format?: string;
  /** Array of a JSON document whose elements are the records. */
  readonly path?: string;
  /** Id of the session to make or to continue. */
  readonly id?: SessionId;
  /** Never continue an earlier import. */
  readonly fresh?: boolean;
  /** Called now and then with the bytes read and the records kept. */
  readonly onProgress?: (progress: { bytes: number; records: number }) => void;
  /** Ends the import at an acknowledged point. */
  readonly signal?: AbortSignal;
}

/** What an import did. */
export interface ImportReport {
  readonly id: SessionId;
  readonly format: string;
  /** Records that this import added. */
  readonly records: number;
  /** Events of the session now. */
  readonly events: number;
  /** Bytes of the source up to where it has been imported. */
  readonly bytes: number;
  readonly seconds: number;
  /** Events that were there before; `null` for a new session. */
  readonly continuedFrom: number | null;
  /** The very same source had been imported before: nothing was added. */
  readonly unchanged: boolean;
  readonly interrupted: boolean;
  readonly root: string;
  readonly blobs: { readonly count: number; readonly bytes: number; readonly storedBytes: number };
  /** The first 100 problems. */
  readonly problems: readonly NotedProblem[];
  readonly problemCount: number;
  readonly unparsed: number;
  readonly fragments: number;
}

/** An earlier import that a source goes on from. */
interface Earlier {
  readonly id: SessionId;
  readonly note: ImportNote;
}

/**
 * Imports a source. Throws `FORMAT_UNKNOWN` for what is no transcript, `SOURCE_UNREADABLE`,
 * `USAGE` for options that do not fit it; then nothing of a new session stays behind.
 */
export async function importSource(
  directory: Directory,
  options: ImportOptions,
): Promise<ImportReport> {
  const started = performance.now();
  const { source } = options;
  const stream = new PeekedStream(source);
  const head = await stream.head();
  const format = chooseFormat(head, options);
  const index = new ImportIndex(directory);
  const earlier = await findEarlier(directory, index, options, format, head);
  if (earlier && earlier.note.size === source.size && !earlier.note.interrupted) {
    return unchangedReport(directory, earlier, format, started);
  }
  const run = new ImportRun(directory, options, format, earlier);
  try {
    await run.open();
    await run.read(stream);
    return await run.finish(index, head, started);
  } catch (error) {
    await run.discard();
    throw error;
  }
}

function chooseFormat(head: Uint8Array, { format, source }: ImportOptions): Format {
  if (format !== undefined && format !== "auto") {
    const named = formatNamed(format);
    if (named) return named;
    throw new ReachError("USAGE", `there is no format "${format}"`, {
      hint: `formats: auto, ${formats.map(({ name }) => name).join(", ")}`,
    });
  }
  const found = detectFormat(head, source.name);
  if (found) return found;
  const what = head.length === 0 ? "is empty" : "is no transcript that Reach knows";
  throw new ReachError("FORMAT_UNKNOWN", `${source.name} ${what}`, {
    where: source.name,
    hint: `--format takes ${formats.map(({ name }) => name).join(", ")}`,
  });
}

/** The longest earlier import that this source begins with. */
async function findEarlier(
  directory: Directory,
  index: ImportIndex,
  options: ImportOptions,
  format: Format,
  head: Uint8Array,
): Promise<Earlier | undefined> {
  const { source, fresh, id } = options;
  if (fresh || !source.reopenable || source.size === null) return undefined;
  const found: Earlier[] = [];
  for (const entry of index.find(head)) {
    if (id !== undefined && entry.id !== id) continue;
    const note = lastImport(directory, entry.id);
    if (!note || note.size > source.size || note.format !== format.name) continue;
    if (format.appendOnly || note.size === source.size) found.push({ id: entry.id, note });
  }
  if (found.length === 0) return undefined;
  found.sort((a, b) => a.note.size - b.note.size);
  return longestPrefix(source, found);
}

/** Reads the source once and returns the last of `candidates`, by size, whose bytes it begins with. */
async function longestPrefix(
  source: Source,
  candidates: readonly Earlier[],
): Promise<Earlier | undefined> {
  const hash = sha256Stream();
  let best: Earlier | undefined;
  let next = 0;
  let read = 0;
  for await (const chunk of source.open(0)) {
    let from = 0;
    for (let one = candidates[next]; one && one.note.size <= read + chunk.length; ) {
      hash.update(chunk.subarray(from, one.note.size - read));
      from = one.note.size - read;
      if (toHex(hash.digest()) === toHex(one.note.sha256)) best = one;
      next += 1;
      one = candidates[next];
    }
    if (next >= candidates.length) return best;
    hash.update(chunk.subarray(from));
    read += chunk.length;
  }
  return best;
}

/** The note of a session's last import, if nothing has been appended since. */
function lastImport(directory: Directory, id: SessionId): ImportNote | undefined {
  try {
    const reader = directory.session(id);
    try {
      return reader.size > 0 ? importNoteOf(reader.event(reader.size - 1)) : undefined;
    } finally {
      reader.close();
    }
  } catch (error) {
    // Removed or damaged since: a new session is made, and `verify` tells about the old one.
    if (codeOf(error) === undefined) throw error;
    return undefined;
  }
}

function unchangedReport(
  directory: Directory,
  { id, note }: Earlier,
  format: Format,
  started: number,
): ImportReport {
  const reader = directory.session(id);
  try {
    return {
      id,
      format: format.name,
      records: 0,
      events: reader.size,
      bytes: note.size,
      seconds: (performance.now() - started) / 1000,
      continuedFrom: reader.size,
      unchanged: true,
      interrupted: false,
      root: toHex(reader.root()),
      blobs: { count: 0, bytes: 0, storedBytes: 0 },
      problems: note.problems,
      problemCount: note.problemCount,
      unparsed: 0,
      fragments: 0,
    };
  } finally {
    reader.close();
  }
}

/** A source whose first bytes have been looked at. */
class PeekedStream {
  readonly #source: Source;
  readonly #chunks: Uint8Array[] = [];
  #iterator: AsyncIterator<Uint8Array> | undefined;

  constructor(source: Source) {
    this.#source = source;
  }

  /** The first bytes, at most `sniffBytesMax`. */
  async head(): Promise<Uint8Array> {
    this.#iterator = this.#source.open(0)[Symbol.asyncIterator]();
    let size = 0;
    while (size < sniffBytesMax) {
      const { done, value } = await this.#iterator.next();
      if (done) break;
      this.#chunks.push(value);
      size += value.length;
    }
    return Buffer.concat(this.#chunks).subarray(0, sniffBytesMax);
  }

  /** All bytes, those looked at first. */
  async *all(): AsyncGenerator<Uint8Array> {
    yield* this.#chunks;
    for (;;) {
      const { done, value } = (await this.#iterator?.next()) ?? { done: true, value: undefined };
      if (done || !value) return;
      yield value;
    }
  }

  /** Ends reading early. */
  async close(): Promise<void> {
    await this.#iterator?.return?.();
  }
}

/** One import under way. */
class ImportRun {
  readonly #directory: Directory;
  readonly #options: ImportOptions;
  readonly #format: Format;
  readonly #earlier: Earlier | undefined;
  readonly #hash: Sha256Stream = sha256Stream();
  #writer: BulkWriter | undefined;
  #sink: ImportSink | undefined;
  #reader: SourceReader | undefined;
  #before = 0;
  #read = 0;
  #resume: ResumeAt | null = null;
  #interrupted = false;
  #acknowledging: Promise<void> = Promise.resolve();

  constructor(
    directory: Directory,
    options: ImportOptions,
    format: Format,
    earlier: Earlier | undefined,
  ) {
    this.#directory = directory;
    this.#options = options;
    this.#format = format;
    this.#earlier = earlier;
  }

  get #from(): number {
    return this.#earlier?.note.resume?.offset ?? this.#earlier?.note.size ?? 0;
  }

  async open(): Promise<void> {
    const { source, path } = this.#options;
    const id = this.#earlier?.id ?? this.#options.id;
    const request = { name: source.name, format: this.#format.name };
    const exists = this.#options.id !== undefined && !this.#earlier && this.#sessionExists();
    if (exists) throw this.#notTheSame();
    const readerOptions = path === undefined ? {} : { path };
    if (!this.#earlier) this.#reader = this.#format.reader(readerOptions);
    const session = id === undefined ? request : { ...request, id };
    const writer = await this.#directory.openBulk(session);
    this.#writer = writer;
    this.#before = writer.nextSeq;
    const time = this.#earlier ? this.#resumeReader(writer, readerOptions) : 0;
    this.#sink = new ImportSink(writer, time);
  }

  #sessionExists(): boolean {
    return this.#directory.sessionIds().includes(this.#options.id as SessionId);
  }

  #notTheSame(): ReachError {
    const { id, source } = this.#options;
    return new ReachError(
      "CONFLICT",
      `session ${id} exists, and ${source.name} does not go on from it`,
      {
        ...(id === undefined ? {} : { where: id }),
        hint: "leave --id out to make a new session",
      },
    );
  }

  /** A reader that goes on behind the earlier import; tells it what came before. */
  #resumeReader(writer: BulkWriter, options: ReaderOptions): number {
    const { note, id } = this.#earlier as Earlier;
    const firstLine = note.resume?.line ?? 1;
    const reader = this.#format.reader({
      ...options,
      firstSeq: writer.nextSeq,
      firstLine,
      firstOffset: this.#from,
    });
    this.#reader = reader;
    return recallSession(this.#directory, id, reader);
  }

  async read(stream: PeekedStream): Promise<void> {
    const { source } = this.#options;
    const fileReader = source.files ? this.#format.fileReader?.({}) : undefined;
    if (fileReader) this.#reader = undefined;
    try {
      const pieces = fileReader && source.files ? source.files() : stream.all();
      for await (const piece of pieces) {
        if (this.#options.signal?.aborted) {
          this.#interrupted = true;
          break;
        }
        this.#hash.update(piece);
        const sink = this.#sink as ImportSink;
        if (fileReader) fileReader.file(piece, sink);
        else this.#push(piece, sink);
        this.#read += piece.length;
        await this.#acknowledge(sink);
      }
    } finally {
      await stream.close();
    }
    this.#endReader(fileReader !== undefined);
  }

  /** Feeds what lies behind the earlier import to the reader. */
  #push(piece: Uint8Array, sink: ImportSink): void {
    const skip = Math.min(Math.max(this.#from - this.#read, 0), piece.length);
    if (skip < piece.length) this.#reader?.push(piece.subarray(skip), sink);
  }

  async #acknowledge(sink: ImportSink): Promise<void> {
    sink.spill();
    const writer = this.#writer as BulkWriter;
    if (writer.watermarkDue) {
      // One at a time, and the next pieces are read and cut while the disk is busy with it.
      await this.#acknowledging;
      this.#acknowledging = writer.watermark();
      this.#acknowledging.catch(() => undefined);
    }
    this.#options.onProgress?.({ bytes: this.#read, records: sink.records });
  }

  #endReader(files: boolean): void {
    if (this.#interrupted && !this.#format.appendOnly) {
      throw new ReachError("INTERRUPTED", "interrupted; a document cannot be imported in part", {
        hint: "nothing was kept; import it again",
      });
    }
    if (files) return;
    const resume = this.#reader?.resumable?.();
    this.#resume = resume ? { offset: resume.offset, line: resume.line } : null;
    this.#reader?.end(this.#sink as ImportSink);
  }

  async finish(index: ImportIndex, head: Uint8Array, started: number): Promise<ImportReport> {
    const writer = this.#writer as BulkWriter;
    const sink = this.#sink as ImportSink;
    await this.#acknowledging;
    const sha256 = this.#hash.digest();
    const size = this.#read;
    sink.finish(
      {
        format: this.#format.name,
        name: this.#options.source.name,
        from: this.#from,
        size,
        sha256,
        interrupted: this.#interrupted,
      },
      this.#resume,
    );
    await this.#directory.closeWriter(writer);
    await index.add(head, { id: writer.id, size, sha256: toHex(sha256) });
    return {
      id: writer.id,
      format: this.#format.name,
      records: sink.records,
      events: writer.tail.size,
      bytes: size,
      seconds: (performance.now() - started) / 1000,
      continuedFrom: this.#earlier ? this.#before : null,
      unchanged: false,
      interrupted: this.#interrupted,
      root: toHex(writer.tail.root()),
      blobs: writer.blobStatistics,
      problems: sink.problems,
      problemCount: sink.problemCount,
      unparsed: sink.unparsed,
      fragments: sink.fragments,
    };
  }

  /** After a failure: a new session goes, one that was being continued ends where it was. */
  async discard(): Promise<void> {
    await this.#acknowledging.catch(() => undefined);
    if (this.#writer) await this.#directory.discardBulk(this.#writer);
  }
}

/** Tells a reader of the first record, of calls still open and of the last record of a session. */
function recallSession(directory: Directory, id: SessionId, reader: SourceReader): number {
  const session = directory.session(id);
  try {
    const open = new Set<number>();
    let last = -1;
    for (const event of session.events()) {
      if (event.kind === "note") continue;
      last = event.seq;
      if (event.kind === "call") open.add(event.seq);
      else if (event.ref !== null) open.delete(event.ref);
    }
    const seqs = [...new Set([0, ...open, last])].filter((seq) => seq >= 0).sort((a, b) => a - b);
    let time = 0;
    for (const seq of seqs) {
      const event = session.event(seq);
      if (event.payload.form !== "bytes") reader.recall?.(event.data, seq, event.time);
      time = event.time;
    }
    return time;
  } finally {
    session.close();
  }
}
