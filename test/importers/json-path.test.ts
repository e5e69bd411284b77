// A path is written as people write it, and a mistake in it is named.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatPath, parsePath } from "../../src/importers/json-path.ts";

describe("a path", () => {
  it.each([
    ["a", ["a"]],
    ["a.b[0].c", ["a", "b", 0, "c"]],
    ["$.a", ["a"]],
    [".a", ["a"]],
    ["$[3]", [3]],
    ["[0][12]", [0, 12]],
    ['["a.b"].c', ["a.b", "c"]],
    ['a["b]"]', ["a", "b]"]],
    ["größe.x y", ["größe", "x y"]],
    ["", []],
    ["$", []],
  ])("%s", (text, steps) => {
    expect(parsePath(text)).toEqual(steps);
  });

  it.each([["a..b"], ["a["], ["a[x]"], ["a[-1]"], ["."], ["a."], ['["a]'], ["a]"], ["a[0]b"]])(
    "that is malformed is refused: %s",
    (text) => {
      expect(() => parsePath(text)).toThrow(`"${text}" is no path`);
    },
  );

  it("of any keys and indexes is read as it was written", () => {
    const step = fc.oneof(fc.string({ unit: "grapheme" }), fc.nat());
    fc.assert(
      fc.property(fc.array(step, { minLength: 1 }), (steps) => {
        expect(parsePath(formatPath(steps))).toEqual(steps);
      }),
    );
  });
});
