// One JSON document, cut into records: what is a record and what is not, and what happens to a
// document that is broken, odd or too large.

import { Buffer } from "node:buffer";
import { Readable } from "node:stream";
import parser from "stream-json";
import { streamArray } from "stream-json/streamers/stream-array.js";
import { describe, expect, it } from "vitest";
import { formatNamed } from "../../src/importers/detect.ts";
import { pathLayout, topLayout } from "../../src/importers/json-layout.ts";
import { parsePath } from "../../src/importers/json-path.ts";
import { JsonScanner } from "../../src/importers/json-scanner.ts";
import { plain, type RecordMapper } from "../../src/importers/reading.ts";
import { feed, fixture, MemorySink, read } from "./memory-sink.ts";

const mapper: RecordMapper = {
  read: (_, { member, element }) => plain(`${member ?? ""}${element ? "[]" : ""}` || "?"),
};
const smallSizes = { recordBytesMax: 40, fragmentBytes: 16, gapBytesMax: 10 };

interface Way {
  readonly path?: string;
  readonly sizes?: typeof smallSizes;
}

/** Reads the same document whole and byte by byte, which must come to the same. */
function cut(source: string | Buffer, { path, sizes }: Way = {}): MemorySink {
  const bytes = Buffer.from(source);
  const [whole, slow] = [new MemorySink(), new MemorySink()];
  const options = path === undefined ? {} : { path };
  const layout = () => (path === undefined ? topLayout : pathLayout(parsePath(path)));
  feed(new JsonScanner(mapper, layout(), options, sizes), bytes, whole);
  feed(new JsonScanner(mapper, layout(), options, sizes), bytes, slow, [1]);
  expect(slow.whole).toEqual(whole.whole);
  expect(whole.source.equals(bytes)).toBe(true);
  return whole;
}

/** Type and text of each record. */
function parts({ records }: MemorySink): string[] {
  return records.map(({ type, bytes }) => `${type} ${bytes.toString()}`);
}

describe("the records of a document", () => {
  it("are the elements of an array at its top", () => {
    const sink = cut('[1, {"a":[2]} ,"]",null,\n[[]], -1.5e3 ]\n');
    expect(sink.texts).toEqual(["1", '{"a":[2]}', '"]"', "null", "[[]]", "-1.5e3"]);
    expect(sink.gaps.map(String)).toEqual(["[", ", ", " ,", ",", ",\n", ", ", " ]\n"]);
    expect(sink.problems).toEqual([]);
  });

  it("are the elements of arrays of objects at its top, and every other member", () => {
    const source = '{"a":[ {"x":1},2],"b":[1,{}],"c":{"d":[{}]},"e":[],"f":[\t{}],"g":"s"}';
    expect(parts(cut(source))).toEqual([
      'a[] {"x":1}',
      "a[] 2",
      "b [1,{}]",
      'c {"d":[{}]}',
      "e []",
      "f[] {}",
      'g "s"',
    ]);
  });

  it("is the document itself if it is a single value", () => {
    for (const value of ["42", ' "text"\n', "\tnull", "-0.5", "true "]) {
      expect(cut(value).texts).toEqual([value.trim()]);
      expect(cut(value).problems).toEqual([]);
    }
  });

  it("are none in an empty array or object", () => {
    expect(cut("[]").records).toEqual([]);
    expect(cut("\ufeff {\n}").records).toEqual([]);
    expect(cut("[]").problems).toEqual([]);
    expect(cut("\ufeff {\n}").problems).toEqual([]);
  });

  it("have the key as their name, as JSON means it", () => {
    const source = String.raw`{"\u0061\"b":1,"größe":2,"a":3,"a":4,"":5}`;
    expect(parts(cut(source))).toEqual(['a"b 1', "größe 2", "a 3", "a 4", "? 5"]);
  });

  it("end where they end, whatever is in their strings", () => {
    const strings = [
      String.raw`"\\"`,
      String.raw`"\""`,
      String.raw`"\\\""`,
      '"]},{["',
      `"${"x".repeat(100)}"`,
      String.raw`"${"x".repeat(100)}\\"`,
      String.raw`"${"x".repeat(100)}\""`,
      `"${String.raw`\"`.repeat(100)}"`,
      `"${"\\\\".repeat(101)}"`,
      `"${"x".repeat(47)}${"\\\\".repeat(3)}\\"${"x".repeat(60)}"`,
    ];
    const objects = strings.map((string) => `{${string}:[${string}]}`);
    const sink = cut(`[${[...strings, ...objects].join(",")}]`);
    expect(sink.texts).toEqual([...strings, ...objects]);
    expect(sink.problems).toEqual([]);
  });
});

describe("a path", () => {
  const source =
    '{"id":7,"a":{"b":[{"c":1,"d":"e"},{"c":[{"x":1},2,"3"],"z":[]}],"n":0},"last":[{}]}';

  it("makes records of the elements of its array, and of every value beside it", () => {
    expect(parts(cut(source, { path: "a.b[1].c" }))).toEqual([
      "id 7",
      'a.b[] {"c":1,"d":"e"}',
      'c[] {"x":1}',
      "c[] 2",
      'c[] "3"',
      "a.b[1].z []",
      "a.n 0",
      "last [{}]",
    ]);
    expect(cut(source, { path: "last" }).texts.at(-1)).toBe("{}");
    expect(parts(cut("[[1],[2,3]]", { path: "[1]" }))).toEqual(["[] [1]", "[] 2", "[] 3"]);
    expect(parts(cut("[1,2]", { path: "$" }))).toEqual(["[] 1", "[] 2"]);
    expect(parts(cut('{"a.b":[1]}', { path: '["a.b"]' }))).toEqual(["a.b[] 1"]);
  });

  it.each(["a.b[2].c", "a.x", "a.n", "a", "a.b[0].c", "id[0]", "$", "last[0]"])(
    "that leads to no array is an error: %s",
    (path) => {
      expect(() => cut(source, { path })).toThrow(`no array at \`${path}\``);
    },
  );

  it("goes on being read behind an array that it found", () => {
    expect(() => cut('{"a":[1],"b":{"a":2}}', { path: "a" })).not.toThrow();
    expect(parts(cut('{"a":0,"a":[1]}', { path: "a" }))).toEqual(["a 0", "a[] 1"]);
  });

  it("in a broken document is reported as broken, not as a wrong path", () => {
    expect(cut('{"x":1,]', { path: "a.b" }).problems).toHaveLength(1);
  });
});

describe("an error in the structure", () => {
  it.each([
    ["[1,,2]", 3, "byte 3 of the document is not a value"],
    ["[1 2]", 3, "byte 3 of the document is not a comma or a closing bracket"],
    ["[1}", 2, "byte 2 of the document is not a comma or a closing bracket"],
    ["[,", 1, "byte 1 of the document is not a value or ]"],
    ["[1,]", 3, "byte 3 of the document is not a value"],
    ['{"a" 1}', 5, "byte 5 of the document is not a colon"],
    ['{"a":1,}', 7, "byte 7 of the document is not a key"],
    ["{a:1}", 1, "byte 1 of the document is not a key or }"],
    ["[] []", 3, "the document ends before byte 3, and something follows"],
    ["'a'", 0, "byte 0 of the document is not a value"],
    ["\u00a0[]", 0, "byte 0 of the document is not a value"],
  ])("is named by its place, and the rest is kept: %s", (source, offset, message) => {
    const sink = cut(source);
    expect(sink.problems).toEqual([
      { line: null, offset, message: `${message}: all from there on is kept unread` },
    ]);
    const rest = sink.records.at(-1);
    expect(rest).toMatchObject({ type: "reach.unparsed", form: "bytes" });
    expect(rest?.bytes.equals(Buffer.from(source).subarray(offset))).toBe(true);
  });

  it("keeps a long rest in fragments of one size", () => {
    const sink = cut(`[1;${"x".repeat(50)}`, { sizes: smallSizes });
    expect(sink.records.map(({ type, bytes }) => `${type} ${bytes.length}`)).toEqual([
      "[] 1",
      "reach.unparsed 16",
      "reach.unparsed 16",
      "reach.unparsed 16",
      "reach.unparsed 3",
    ]);
  });

  it.each([
    ["", "there is no JSON value in the source"],
    [" \n", "there is no JSON value in the source"],
    ["[", "the document ends at byte 1, before a value or ]"],
    ["[1", "the document ends at byte 2, before a comma or a closing bracket"],
    ['{"a"', "the document ends at byte 4, before a colon"],
    ['{"a', "the document ends at byte 3, before the rest of a key"],
    ['[{"a":[', "the document ends at byte 7, before the rest of a value"],
    ['["abc\\', "the document ends at byte 6, before the rest of a value"],
    ['{"a":[ ', "the document ends at byte 7, before the rest of an array"],
    ["\u00ef", "byte 0 of the document is not a value: all from there on is kept unread"],
  ])("an end that comes too early is one: %j", (source, message) => {
    expect(cut(source).messages).toEqual([message]);
  });

  it("half a byte order mark is one", () => {
    expect(cut(Buffer.from([0xef, 0xbb, 0x5b, 0x5d])).problems).toHaveLength(1);
  });
});

describe("an element that is no JSON", () => {
  it("is kept as it is, and the elements behind it are read", () => {
    const sink = cut('[{"a":1},{"a":tru},{"b":}, nul, 01,{"c":"\t"},{"d":2}]');
    expect(parts(sink)).toEqual([
      '[] {"a":1}',
      'reach.unparsed {"a":tru}',
      'reach.unparsed {"b":}',
      "reach.unparsed nul",
      "reach.unparsed 01",
      'reach.unparsed {"c":"\t"}',
      '[] {"d":2}',
    ]);
    expect(sink.messages[0]).toBe("the value at byte 9 is not JSON: kept unread");
    expect(sink.problems.map(({ offset }) => offset)).toEqual([9, 19, 27, 32, 35]);
  });

  it("is told apart when it is no UTF-8", () => {
    const sink = cut(Buffer.from('[1,"\xff"]', "latin1"));
    expect(sink.messages).toEqual(["the value at byte 3 is not valid UTF-8: kept unread"]);
  });

  it("or a key that is none, leaves the rest readable", () => {
    const sink = cut(Buffer.from('{"\xff":1,"\\x":2,"c":3}', "latin1"));
    expect(parts(sink)).toEqual(["? 1", "? 2", "c 3"]);
    expect(sink.messages).toEqual([
      "the key at byte 1 is not valid UTF-8",
      "the key at byte 7 is not JSON",
    ]);
  });
});

describe("what is too large", () => {
  it("a value is kept in fragments, and the values behind it are read", () => {
    const long = `{"a":"${"x".repeat(40)}"}`;
    const sink = cut(`[1,${long},2]`, { sizes: smallSizes });
    expect(sink.records.map(({ type, bytes }) => `${type} ${bytes.length}`)).toEqual([
      "[] 1",
      "reach.fragment 16",
      "reach.fragment 16",
      "reach.fragment 16",
      "[] 1",
    ]);
    expect(sink.messages).toEqual([
      "the value at byte 3 is longer than 40 bytes: kept in fragments, not read",
    ]);
  });

  it("a number at the very end is kept in fragments", () => {
    const sink = cut("1".repeat(50), { sizes: smallSizes });
    expect(sink.records.map(({ bytes }) => bytes.length)).toEqual([16, 16, 16, 2]);
    expect(sink.problems).toHaveLength(1);
  });

  it("an array whose first element does not come is a value too large", () => {
    const sink = cut(`{"a":[${" ".repeat(50)}{}],"b":1}`, { sizes: smallSizes });
    expect(sink.records.map(({ type }) => type)).toEqual([
      "reach.fragment",
      "reach.fragment",
      "reach.fragment",
      "reach.fragment",
      "b",
    ]);
  });

  it("a key is not read, what stands under it is", () => {
    const sink = cut(`{"${"k".repeat(30)}":1,"b":2}`, { sizes: smallSizes });
    expect(sink.records.map(({ type }) => type)).toEqual([
      "reach.fragment",
      "reach.fragment",
      "?",
      "b",
    ]);
    expect(sink.messages).toContain("the key at byte 1 is too long to be read");
  });
});

describe("nesting", () => {
  it.each([
    ["opened", "[".repeat(200_000)],
    ["opened and closed", `${"[".repeat(200_000)}${"]".repeat(200_000)}`],
    ["of objects", '{"a":'.repeat(200_000)],
    ["of both, broken off", '[{"":'.repeat(100_000)],
  ])("of any depth neither crashes nor takes long: %s", (_, source) => {
    const start = performance.now();
    const sink = read(formatNamed("json")!, source, {}, [4096]);
    expect(sink.source.toString()).toBe(source);
    expect(performance.now() - start).toBeLessThan(5000);
  });
});

describe("the elements of an array are those that an independent parser reads", () => {
  it.each(["openhands-v0.json", "openhands-judge.json", "mini-swe-agent.json"])(
    "%s",
    async (name) => {
      const source = fixture(name);
      const expected: unknown[] = [];
      const stream = Readable.from([source]).pipe(parser()).pipe(streamArray.asStream());
      for await (const { value } of stream as AsyncIterable<{ value: unknown }>)
        expected.push(value);
      expect(expected.length).toBeGreaterThan(1);
      const values = cut(source).texts.map((text) => JSON.parse(text) as unknown);
      expect(values).toEqual(expected);
    },
  );
});
