// Sizes, spans and texts as people read them, also of values that nobody expects.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ago, byteSize, clipped, count, span, timestamp } from "../../src/web/wording.ts";

describe("wording", () => {
  it("of sizes and counts", () => {
    expect([0, 999, 1000, 12_345, 999_949, 349_156_015].map(byteSize)).toEqual([
      "0 B",
      "999 B",
      "1.00 kB",
      "12.3 kB",
      "1.00 MB",
      "349 MB",
    ]);
    expect([0, 999, 1000, 1_234_567].map(count)).toEqual(["0", "999", "1,000", "1,234,567"]);
  });

  it("of spans never shows 60 of anything that is one of the next", () => {
    expect([0, 999.4, 1000, 59_940, 59_960, 3_599_700, 86_399_000, 90_000_000].map(span)).toEqual([
      "0 ms",
      "999 ms",
      "1.0 s",
      "59.9 s",
      "1 min 0 s",
      "1 h 0 min",
      "1 d 0 h",
      "1 d 1 h",
    ]);
    expect(span(-1500)).toBe("-1.5 s");
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e12, noNaN: true }), (ms) => {
        expect(span(ms)).not.toMatch(/\b(?:1000 ms|60(?:\.0)? s|60 min|24 h)\b/);
      }),
    );
  });

  it("of times, also of those that no calendar holds", () => {
    expect(timestamp(Date.UTC(2026, 0, 5, 12, 17, 36, 583))).toBe("2026-01-05 12:17:36.583");
    expect(timestamp(1e17)).toBe("100000000000000000");
    expect([1000, 5000, 65_000, 7_300_000].map((ms) => ago(0, ms))).toEqual([
      "now",
      "5 s ago",
      "1 min ago",
      "2 h ago",
    ]);
  });

  it("of texts cuts no character in two, and not what fits", () => {
    expect(clipped("a\n b\t c", 10)).toBe("a b c");
    expect(clipped("abcdef", 3)).toBe("abc…");
    expect(clipped("ab😀", 3)).toBe("ab…");
    expect(clipped(" ".repeat(1000), 5)).toMatch(/^…?$/);
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.integer({ min: 1, max: 9 }), (text, most) => {
        const shown = clipped(text, most);
        expect(shown.length).toBeLessThanOrEqual(most + 1);
        expect(shown.isWellFormed()).toBe(true);
      }),
    );
  });
});
