/**
 * A reader that is chosen when the first line of the source is there, for a format that comes in
 * several layouts. Until then the bytes wait; a first line that is very long is not waited for.
 */
import { Buffer } from "node:buffer";
import { Assembly, bufferOf } from "./assembly.ts";
import { sniffBytesMax } from "./head-sample.ts";
import type { RecordSink, ResumePoint, SourceReader } from "./importer.ts";
import { ascii, isBlank } from "./value-scan.ts";

const byteOrderMark = Buffer.of(0xef, 0xbb, 0xbf);

/**
 * Waits for the first line that is not blank, then is the reader that `choose` returns for it. The
 * line is given with its newline; without one it is the last, or too long to be waited for.
 */
export class LateReader implements SourceReader {
  readonly #choose: (firstLine: Buffer) => SourceReader;
  readonly #held = new Assembly();
  #reader: SourceReader | undefined;
  #sink: RecordSink | undefined;

  constructor(choose: (firstLine: Buffer) => SourceReader) {
    this.#choose = choose;
  }

  push(chunk: Uint8Array, sink: RecordSink): void {
    if (this.#reader) {
      this.#reader.push(chunk, sink);
      return;
    }
    this.#sink = sink;
    const bytes = bufferOf(chunk);
    this.#held.append(bytes, 0, bytes.length);
    const isLong = this.#held.length >= sniffBytesMax;
    if (isLong || (bytes.includes(ascii.lineFeed) && hasFirstLine(this.#held.bytes))) {
      this.#start(sink);
    }
  }

  end(sink: RecordSink): void {
    const reader = this.#reader ?? this.#start(sink);
    reader.end(sink);
  }

  resumable(): ResumePoint | undefined {
    // Asked for before the first line is there: it is not worth waiting for any more.
    if (!this.#reader && this.#sink) this.#start(this.#sink);
    return this.#reader?.resumable?.();
  }

  /** The layout of a source that is resumed is that of its lines: nothing to wait for. */
  recall(value: unknown, seq: number): void {
    this.#reader ??= this.#choose(firstLine(this.#held.bytes));
    this.#reader.recall?.(value, seq);
  }

  #start(sink: RecordSink): SourceReader {
    const reader = this.#choose(firstLine(this.#held.bytes));
    this.#reader = reader;
    reader.push(this.#held.bytes, sink);
    this.#held.clear();
    return reader;
  }
}

function hasFirstLine(held: Buffer): boolean {
  return firstLine(held).at(-1) === ascii.lineFeed;
}

/** The first line that is not blank, as far as it is there, without a byte order mark. */
function firstLine(held: Buffer): Buffer {
  const head = held.subarray(0, sniffBytesMax);
  let start = head.subarray(0, 3).equals(byteOrderMark) ? byteOrderMark.length : 0;
  while (start < head.length && isBlank(head[start])) start += 1;
  const end = head.indexOf(ascii.lineFeed, start);
  return head.subarray(start, end < 0 ? head.length : end + 1);
}
