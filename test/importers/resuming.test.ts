// A longer version of a source is read from where the shorter one ended, and comes to the same
// records, problems and links as reading it all at once.

import type { Buffer } from "node:buffer";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatNamed, formats } from "../../src/importers/detect.ts";
import type { Format, ResumePoint } from "../../src/importers/importer.ts";
import { feed, fixture, MemorySink, read } from "./memory-sink.ts";

const lineFormats = formats.filter(({ appendOnly }) => appendOnly);
const samples: Readonly<Record<string, string>> = {
  "claude-code": "claude-code.jsonl",
  codex: "codex.jsonl",
  openhands: "openhands-v1.jsonl",
  asciicast: "recording-v3.cast",
  ndjson: "log.ndjson",
};

/** Reads the first `size` bytes, then the whole from the point that the first reader names. */
function inTwo(format: Format, source: Buffer, size: number) {
  const first = new MemorySink();
  const reader = format.reader({});
  feed(reader, source.subarray(0, size), first);
  const point = reader.resumable?.() as ResumePoint;
  const { offset, line, seq } = point;
  const second = new MemorySink(seq);
  const longer = format.reader({ firstOffset: offset, firstLine: line, firstSeq: seq });
  const before = first.records.slice(0, seq);
  for (const [index, { kind, form, bytes }] of before.entries()) {
    if (form !== "json" || !format.recalls.includes(kind)) continue;
    longer.recall?.(JSON.parse(bytes.toString()), index);
  }
  feed(longer, source.subarray(offset), second, [5]);
  return { first, second, point, before };
}

it("every append-only format has a sample here", () => {
  expect(lineFormats.map(({ name }) => name).sort()).toEqual(Object.keys(samples).sort());
});

describe.each(Object.entries(samples))("%s", (name, file) => {
  const format = formatNamed(name) as Format;
  const source = fixture(file);
  const whole = read(format, source);

  it("goes on from any place at which the shorter version may have ended", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: source.length }), (size) => {
        const { second, point, before } = inTwo(format, source, size);
        expect(point.offset <= size).toBe(true);
        expect([...before, ...second.records]).toEqual(whole.records);
        const late = whole.problems.filter(({ offset }) => offset >= point.offset);
        expect(second.problems).toEqual(late);
      }),
      { numRuns: 60 },
    );
  });

  it("reads a line again only if it may have gone on", () => {
    const end = source.length;
    const lines = source.toString().split("\n").length;
    const records = whole.records.length;
    expect(inTwo(format, source, end).point).toEqual({ offset: end, line: lines, seq: records });
    const start = source.lastIndexOf("\n", end - 2) + 1;
    const again = { offset: start, line: lines - 1, seq: records - 1 };
    expect(inTwo(format, source, end - 2).point).toEqual(again);
    // Without its newline an object or array is whole; a text or number may be a beginning.
    const closed = { offset: end - 1, line: lines - 1, seq: records };
    const isClosed = /[\]}]\n$/.test(source.toString());
    expect(inTwo(format, source, end - 1).point).toEqual(isClosed ? closed : again);
  });

  it("says the same before and after the end", () => {
    for (const size of [0, 1, 100, source.length - 1, source.length]) {
      const reader = format.reader({});
      const sink = new MemorySink();
      reader.push(source.subarray(0, size), sink);
      const before = reader.resumable?.();
      reader.end(sink);
      expect(reader.resumable?.()).toEqual(before);
    }
  });
});

it("a reader can go on behind a whole last record that no newline ended", () => {
  const format = formatNamed("ndjson") as Format;
  const point = { firstOffset: 7, firstLine: 1, firstSeq: 1 };
  const sink = read(format, '\n{"b":2}\nbad\n', point);
  expect(sink.texts).toEqual(['{"b":2}', "bad"]);
  expect(sink.problems).toEqual([
    { line: 3, offset: 16, message: "line 3 is not JSON: kept unread" },
  ]);
});

it("a document is not read on from anywhere", () => {
  const format = formatNamed("openhands") as Format;
  const reader = format.reader({});
  feed(reader, fixture("openhands-v0.json"), new MemorySink());
  expect(reader.resumable?.()).toBeUndefined();
  expect(formatNamed("json")?.reader({}).resumable).toBeUndefined();
});

it("times that count from event to event go on from the last event", () => {
  const format = formatNamed("asciicast") as Format;
  const source = fixture("recording-v3.cast");
  const offset = source.indexOf("[0.25");
  const reader = format.reader({ firstOffset: offset, firstLine: 5, firstSeq: 4 });
  const { records } = read(format, source);
  for (const seq of [0, 2, 3]) {
    const { bytes } = records[seq] as (typeof records)[number];
    reader.recall?.(JSON.parse(bytes.toString()), seq);
  }
  const sink = new MemorySink(4);
  feed(reader, source.subarray(offset), sink);
  expect(sink.records).toEqual(records.slice(4));
});
