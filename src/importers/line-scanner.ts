/**
 * Reads JSON Lines: one record per line. Lines end in `\n` or `\r\n`, the last one perhaps in
 * nothing; blank lines and a byte order mark are gaps. Two records on one line are two records, and
 * what is no JSON is kept as it is; both are reported with the line's number.
 */
import { Buffer } from "node:buffer";
import { Assembly, bufferOf } from "./assembly.ts";
import type { ReaderOptions, RecordSink, ResumePoint, SourceReader } from "./importer.ts";
import { onLine, plain, type RecordMapper } from "./reading.ts";
import { faultOf, parseRecord, RecordKeeper } from "./record-keeper.ts";
import { rawTypes, type ScanSizes, SourceWriter } from "./source-writer.ts";
import { ascii, isBlank, ValueScan } from "./value-scan.ts";

/** What a line format may add to the plain rules. */
export interface LineRules {
  /** A line that begins with this byte is a comment: kept as a record of its own, no problem. */
  readonly comment?: number;
  readonly sizes?: ScanSizes;
}

const lineFeed = Buffer.of(ascii.lineFeed);
const carriageReturnLineFeed = Buffer.of(ascii.carriageReturn, ascii.lineFeed);
const byteOrderMark = Buffer.of(0xef, 0xbb, 0xbf);

/** The reader of every line format; the mapper makes the difference. */
export class LineScanner implements SourceReader {
  readonly #writer: SourceWriter;
  readonly #keeper: RecordKeeper;
  readonly #comment: number | undefined;
  readonly #scan = new ValueScan();
  /** The beginning of a line that the last chunk did not end. */
  readonly #held = new Assembly();
  /** The line is longer than a record may be; its bytes go on as they come. */
  #oversized = false;
  #line: number;
  #lineOffset: number;
  #lineSeq: number;

  constructor(mapper: RecordMapper, options: ReaderOptions, rules: LineRules = {}) {
    this.#writer = new SourceWriter(options, rules.sizes);
    this.#keeper = new RecordKeeper(mapper, this.#writer);
    this.#comment = rules.comment;
    this.#line = options.firstLine ?? 1;
    this.#lineOffset = this.#writer.offset;
    this.#lineSeq = this.#writer.seq;
  }

  push(chunk: Uint8Array, sink: RecordSink): void {
    this.#writer.attach(sink);
    const bytes = bufferOf(chunk);
    let start = this.#held.length > 0 || this.#oversized ? this.#endHeldLine(bytes) : 0;
    while (start < bytes.length) {
      const end = bytes.indexOf(ascii.lineFeed, start);
      if (end < 0) {
        this.#hold(bytes, start, bytes.length);
        return;
      }
      this.#wholeLine(bytes, start, end);
      this.#nextLine();
      start = end + 1;
    }
  }

  end(sink: RecordSink): void {
    this.#writer.attach(sink);
    const point = this.resumable();
    const line = this.#held.bytes;
    const content = withoutReturn(line);
    if (content.length > 0) this.#content(content);
    this.#writer.gap(line.subarray(content.length));
    this.#held.clear();
    this.#writer.end();
    this.#oversized = false;
    this.#lineOffset = point.offset;
    // The seq of a record that was whole is known by now, others may have come in between.
    this.#lineSeq = point.offset === this.#writer.offset ? this.#writer.seq : point.seq;
  }

  resumable(): ResumePoint {
    const offset = this.#lineOffset;
    const line = this.#line;
    const seq = this.#lineSeq;
    const content = withoutReturn(this.#held.bytes);
    if (this.#oversized || !isClosed(content)) return { offset, line, seq };
    return { offset: offset + this.#held.length, line, seq: seq + 1 };
  }

  recall(value: unknown, seq: number): void {
    this.#keeper.recall(value, onLine, seq);
  }

  /** Completes the line that an earlier chunk began; returns where the next one starts. */
  #endHeldLine(bytes: Buffer): number {
    const end = bytes.indexOf(ascii.lineFeed);
    this.#hold(bytes, 0, end < 0 ? bytes.length : end);
    if (end < 0) return bytes.length;
    if (this.#oversized) {
      this.#writer.endPieces();
      this.#oversized = false;
      this.#writer.gap(lineFeed);
    } else {
      const line = this.#held.bytes;
      this.#wholeLine(line, 0, line.length);
      this.#held.clear();
    }
    this.#nextLine();
    return end + 1;
  }

  #hold(bytes: Buffer, start: number, end: number): void {
    if (!this.#oversized) {
      if (this.#held.length + end - start <= this.#writer.sizes.recordBytesMax) {
        this.#held.append(bytes, start, end);
        return;
      }
      this.#beginOversized();
      this.#writer.piece(this.#held.bytes);
      this.#held.clear();
    }
    this.#writer.piece(bytes.subarray(start, end));
  }

  #beginOversized(): void {
    const { recordBytesMax } = this.#writer.sizes;
    const message = `line ${this.#line} is longer than ${recordBytesMax} bytes: `;
    this.#report(`${message}kept in fragments, not read`);
    this.#writer.beginPieces(rawTypes.fragment);
    this.#oversized = true;
  }

  #nextLine(): void {
    this.#line += 1;
    this.#lineOffset = this.#writer.offset;
    this.#lineSeq = this.#writer.seq;
  }

  /** A line that ends in a newline, which stands at `end`. */
  #wholeLine(bytes: Buffer, start: number, end: number): void {
    if (end - start > this.#writer.sizes.recordBytesMax) {
      this.#beginOversized();
      this.#writer.piece(bytes.subarray(start, end));
      this.#writer.endPieces();
      this.#oversized = false;
      this.#writer.gap(lineFeed);
      return;
    }
    const returns = end > start && bytes[end - 1] === ascii.carriageReturn;
    const contentEnd = returns ? end - 1 : end;
    if (contentEnd > start) this.#content(bytes.subarray(start, contentEnd));
    this.#writer.gap(returns ? carriageReturnLineFeed : lineFeed);
  }

  /** What stands on a line: most often one record. */
  #content(bytes: Buffer): void {
    // A space is the largest of the blank bytes.
    if ((bytes[0] as number) <= ascii.space && blankEnd(bytes, 0) === bytes.length) {
      this.#writer.gap(bytes);
    } else if (!this.#keeper.keep(bytes, onLine)) this.#oddContent(bytes);
  }

  /** A line that is not one record: several, or some and a rest, or none. */
  #oddContent(bytes: Buffer): void {
    const { offset } = this.#writer;
    let records = 0;
    let at = bytes.subarray(0, 3).equals(byteOrderMark) ? 3 : 0;
    this.#writer.gap(bytes.subarray(0, at));
    for (;;) {
      const start = blankEnd(bytes, at);
      this.#writer.gap(bytes.subarray(at, start));
      if (start === bytes.length) break;
      const end = this.#valueEnd(bytes, start, records);
      if (end < 0 || !this.#keeper.keep(bytes.subarray(start, end), onLine)) {
        this.#rest(bytes.subarray(start), records);
        return;
      }
      records += 1;
      at = end;
    }
    if (records < 2) return;
    const message = `line ${this.#line} holds ${records} records without a newline between them`;
    this.#report(message, offset);
  }

  /** Where the value ends that begins at `start`; -1 if none does. */
  #valueEnd(bytes: Buffer, start: number, records: number): number {
    if (!this.#scan.begin(bytes[start] as number)) return -1;
    // A line of plain text may begin with a number or a word, and is not to be cut behind it.
    if (records === 0 && this.#scan.scalar) return -1;
    const end = this.#scan.run(bytes, start);
    return end < 0 && this.#scan.scalar ? bytes.length : end;
  }

  /** What is no record, to the end of its line. */
  #rest(bytes: Buffer, records: number): void {
    if (records === 0 && bytes[0] === this.#comment) {
      const { time, kind, type } = plain("comment");
      this.#writer.record(bytes, "bytes", { time, kind, type, ref: null });
      return;
    }
    const { offset } = this.#writer;
    const behind = records === 1 ? " behind its first record" : ` behind ${records} records`;
    const where = `line ${this.#line}${records === 0 ? "" : behind}`;
    this.#writer.raw(bytes, rawTypes.unparsed);
    this.#report(`${where} ${faultOf(bytes)}: kept unread`, offset);
  }

  #report(message: string, offset = this.#writer.offset): void {
    this.#writer.problem(this.#line, offset, message);
  }
}

function withoutReturn(line: Buffer): Buffer {
  return line.at(-1) === ascii.carriageReturn ? line.subarray(0, -1) : line;
}

/**
 * Whether a line is one record that no further byte could become a part of. Blanks in front of it
 * belong to the record or to the gap before it, as the rest of the line will have it.
 */
function isClosed(line: Buffer): boolean {
  const last = line.at(-1);
  const closes = last === ascii.braceClose || last === ascii.bracketClose;
  return closes && !isBlank(line[0]) && parseRecord(line, "latin1") !== undefined;
}

/** The index of the first byte from `start` on that is not blank. */
function blankEnd(bytes: Buffer, start: number): number {
  let at = start;
  while (at < bytes.length && isBlank(bytes[at])) at += 1;
  return at;
}
