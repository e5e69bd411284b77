/**
 * Importers, by detection and forced, in chunks of any size: the records and gaps are the source,
 * however it was cut, every record can become an event, and nothing goes unread unsaid.
 */
import { Buffer, isUtf8 } from "node:buffer";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { codeOf, utf8 } from "../../../src/base/index.ts";
import { checkEventHeader } from "../../../src/event/index.ts";
import {
  detectFormat,
  type Format,
  formatPath,
  formats,
  outlineDocument,
  outlineText,
  parsePath,
  type ReaderOptions,
  type RecordMeta,
} from "../../../src/importers/index.ts";
import { feed, MemorySink } from "../../importers/memory-sink.ts";
import type { Random } from "../../sim/random.ts";
import { attempt, choicesOf, type FuzzTarget, promise } from "../fuzz-target.ts";

/** The samples, seen from here, from `dist-tools`, or from the folder of the project. */
const folder = ["../../../fixtures", "../../../../fixtures", `${process.cwd()}/fixtures`]
  .map((place) => path.resolve(import.meta.dirname, place, "import"))
  .find((place) => existsSync(path.join(place, "claude-code.jsonl")));

function samples(): Uint8Array[] {
  if (folder === undefined) throw new Error("the samples in fixtures/import are not there");
  const names = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile());
  return names.map(({ name }) => new Uint8Array(readFileSync(path.join(folder, name))));
}

const words = [
  ...["{", "}", "[", "]", ":", ",", '"', "\\", "\n", "\r\n", "\r", " ", "#", "0", "-", "1e400"],
  ...["null", "true", '"a"', '"a":', "{}", "[]", "[{}]", '{"a":[{}', '"\\\\\\""', "\\u0000"],
  ...['"type"', '"timestamp"', '"version":2', '"tool_use_id"', '"id"', '"cause"', '"events"'],
  ...['"2026-01-01T00:00:00Z"', '"9999-12-31T23:59:60+23:59"', "1e308", "-5", "\ufeff", "ü"],
  ...[`"type":"${"é".repeat(100)}",`, `"id":"${"é".repeat(200)}",`, `{"type":"é/ü"}`],
  ...["\u2028", "\0", '"__proto__"', '"constructor"', '{"__proto__":{"type":"x"}}', "\ud83d"],
  ...["[".repeat(600), '{"a":'.repeat(300), `"${"ü".repeat(120)}"`, `"${"x".repeat(300)}"`],
  Uint8Array.of(0xff),
  Uint8Array.of(0xc3),
  Uint8Array.of(0xed, 0xa0, 0x80),
  Uint8Array.of(0xef, 0xbb, 0xbf),
];

interface Outcome {
  readonly sink: MemorySink;
  readonly error: string;
}

function outcome(
  format: Format,
  source: Uint8Array,
  options: ReaderOptions,
  sizes: number[],
): Outcome {
  const sink = new MemorySink();
  let error = "";
  try {
    feed(format.reader(options), source, sink, sizes);
  } catch (thrown) {
    // A path that leads nowhere is an error like any other; there is no other.
    promise(codeOf(thrown) === "USAGE", `a reader throws USAGE alone, not ${String(thrown)}`);
    error = String(thrown);
  }
  return { sink, error };
}

function chunksOf(random: Random): number[] {
  if (random.chance(0.2)) return [1];
  const most = random.pick([4, 40, 2000]);
  return Array.from({ length: 1 + random.int(5) }, () => 1 + random.int(most));
}

/** Whether two ways to read one source came to the same. */
function agree(one: Outcome, two: Outcome): boolean {
  const [a, b] = [one.sink, two.sink];
  if (one.error !== two.error || a.records.length !== b.records.length) return false;
  if (JSON.stringify(a.problems) !== JSON.stringify(b.problems)) return false;
  if (a.gaps.some((gap, i) => !gap.equals(b.gaps[i] as Buffer))) return false;
  return a.records.every((record, i) => {
    const other = b.records[i];
    if (!other || !record.bytes.equals(other.bytes)) return false;
    const { form, time, kind, type, ref } = record;
    const same = form === other.form && time === other.time && kind === other.kind;
    return same && type === other.type && ref === other.ref;
  });
}

/** Every record can become an event, and what its meta says follows from its bytes. */
function checkRecords({ records, problems }: MemorySink, source: Uint8Array): void {
  for (const [seq, { bytes, form, time, kind, type, ref }] of records.entries()) {
    promise(bytes.length > 0, "a record has bytes");
    checkEventHeader({ seq, time: time ?? 0, kind, type, ref });
    promise(type.length > 0 && kind !== "note" && kind !== "end", "a record has a type");
    promise(ref === null || ref < seq, "a record refers back");
    if (form !== "json") continue;
    promise(isUtf8(bytes), "a JSON record is UTF-8");
    JSON.parse(bytes.toString());
  }
  const unread = records.some(({ form, type }) => form === "bytes" && type !== "comment");
  promise(!unread || problems.length > 0, "what was not read is reported");
  for (const { offset, line, message } of problems) {
    promise(offset >= 0 && offset <= source.length, "a problem lies in the source");
    promise(line === null || (line >= 1 && line <= source.length + 1), "a line is one of it");
    promise(message.length > 0 && message.length < 500, "a problem is said in a few words");
  }
}

/** A longer version of a source, read on where the shorter one ended, gives the same records. */
function checkResuming(format: Format, source: Uint8Array, whole: MemorySink, cut: number): void {
  const first = new MemorySink();
  const reader = format.reader({});
  if (cut > 0) reader.push(source.subarray(0, cut), first);
  const point = reader.resumable?.();
  if (!point) return;
  promise(point.offset <= cut, "a source is read on from a place that was read");
  promise(point.line >= 1 && point.seq >= 0, "a source is read on from a line");
  reader.end(first);
  promise(first.source.equals(source.subarray(0, cut)), "the shorter version is lossless, too");
  const options = { firstOffset: point.offset, firstLine: point.line, firstSeq: point.seq };
  const rest = new MemorySink(point.seq);
  feed(format.reader(options), source.subarray(point.offset), rest);
  const before = first.records.slice(0, point.seq);
  promise(before.length === point.seq, "a source is read on behind records that are there");
  const joined = [...before, ...rest.records].map(({ bytes }) => bytes);
  const same = joined.length === whole.records.length;
  promise(
    same && joined.every((bytes, i) => bytes.equals((whole.records[i] as { bytes: Buffer }).bytes)),
    `a longer version continues with the same records (${format.name}, ${cut})`,
  );
}

/** Letters beyond ASCII, or their escapes: a record means the same. */
function checkEscaped(format: Format, source: Uint8Array, whole: MemorySink): void {
  const text = Buffer.from(source).toString();
  const isOdd = !isUtf8(source) || /\ufeff|\\[^\u0020-\u007e]/.test(text);
  if (isOdd || !/[\u0080-\uffff]/.test(text)) return;
  const escaped = text.replace(/[\u0080-\uffff]/g, (unit) => {
    return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
  const { records } = outcome(format, utf8(escaped), {}, []).sink;
  promise(records.length === whole.records.length, "escapes make no more records");
  for (const [i, { time, kind, type, ref }] of records.entries()) {
    const other = whole.records[i] as RecordMeta;
    const same = time === other.time && kind === other.kind && ref === other.ref;
    promise(same && type === other.type, `escaped or not, a record is a ${type}`);
  }
}

function checkImport(input: Uint8Array): void {
  const random = choicesOf(input);
  const name = random.pick(["session.jsonl", "x.json", "x.cast", "x.traj", "", "ü"]);
  const detected = detectFormat(input.slice(), name);
  const format = detected && random.chance(0.4) ? detected : random.pick(formats);
  const takesPath = format.name === "json" && random.chance(0.3);
  const options = takesPath ? { path: random.pick(["$", "a", "records", "a.b[0]", '["ü"]']) } : {};
  const whole = outcome(format, input, options, []);
  promise(whole.sink.source.equals(input), `an import is lossless (${format.name})`);
  const sizes = chunksOf(random);
  const cut = outcome(format, input, options, sizes);
  promise(agree(whole, cut), `chunks do not matter (${format.name}, ${sizes.join()})`);
  checkRecords(whole.sink, input);
  if (!takesPath) checkEscaped(format, input, whole.sink);
  if (!format.appendOnly || takesPath) return;
  checkResuming(format, input, whole.sink, random.int(input.length + 1));
}

/** Every importer. */
export const importers: FuzzTarget = {
  name: "importers",
  weight: 12,
  bytesMax: 8192,
  words,
  seeds: () => samples(),
  check: checkImport,
};

/** `--path`, and the outline of a document for whoever got it wrong. */
export const jsonPaths: FuzzTarget = {
  name: "json-paths",
  weight: 3,
  words: [...words, "$.", "[0]", '["a.b"]', "a.b", "[999999999999999]"],
  seeds() {
    const paths = ["$", "a.b[0].c", '["a.b"][3]', "$.x", "[0][1]", '["\\u00fc"]'].map(utf8);
    return [...paths, ...samples().filter((sample) => sample.length < 1000)];
  },
  async check(input) {
    const text = Buffer.from(input).toString();
    const steps = attempt("parsePath", ["USAGE"], () => parsePath(text));
    if (steps) {
      const spelled = formatPath(steps);
      promise(
        JSON.stringify(parsePath(spelled)) === JSON.stringify(steps),
        `a path comes back: ${spelled}`,
      );
    }
    const random = choicesOf(input);
    const at = random.int(input.length + 1);
    const outline = await outlineDocument([input.subarray(0, at), input.subarray(at)]);
    promise(outline.arrays.length <= 64, "an outline is short");
    for (const array of outline.arrays) {
      promise(array.depth <= 12 && array.length <= input.length, "an array is in the document");
    }
    promise(outlineText(outline).length <= 12 * (input.length + 40), "so is its text");
  },
};
