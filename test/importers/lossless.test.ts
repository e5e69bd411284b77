// Whatever the source is: what comes out of an importer is the source, byte for byte, the same
// records however it was cut into chunks, and nothing that was not read goes unreported.

import { Buffer } from "node:buffer";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formats } from "../../src/importers/detect.ts";
import type { SourceReader } from "../../src/importers/importer.ts";
import { pathLayout, topLayout, wholeLayout } from "../../src/importers/json-layout.ts";
import { JsonScanner } from "../../src/importers/json-scanner.ts";
import { LineScanner } from "../../src/importers/line-scanner.ts";
import { plain, type RecordMapper } from "../../src/importers/reading.ts";
import { feed, fixture, MemorySink } from "./memory-sink.ts";

const mapper: RecordMapper = { read: (_, { member }) => plain(member || "record") };

/** Limits so small that every source meets them. */
const sizes = { recordBytesMax: 24, fragmentBytes: 7, gapBytesMax: 5 };

const readers: Readonly<Record<string, () => SourceReader>> = {
  ...Object.fromEntries(formats.map((format) => [format.name, () => format.reader({})])),
  "small lines": () => new LineScanner(mapper, {}, { sizes, comment: 0x23 }),
  "small documents": () => new JsonScanner(mapper, topLayout, {}, sizes),
  "whole documents": () => new JsonScanner(mapper, wholeLayout, {}, sizes),
  "small paths": () => new JsonScanner(mapper, pathLayout(["a", 1]), {}, sizes),
  "the top by a path": () => new JsonScanner(mapper, pathLayout([]), {}, sizes),
};

const names = [
  "claude-code.jsonl",
  "codex-legacy.jsonl",
  "document.json",
  "full.jsonl",
  "log.ndjson",
  "openhands-v0.json",
  "recording-v3.cast",
  "swe-agent.traj",
  "temporal.json",
];
const samples = names.map(fixture);

/** Bytes and words that JSON and its lines are made of, in no good order. */
const tokens = [
  ..."[]{}:,\"\\ \t\n\r#'0-.eEx",
  "\r\n",
  "\n\n",
  "null",
  "true",
  "12",
  '"a"',
  '"a":',
  "{}",
  "[1]",
  '{"a":[{}',
  '{"a":[0,[',
  String.raw`"\\\""`,
  "ü",
  "\u2028",
  "\0",
  "\ufeff",
  " ".repeat(9),
  "x".repeat(30),
].map((token) => Buffer.from(token));
const badBytes = [0xff, 0xc3, 0xed, 0xa0, 0xef, 0xbb].map((byte) => Buffer.of(byte));

const soup = fc
  .array(fc.constantFrom(...tokens, ...tokens, ...badBytes), { maxLength: 60 })
  .map((parts) => Buffer.concat(parts));
const noise = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
const valid = fc.json({ maxDepth: 4 }).map((text) => Buffer.from(text));
const validLines = fc
  .array(fc.json({ maxDepth: 2 }), { maxLength: 6 })
  .map((lines) => Buffer.from(lines.join("\n")));

/** A sample with a few bytes replaced, taken out or put in. */
const mutated = fc
  .tuple(
    fc.constantFrom(...samples),
    fc.array(fc.tuple(fc.nat(), fc.nat({ max: 3 }), fc.oneof(soup, noise)), { maxLength: 3 }),
  )
  .map(([sample, edits]) => {
    let bytes: Buffer = sample;
    for (const [place, removed, added] of edits) {
      const at = place % (bytes.length + 1);
      const part = added.subarray(0, 8);
      bytes = Buffer.concat([bytes.subarray(0, at), part, bytes.subarray(at + removed)]);
    }
    return bytes;
  });

const chunkSizes = fc.oneof(
  fc.constant([1]),
  fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }),
  fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: 1, maxLength: 5 }),
);

/** What the reader makes of a source; a path that leads nowhere is an error like any other. */
function outcome(reader: SourceReader, source: Buffer, chunks: readonly number[]) {
  const sink = new MemorySink();
  try {
    feed(reader, source, sink, chunks);
    return { sink, error: "" };
  } catch (error) {
    return { sink, error: String(error) };
  }
}

function check(name: string, source: Buffer, chunks: readonly number[]): void {
  const make = readers[name] as () => SourceReader;
  const whole = outcome(make(), source, []);
  const cut = outcome(make(), source, chunks);
  expect(whole.sink.source.equals(source)).toBe(true);
  expect(cut.error).toBe(whole.error);
  expect(cut.sink.whole).toEqual(whole.sink.whole);
  const { records, problems } = whole.sink;
  const unread = records.filter(({ form, type }) => form === "bytes" && type !== "comment");
  expect(unread.length === 0 || problems.length > 0).toBe(true);
  for (const { form, bytes } of records) {
    expect(bytes.length).toBeGreaterThan(0);
    if (form === "json") expect(() => JSON.parse(strictText(bytes))).not.toThrow();
  }
  for (const { offset } of problems) expect(offset <= source.length).toBe(true);
}

function strictText(bytes: Buffer): string {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
}

describe.each(Object.keys(readers))("nothing is lost by the reader of %s", (name) => {
  it.each([
    ["pieces of JSON in any order", soup, 200],
    ["any bytes", noise, 80],
    ["valid documents", valid, 80],
    ["valid lines", validLines, 80],
    ["samples with something wrong in them", mutated, 40],
  ])("%s", (_, sources, numRuns) => {
    fc.assert(
      fc.property(sources, chunkSizes, (source, chunks) => check(name, source, chunks)),
      { numRuns },
    );
  });
});

describe("a document is accepted without a problem exactly when JSON.parse accepts it", () => {
  it.each([["json"], ["whole documents"], ["the top by a path"]])("by the reader of %s", (name) => {
    fc.assert(
      fc.property(fc.oneof(soup, valid, mutated), (source) => {
        let isJson = true;
        try {
          JSON.parse(strictText(source).replace(/^\ufeff/, ""));
        } catch {
          isJson = false;
        }
        const reader = (readers[name] as () => SourceReader)();
        const { sink } = outcome(reader, source, []);
        const problems = sink.messages.filter((message) => !/fragments|too long/.test(message));
        // Where a record is too large to be read, nobody knows whether it is valid.
        const isRead = sink.records.every(({ type }) => type !== "reach.fragment");
        if (isJson || isRead) expect(problems.length === 0).toBe(isJson);
      }),
      { numRuns: 1000 },
    );
  });
});
