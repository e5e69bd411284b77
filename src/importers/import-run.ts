/**
 * One import under way: pieces of the source go to the format's reader, its records to the session,
 * and every 8 to 32 MiB what has been written is acknowledged while the next pieces are being cut.
 */
import { codeOf, equalBytes, messageOf, ReachError, type SessionId, toHex } from "../base/index.ts";
import {
  type BulkWriter,
  type Directory,
  type ImportIndex,
  ImportSink,
  type IndexedImport,
  problemsKept,
  type ResumeAt,
} from "../session/index.ts";
import { type Earlier, recallSession } from "./earlier-import.ts";
import type { ImportOptions, ImportReport } from "./import-report.ts";
import type { Format, ImportProblem, ReaderOptions, SourceReader } from "./importer.ts";
import { noArrayError, outlineDocument } from "./outline.ts";
import { notedPath } from "./path-option.ts";
import type { PeekedStream } from "./peeked-stream.ts";
import { sourceProblems } from "./source.ts";
import { changedSource, hashPrefixes, type SourceHash } from "./source-hash.ts";

/** One import under way. */
export class ImportRun {
  readonly #directory: Directory;
  readonly #options: ImportOptions;
  readonly #format: Format;
  readonly #earlier: Earlier | undefined;
  readonly #hash: SourceHash;
  #writer: BulkWriter | undefined;
  #sink: ImportSink | undefined;
  #reader: SourceReader | undefined;
  #before = 0;
  #read = 0;
  #resume: ResumeAt | null = null;
  #interrupted = false;
  /** The hash of the source up to where the import was interrupted. */
  #sha256: Uint8Array | undefined;
  #acknowledging: Promise<void> = Promise.resolve();
  /** Whether the disk is still at work on the last watermark. */
  #isAcknowledging = false;

  constructor(
    directory: Directory,
    options: ImportOptions,
    format: Format,
    { earlier, hash }: { readonly earlier: Earlier | undefined; readonly hash: SourceHash },
  ) {
    this.#directory = directory;
    this.#options = options;
    this.#format = format;
    this.#earlier = earlier;
    this.#hash = hash;
    if (earlier) hash.begins(earlier.note);
  }

  readonly #turn = async (): Promise<void> => this.#options.turn?.();

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
    const time = this.#earlier ? await this.#resumeReader(writer, readerOptions) : 0;
    const sink = new ImportSink(writer, time);
    this.#sink = sink;
    this.#hash.onCut = (cuts) => sink.place(cuts);
    for (const problem of sourceProblems(source)) sink.problem(problem);
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
  #resumeReader(writer: BulkWriter, options: ReaderOptions): Promise<number> {
    const { note, id } = this.#earlier as Earlier;
    const firstLine = note.resume?.line ?? 1;
    const reader = this.#format.reader({
      ...options,
      firstSeq: writer.nextSeq,
      firstLine,
      firstOffset: this.#from,
    });
    this.#reader = reader;
    return recallSession(this.#directory, id, this.#format, reader, this.#turn);
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
        const sink = this.#sink as ImportSink;
        if (fileReader) fileReader.file(piece, sink);
        else this.#push(piece, sink);
        this.#read += piece.length;
        this.#hash.update(piece, sink.endPiece());
        await this.#acknowledge(sink);
        await this.#turn();
      }
    } finally {
      await stream.close();
    }
    await this.#endReader(fileReader !== undefined);
  }

  /** Feeds what lies behind the earlier import to the reader. */
  #push(piece: Uint8Array, sink: ImportSink): void {
    const skip = Math.min(Math.max(this.#from - this.#read, 0), piece.length);
    if (skip < piece.length) this.#reader?.push(piece.subarray(skip), sink);
  }

  async #acknowledge(sink: ImportSink): Promise<void> {
    sink.spill();
    const writer = this.#writer as BulkWriter;
    // One at a time, and the next pieces are read and cut while the disk is busy with it.
    if (writer.watermarkOverdue || (writer.watermarkDue && !this.#isAcknowledging)) {
      await this.#acknowledging;
      this.#isAcknowledging = true;
      // A part of what goes on from an earlier import could not be exported, and nothing would go
      // on from it: the end acknowledges it.
      const asWhole = this.#earlier !== undefined || this.#options.asWhole === true;
      const step = asWhole ? writer.sync() : writer.watermark();
      this.#acknowledging = step.finally(() => {
        this.#isAcknowledging = false;
      });
      this.#acknowledging.catch(() => undefined);
    }
    this.#options.onProgress?.({ bytes: this.#read, records: sink.records });
  }

  async #endReader(files: boolean): Promise<void> {
    const reader = files ? undefined : this.#reader;
    if (this.#interrupted) await this.#stopAt(reader?.resumable?.()?.offset);
    else if (!files) await this.#endSource();
    this.#resume = reader?.resumable?.() ?? null;
  }

  /** The import ends with the last whole line: what was read of the next one comes again. */
  async #stopAt(offset: number | undefined): Promise<void> {
    const { source } = this.#options;
    if (offset === undefined || !source.reopenable) {
      throw new ReachError("INTERRUPTED", `interrupted; ${source.name} cannot be read in part`, {
        hint: "nothing was kept; import it again",
      });
    }
    if (this.#options.asWhole && offset <= (this.#earlier?.note.size ?? 0)) {
      throw new ReachError("INTERRUPTED", "interrupted; nothing new was imported");
    }
    // A whole record at the end, without its newline, is kept; of what may go on nothing is.
    if (offset === this.#read) this.#reader?.end(this.#sink as ImportSink);
    const sizes = [Math.min(offset, this.#read), Math.max(offset, this.#read)];
    const hashes = await hashPrefixes(source, sizes);
    const whole = hashes[sizes.indexOf(this.#read)];
    this.#sha256 = hashes[sizes.indexOf(offset)];
    const same = whole && equalBytes(whole, await this.#hash.digest());
    if (!same || !this.#sha256) throw changedSource(source);
    this.#read = offset;
  }

  async #endSource(): Promise<void> {
    if (this.#read < (this.#earlier?.note.size ?? 0)) throw changedSource(this.#options.source);
    try {
      this.#reader?.end(this.#sink as ImportSink);
    } catch (error) {
      const { path, source } = this.#options;
      if (codeOf(error) !== "USAGE" || path === undefined || !source.reopenable) throw error;
      throw noArrayError(path, await outlineDocument(source.open(0)));
    }
  }

  async finish(index: ImportIndex, head: Uint8Array, started: number): Promise<ImportReport> {
    const writer = this.#writer as BulkWriter;
    const sink = this.#sink as ImportSink;
    await this.#acknowledging;
    const sha256 = this.#sha256 ?? (await this.#hash.digest());
    const size = this.#read;
    const path = notedPath(this.#options);
    sink.finish(
      {
        format: this.#format.name,
        name: this.#options.source.name,
        ...(path === undefined ? {} : { path }),
        from: this.#from,
        size,
        sha256,
        interrupted: this.#interrupted,
      },
      this.#resumeNoted(sink.nextSeq),
    );
    await this.#directory.closeWriter(writer);
    const entry = { id: writer.id, size, sha256: toHex(sha256) };
    const unindexed = await this.#addTo(index, head, entry);
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
      problems: [...unindexed, ...sink.problems].slice(0, problemsKept),
      problemCount: sink.problemCount + unindexed.length,
      unparsed: sink.unparsed,
      fragments: sink.fragments,
    };
  }

  /** Where to go on, with the seq only where events before `end` are of lines that come again. */
  #resumeNoted(end: number): ResumeAt | null {
    if (this.#resume === null) return null;
    const { offset, line, seq = end } = this.#resume;
    return seq < end ? { offset, line, seq } : { offset, line };
  }

  /** The session is durable and signed whether its hint is written or not: that is a problem. */
  async #addTo(
    index: ImportIndex,
    head: Uint8Array,
    entry: IndexedImport,
  ): Promise<ImportProblem[]> {
    try {
      await index.add(head, entry);
      return [];
    } catch (error) {
      const what = "the session is complete, but when its source is imported again it will not be";
      const message = `${what} recognised: ${messageOf(error)}`;
      return [{ line: null, offset: entry.size, message }];
    }
  }

  /**
   * After a failure: a new session goes, one that was being continued stays as it was. Returns what
   * failed first: `error`, or what the disk could not do meanwhile, of which that is a consequence.
   */
  async discard(error: unknown): Promise<unknown> {
    const first = await this.#acknowledging.then(
      () => error,
      (earlier: unknown) => earlier,
    );
    // What cannot be undone now is undone by whoever comes next to the session, or the directory.
    if (this.#writer) await this.#directory.discardBulk(this.#writer).catch(() => undefined);
    return first;
  }
}
