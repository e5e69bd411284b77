// JSON Lines as they are found: every line is kept, in its place, and what is odd is reported with
// its number.

import { Buffer } from "node:buffer";
import { describe, expect, it } from "vitest";
import { LineScanner } from "../../src/importers/line-scanner.ts";
import { plain, type RecordMapper } from "../../src/importers/reading.ts";
import { feed, MemorySink } from "./memory-sink.ts";

const mapper: RecordMapper = { read: () => plain("line") };
const smallSizes = { recordBytesMax: 40, fragmentBytes: 16, gapBytesMax: 10 };

/** Reads the same source whole and byte by byte, which must come to the same. */
function lines(source: string | Buffer, sizes?: typeof smallSizes): MemorySink {
  const bytes = Buffer.from(source);
  const [whole, slow] = [new MemorySink(), new MemorySink()];
  const rules = sizes ? { sizes } : {};
  feed(new LineScanner(mapper, {}, rules), bytes, whole);
  feed(new LineScanner(mapper, {}, rules), bytes, slow, [1]);
  expect(slow.whole).toEqual(whole.whole);
  expect(whole.source.equals(bytes)).toBe(true);
  return whole;
}

describe("a record per line", () => {
  it("whether or not a newline ends the last one", () => {
    for (const source of ['{"a":1}\n{"b":2}\n', '{"a":1}\n{"b":2}', '{"a":1}\r\n{"b":2}\r\n']) {
      const sink = lines(source);
      expect(sink.texts).toEqual(['{"a":1}', '{"b":2}']);
      expect(sink.problems).toEqual([]);
    }
  });

  it("with line ends, blank lines and the byte order mark as gaps", () => {
    const sink = lines('\ufeff{"a":1}\r\n\r\n \t\n{"b":2}\r\n\n');
    expect(sink.texts).toEqual(['{"a":1}', '{"b":2}']);
    expect(sink.gaps.map(String)).toEqual(["\ufeff", "\r\n\r\n \t\n", "\r\n\n"]);
    expect(sink.problems).toEqual([]);
  });

  it("of any JSON value, spelled as it was", () => {
    const values = ["52.0", "-0", "1e400", '"\\ud83d"', "null", "[]", '{"a":1,"a":2}', "  7  "];
    const sink = lines(values.join("\n"));
    expect(sink.texts).toEqual(values);
    expect(sink.records.every(({ form }) => form === "json")).toBe(true);
    expect(sink.problems).toEqual([]);
  });

  it("none in a source without any", () => {
    for (const source of ["", "\n", "\r\n\r", "\ufeff", " "]) {
      expect(lines(source).records).toEqual([]);
      expect(lines(source).problems).toEqual([]);
    }
  });
});

describe("a line with several records", () => {
  it("is cut between them, and reported once", () => {
    const sink = lines('{"a":1}\n{"b":"}{"}{"c":[{}]} [3]"x"\n{"d":4}');
    expect(sink.texts).toEqual(['{"a":1}', '{"b":"}{"}', '{"c":[{}]}', "[3]", '"x"', '{"d":4}']);
    expect(sink.gaps.map(String)).toEqual(["", "\n", "", " ", "", "\n", ""]);
    expect(sink.problems).toEqual([
      { line: 2, offset: 8, message: "line 2 holds 4 records without a newline between them" },
    ]);
  });

  it("keeps what stands behind the last of them as it is", () => {
    const sink = lines('{"a":1} rest\n{"b":2}{"c":3}{"d":\n');
    expect(sink.texts).toEqual(['{"a":1}', "rest", '{"b":2}', '{"c":3}', '{"d":']);
    expect(sink.records.map(({ type }) => type)).toEqual([
      "line",
      "reach.unparsed",
      "line",
      "line",
      "reach.unparsed",
    ]);
    expect(sink.problems).toEqual([
      { line: 1, offset: 8, message: "line 1 behind its first record is not JSON: kept unread" },
      { line: 2, offset: 27, message: "line 2 behind 2 records is not JSON: kept unread" },
    ]);
  });

  it("takes no longer the more of them there are", () => {
    const glued = "{}".repeat(200_000);
    const sink = new MemorySink();
    const start = performance.now();
    feed(new LineScanner(mapper, {}), Buffer.from(glued), sink);
    expect(sink.records).toHaveLength(200_000);
    expect(performance.now() - start).toBeLessThan(5000);
  });
});

describe("a line that is no record", () => {
  it.each([
    ["plain text", "hello world"],
    ["text that begins with a number", "12:30 started"],
    ["a torn record", '{"a":{"b":1}'],
    ["NUL bytes", "\0\0\0"],
    ["a control character in a string", '{"a":"\u0007"}'],
    ["a trailing comma", '{"a":1,}'],
  ])("is kept as it is: %s", (_, text) => {
    const sink = lines(`{"a":1}\n${text}\n{"b":2}\n`);
    expect(sink.texts).toEqual(['{"a":1}', text, '{"b":2}']);
    expect(sink.records[1]).toMatchObject({
      form: "bytes",
      type: "reach.unparsed",
      kind: "emit",
      time: null,
      ref: null,
    });
    expect(sink.problems).toEqual([
      { line: 2, offset: 8, message: "line 2 is not JSON: kept unread" },
    ]);
  });

  it("is told apart when it is no UTF-8, and never becomes replacement characters", () => {
    const bad = Buffer.from([0x22, 0xc3, 0x28, 0x22]);
    const sink = lines(Buffer.concat([bad, Buffer.from('\n"ü"\n')]));
    expect(sink.records.map(({ form }) => form)).toEqual(["bytes", "json"]);
    expect(sink.records[0]?.bytes.equals(bad)).toBe(true);
    expect(sink.messages).toEqual(["line 1 is not valid UTF-8: kept unread"]);
  });
});

describe("what is too large", () => {
  it("a long line is kept in fragments of one size, however it comes", () => {
    const long = `{"a":"${"x".repeat(50)}"}`;
    for (const end of ["\n", "\r\n", ""]) {
      const sink = lines(`{"b":1}\n${long}${end}`, smallSizes);
      expect(sink.records.map(({ type }) => type)).toEqual([
        "line",
        ...Array<string>(4).fill("reach.fragment"),
      ]);
      expect(
        sink.records
          .slice(1)
          .map(({ bytes }) => bytes.length)
          .slice(0, 3),
      ).toEqual([16, 16, 16]);
      expect(sink.problems).toEqual([
        {
          line: 2,
          offset: 8,
          message: "line 2 is longer than 40 bytes: kept in fragments, not read",
        },
      ]);
    }
  });

  it("lines go on being read behind it", () => {
    const sink = lines(`${"y".repeat(41)}\n{"b":2}\n`, smallSizes);
    expect(sink.texts.at(-1)).toBe('{"b":2}');
    expect(sink.records.at(-1)?.type).toBe("line");
  });

  it("a record of exactly the limit is read", () => {
    const sink = lines(`"${"x".repeat(38)}"\n`, smallSizes);
    expect(sink.records.map(({ type }) => type)).toEqual(["line"]);
    expect(sink.problems).toEqual([]);
  });

  it("a long gap is kept in fragments behind its beginning", () => {
    const sink = lines(`1\n${"\n".repeat(50)}2`, smallSizes);
    expect(sink.gaps.map(({ length }) => length)).toEqual([0, 10, 0, 0, 0, 0]);
    expect(sink.records.map(({ type, bytes }) => `${type} ${bytes.length}`)).toEqual([
      "line 1",
      "reach.fragment 16",
      "reach.fragment 16",
      "reach.fragment 9",
      "line 1",
    ]);
    expect(sink.messages).toEqual([
      "more than 10 bytes between two records: the rest of them is kept in fragments",
    ]);
  });

  it("short gaps do not add up, however many there are", () => {
    const sink = lines("1\r\n\n".repeat(50), smallSizes);
    expect(sink.records).toHaveLength(50);
    expect(sink.problems).toEqual([]);
  });

  it("a line above the real limit of 32 MiB", () => {
    const sink = new MemorySink();
    const scanner = new LineScanner(mapper, {});
    const part = Buffer.alloc(1024 * 1024 + 1, "z");
    for (let i = 0; i < 33; i++) scanner.push(part, sink);
    scanner.push(Buffer.from("\n{}"), sink);
    scanner.end(sink);
    const sizes = sink.records.map(({ bytes }) => bytes.length);
    expect(sizes).toEqual([...Array<number>(33).fill(1024 * 1024), 33, 2]);
    expect(sink.messages).toEqual([
      "line 1 is longer than 33554432 bytes: kept in fragments, not read",
    ]);
  });
});
