import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonable, onOneLine } from "../../src/cli/value-json.ts";
import { valueTree } from "../../src/cli/value-tree.ts";

/** Undoes `jsonable`: what a reader of the output would do. */
function revived(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(revived);
  const entries = Object.entries(value);
  const [only] = entries;
  if (entries.length === 1 && only) {
    const [mark, content] = only;
    if (mark === "$bytes") return new Uint8Array(Buffer.from(content as string, "base64"));
    if (mark === "$bigint") return BigInt(content as string);
    if (mark === "$undefined") return undefined;
    if (mark === "$number") return Number(content);
    if (mark === "$object") {
      const members = content as [string, unknown][];
      return Object.fromEntries(members.map(([key, member]) => [key, revived(member)]));
    }
  }
  return Object.fromEntries(entries.map(([key, member]) => [key, revived(member)]));
}

const leaves = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.double(),
  fc.bigInt(),
  fc.boolean(),
  fc.constant(null),
  fc.uint8Array({ maxLength: 20 }).map((bytes) => Uint8Array.from(bytes)),
);
const keys = fc.oneof(
  fc.string({ maxLength: 6 }),
  fc.constantFrom("$bytes", "$bigint", "$object", "$number", "$undefined", "__proto__"),
);
const values = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    leaves,
    fc.array(tie("value"), { maxLength: 4 }),
    fc
      .array(fc.tuple(keys, tie("value")), { maxLength: 4 })
      .map((entries) => Object.fromEntries(entries) as unknown),
  ),
})).value;

describe("a value as JSON", () => {
  it("comes back the same, whatever it holds", () => {
    void fc.assert(
      fc.property(values, (value) => {
        expect(revived(JSON.parse(JSON.stringify(jsonable(value))))).toStrictEqual(value);
      }),
      { numRuns: 500 },
    );
  });

  it("is one line, with nothing changed but the space between tokens", () => {
    const text = '{"a":\n  "b\\nc",\r\n "n": 52.0 }';
    expect(onOneLine(text)).toBe('{"a":   "b\\nc",  "n": 52.0 }');
  });
});

describe("a value as a tree", () => {
  it("is on one line where that fits, else a member per line, in order", () => {
    expect(valueTree({ b: 1, a: [1, 2, { c: null }] })).toBe("{ b: 1, a: [ 1, 2, { c: null } ] }");
    const long = { first: "x".repeat(60), second: { "odd key": "y".repeat(60), n: 12n } };
    expect(valueTree(long).split("\n")).toEqual([
      "{",
      `  first: "${"x".repeat(60)}",`,
      `  second: { "odd key": "${"y".repeat(60)}", n: 12n }`,
      "}",
    ]);
    expect(valueTree({ empty: {}, none: [] })).toBe("{ empty: {}, none: [] }");
  });

  it("leaves nothing out, and has no line that could be shorter", () => {
    const many = Array.from({ length: 500 }, (_, i) => i);
    expect(valueTree(many).split("\n")).toHaveLength(502);
    expect(valueTree("z".repeat(5000))).toHaveLength(5002);
  });

  it("shows bytes, big integers and odd numbers as what they are", () => {
    expect(valueTree([new Uint8Array([1, 255]), 10n ** 20n, -0, Number.NaN, undefined])).toBe(
      "[ <2 bytes: 01ff>, 100000000000000000000n, -0, NaN, undefined ]",
    );
  });

  it("holds nothing that a terminal would obey", () => {
    void fc.assert(
      fc.property(values, (value) => {
        expect(valueTree(value)).not.toMatch(/\p{Bidi_Control}|(?!\n)\p{Cc}/u);
      }),
    );
  });
});
