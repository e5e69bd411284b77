// JSON from encoded events: the same values as `reach events --ndjson` writes, byte by byte what
// JSON.stringify would make of them.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeValue, utf8 } from "../../../src/base/index.ts";
import { jsonable } from "../../../src/cli/value-json.ts";
import { EventView, encodeEvent, encodeInline } from "../../../src/event/index.ts";
import { JsonWriter } from "../../../src/server/pages/json-writer.ts";

function written(value: unknown): string {
  const writer = new JsonWriter();
  writer.value(encodeValue(value));
  return writer.take().toString();
}

const leaf = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({ unit: "grapheme", maxLength: 10_000 }),
  fc.string({ maxLength: 60 }),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double(),
  fc.bigInt(),
  fc.boolean(),
  fc.constant(null),
  fc.constant(undefined),
  fc.uint8Array({ maxLength: 50 }),
  fc.constantFrom("\ud800", "a\udc00b", "\u2028", "\u007f", '"\\\b\f\n\r\t\u0001'),
);
const key = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.constantFrom("$bytes", "$bigint", "$object", "$undefined", "$number", "__proto__", "\ud800"),
);
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 5 },
    leaf,
    fc.array(tie("any"), { maxLength: 5 }),
    fc
      .array(fc.tuple(key, tie("any")), { maxLength: 4 })
      .map((entries) => Object.fromEntries(entries) as unknown),
  ),
})).any;

describe("a value from its encoding", () => {
  it("is written as JSON.stringify writes it", () => {
    fc.assert(
      fc.property(value, (any) => {
        expect(written(any)).toBe(JSON.stringify(jsonable(any)));
      }),
      { numRuns: 500 },
    );
  });

  it("is written however long its text is and wherever its escapes are", () => {
    for (const size of [23, 24, 25, 4095, 4096, 4097, 70_000]) {
      for (const at of [0, 1, size - 1]) {
        const text = `${"ä".repeat(at)}"${"x".repeat(size - at)}\n`;
        expect(written([text, text])).toBe(JSON.stringify([text, text]));
      }
    }
  });

  it("is written with every escape at every place of a word, wherever its bytes lie", () => {
    for (let code = 0; code < 0x80; code++) {
      for (let at = 0; at < 5; at++) {
        const text = `${"x".repeat(20 + at)}${String.fromCharCode(code)}${"ü".repeat(at)}y`;
        const encoded = encodeValue(text);
        const around = new Uint8Array(encoded.length + 2 * at).fill(0x22);
        around.set(encoded, at);
        const writer = new JsonWriter();
        writer.value(around.subarray(at, at + encoded.length));
        expect(writer.take().toString()).toBe(JSON.stringify(text));
      }
    }
  });

  it("is written when its text is longer than what is written at once", () => {
    for (const size of [8191, 8192, 8193, 16_384, 300_000]) {
      const text = `${"\u0001".repeat(size - 1)}€${"x".repeat(size)}\n`;
      expect(written({ text })).toBe(JSON.stringify({ text }));
    }
  });

  it("is its writer's own while others write", () => {
    const [one, other] = [new JsonWriter(), new JsonWriter()];
    new JsonWriter().take();
    one.raw("[");
    other.raw("{");
    one.value(encodeValue("a".repeat(100)));
    const first = one.take();
    one.value(encodeValue("c".repeat(100)));
    other.value(encodeValue("b".repeat(100)));
    expect(first.toString()).toBe(`["${"a".repeat(100)}"`);
    expect(other.take().toString()).toBe(`{"${"b".repeat(100)}"`);
    expect(one.take().toString()).toBe(`"${"c".repeat(100)}"`);
  });

  it("is refused when its encoding is none", () => {
    for (const bytes of [
      [],
      [0xff],
      [0x18],
      [0x62, 0x61],
      [0x81],
      [0xa1, 0x61],
      [0, 0],
      [0xc1, 0],
    ]) {
      const writer = new JsonWriter();
      expect(() => writer.value(Uint8Array.from(bytes))).toThrow(
        expect.objectContaining({ code: "CORRUPT" }),
      );
    }
  });
});

describe("an event from its bytes", () => {
  const header = {
    seq: 7,
    time: 1_700_000_000_123,
    kind: "result",
    type: 'to"ol\u0001ü',
    ref: 3,
  } as const;
  const salt = new Uint8Array(16);

  function line(data: Uint8Array, choice: "inline" | "ref" | "none"): unknown {
    const writer = new JsonWriter();
    writer.event(new EventView(encodeEvent(header, salt, data)), choice);
    const text = writer.take().toString();
    expect(text).not.toMatch(/[\n\r]/);
    return JSON.parse(text);
  }

  it("has its header, the form of its payload, and its data", () => {
    const { seq, time, kind, type, ref } = header;
    const about = { seq, time, kind, type, ref };
    expect(line(encodeValue({ a: 1n }), "inline")).toEqual({
      ...about,
      form: "cbor",
      data: { a: { $bigint: "1" } },
    });
    expect(line(encodeInline("json", utf8('{\r\n "a": 1.0}')), "ref")).toEqual({
      ...about,
      form: "json",
      data: { a: 1 },
    });
    expect(line(encodeInline("bytes", utf8("hi")), "ref")).toEqual({
      ...about,
      form: "bytes",
      data: { $bytes: "aGk=" },
    });
    expect(line(encodeValue(1), "none")).toEqual(about);
  });
});
