// Differences: none exactly where the bytes are the same, in document order, readable, and safe to
// print whatever the values hold.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeValue, equalBytes } from "../../src/base/index.ts";
import { type Difference, differences, missing } from "../../src/replay/index.ts";
import { objectOf, plainValues } from "../base/plain-values.ts";

const shown = (found: readonly Difference[]): string[] => {
  return found.map(({ path, expected, actual }) => `${path}: ${expected} | ${actual}`);
};
const between = (expected: unknown, actual: unknown): string[] => {
  return shown(differences(expected, actual));
};

/** What a place in a value is replaced by: equal to nothing else. */
const other = "a text that occurs nowhere else \u{1f300}";

/** All places of a value, in document order, the value itself first. */
function placesOf(value: unknown): (string | number)[][] {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return [[]];
  const keys = Array.isArray(value) ? value.map((_, i) => i) : Object.keys(value);
  const inner = keys.flatMap((key) => {
    const member = (value as Record<string | number, unknown>)[key];
    return placesOf(member).map((steps) => [key, ...steps]);
  });
  return [[], ...inner];
}

function replaced(value: unknown, steps: readonly (string | number)[]): unknown {
  const [step, ...rest] = steps;
  if (step === undefined) return other;
  const copy = Array.isArray(value) ? [...value] : objectOf(Object.entries(value as object));
  const member = (value as Record<string | number, unknown>)[step];
  Object.defineProperty(copy, step, {
    value: replaced(member, rest),
    configurable: true,
    enumerable: true,
    writable: true,
  });
  return copy;
}

describe("differences", () => {
  it("are found exactly where two values have different bytes", () => {
    fc.assert(
      fc.property(plainValues, plainValues, (a, b) => {
        const same = equalBytes(encodeValue(a), encodeValue(b));
        expect(differences(a, b).length === 0).toBe(same);
        expect(differences(a, structuredClone(a))).toEqual([]);
      }),
    );
  });

  it("name the place of a single change, and only that", () => {
    const changed = plainValues.chain((value) => {
      return fc.tuple(fc.constant(value), fc.constantFrom(...placesOf(value)));
    });
    fc.assert(
      fc.property(changed, ([value, steps]) => {
        const found = differences(value, replaced(value, steps));
        expect(found.map((difference) => difference.steps)).toEqual([steps]);
        expect(found[0]?.actual).toContain("occurs nowhere else");
      }),
    );
  });

  it("come in document order, up to the limit, the same each time", () => {
    const expected = { a: 1, b: { c: [1, 2, 3], d: "x" }, e: true, f: null };
    const actual = { a: 2, b: { c: [1, 5], d: "y" }, e: false, g: 7 };
    const lines = [
      "$.a: 1 | 2",
      "$.b.c[1]: 2 | 5",
      `$.b.c[2]: 3 | ${missing}`,
      '$.b.d: "x" | "y"',
      "$.e: true | false",
      `$.f: null | ${missing}`,
      `$.g: ${missing} | 7`,
    ];
    expect(between(expected, actual)).toEqual(lines);
    expect(shown(differences(expected, actual, { limit: 3 }))).toEqual(lines.slice(0, 3));
    expect(differences(expected, actual, { limit: 0 })).toEqual([]);
  });

  it.each<[string, unknown, unknown, string]>([
    ["zero and minus zero", 0, -0, "$: 0 | -0"],
    ["a number and a big integer", 1, 1n, "$: 1 | 1n"],
    ["not a number and null", Number.NaN, null, "$: NaN | null"],
    ["undefined and no member", { a: undefined }, {}, `$.a: undefined | ${missing}`],
    ["an array and an object", { a: [] }, { a: {} }, "$.a: [0 items] | {}"],
    ["bytes and an array", Uint8Array.of(1), [1], "$: 1 bytes 01 | [1 item]"],
    [
      "bytes",
      Uint8Array.of(1, 2, 3),
      Uint8Array.of(1, 9),
      "$: 3 bytes from 1: 02 03 | 2 bytes from 1: 09",
    ],
    ["a key of the language", { constructor: 1 }, {}, `$.constructor: 1 | ${missing}`],
    [
      "the order of keys",
      { a: 1, b: 2, c: 3 },
      { a: 1, c: 3, b: 2 },
      '$: keys in the order "b", "c" | keys in the order "c", "b"',
    ],
  ])("tell apart %s", (_what, expected, actual, line) => {
    expect(between(expected, actual)).toEqual([line]);
  });

  it("see no difference between equal special values", () => {
    const make = (): unknown => [Number.NaN, -0, undefined, 7n, Uint8Array.of(1), { a: [null] }];
    expect(differences(make(), make())).toEqual([]);
  });

  it("show long texts from shortly before the place where they part", () => {
    const text = "x".repeat(100_000);
    const [difference] = differences({ t: `${text}left` }, { t: `${text}right` });
    expect(difference?.expected).toBe(`…"${"x".repeat(16)}left" (100004 characters)`);
    expect(difference?.actual).toBe(`…"${"x".repeat(16)}right" (100005 characters)`);
  });

  it("keep every value short", () => {
    const values = ["y".repeat(1e6), new Uint8Array(1e6), Array(1e5).fill(0), 10n ** 5000n];
    const wide = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`key${i}`, i]));
    for (const value of [...values, wide, { ["k".repeat(5000)]: 1 }]) {
      const [difference] = differences({ v: value }, {});
      expect(difference?.expected.length).toBeLessThan(120);
    }
  });

  it("hold nothing that a terminal would obey", () => {
    const hostile = "\u001b[2J\u009b31m\u202eabc\u2028\ufeff\ud800";
    const found = differences(
      { [hostile]: hostile, [`${hostile}2`]: 1 },
      { [hostile]: `${hostile}x` },
    );
    expect(found).toHaveLength(2);
    for (const { path, expected, actual } of found) {
      const text = path + expected + actual;
      expect(text).not.toMatch(/[\p{Cc}\p{Zl}\p{Bidi_Control}\ufeff]/u);
      expect(text.isWellFormed()).toBe(true);
    }
  });

  it("survive values of any depth", () => {
    const nested = (depth: number, leaf: unknown): unknown => {
      let value = leaf;
      for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { inner: value };
      return value;
    };
    expect(differences(nested(500, 1), nested(500, 2))[0]?.steps).toHaveLength(500);
    const deep = differences(nested(100_000, 1), nested(100_000, 2));
    expect(deep.map(({ expected }) => expected)).toEqual(["(too deep)"]);
  });
});
