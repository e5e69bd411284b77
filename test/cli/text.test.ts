import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { summariseProblems } from "../../src/cli/import-text.ts";
import {
  byteSize,
  counted,
  grouped,
  perSecond,
  seconds,
  timestamp,
} from "../../src/cli/quantity.ts";
import { table } from "../../src/cli/table.ts";
import { clipped, columnsOf, oneLine, visible } from "../../src/cli/terminal-text.ts";

describe("quantities", () => {
  it("are what a person would write", () => {
    expect(grouped(1234567)).toBe("1,234,567");
    expect([counted(1, "event"), counted(0, "event"), counted(2, "event")]).toEqual([
      "1 event",
      "0 events",
      "2 events",
    ]);
    expect([0, 812, 999, 1000, 4096, 349_000_000, 999_600].map(byteSize)).toEqual([
      "0 B",
      "812 B",
      "999 B",
      "1.00 kB",
      "4.10 kB",
      "349 MB",
      "1.00 MB",
    ]);
    expect([0.004, 0.61, 6.14, 61, 3599.9, 7810].map(seconds)).toEqual([
      "0.00 s",
      "0.61 s",
      "6.1 s",
      "1 m 1 s",
      "1 h 0 m",
      "2 h 10 m",
    ]);
    expect(perSecond(96_031, 0.61)).toBe("157,000");
    expect(perSecond(5, 10)).toBe("0.5");
    expect(timestamp(1767604656583)).toBe("2026-01-05 09:17:36.583");
    expect(timestamp(9e15)).toBe("9000000000000000");
  });
});

describe("text of strangers", () => {
  it("is clipped to columns, wide characters counted as two, marks as none", () => {
    expect(clipped("abcdef", 4)).toBe("abc…");
    expect(clipped("日本語です", 6)).toBe("日本…");
    expect(columnsOf("e\u0301日")).toBe(3);
    void fc.assert(
      fc.property(
        fc.string({ unit: "grapheme" }),
        fc.integer({ min: 1, max: 30 }),
        (text, columns) => {
          expect(columnsOf(clipped(text, columns))).toBeLessThanOrEqual(columns);
        },
      ),
    );
  });

  it("moves no cursor", () => {
    expect(visible("a\u001b[2Jb\u202e")).toBe("a\\u001b[2Jb\\u202e");
    expect(oneLine(" a\r\n\u009b b ")).toBe("a b");
  });

  it("stays in its column of a table", () => {
    const lines = table(
      [{ heading: "N", align: "right" }, { heading: "NAME" }, { heading: "X" }],
      [
        ["1", "日本", "a"],
        ["12", "ab", "b"],
      ],
    );
    expect(lines).toEqual([" N  NAME  X", " 1  日本  a", "12  ab    b"]);
  });
});

describe("problems of an import", () => {
  const problem = (line: number | null, message: string) => ({ line, offset: 10, message });
  it("are told once for each sort, with how many there are and the first place", () => {
    expect(
      summariseProblems([
        problem(8112, "line 8112 holds 2 records without a newline between them"),
        problem(9000, "line 9000 holds 2 records without a newline between them"),
        problem(17, "line 17 is not JSON: kept unread"),
        problem(18, "line 18 is not JSON: kept unread"),
        problem(null, "the value at byte 10 is not JSON: kept unread"),
      ]),
    ).toEqual([
      "2 lines held two records without a newline between them: both kept (first: line 8,112)",
      "2 lines: is not JSON: kept unread (first: line 17)",
      "the value at byte 10 is not JSON: kept unread",
    ]);
    expect(
      summariseProblems([problem(3, "line 3 holds 5 records without a newline between them")]),
    ).toEqual([
      "1 line held several records without a newline between them: all kept (first: line 3)",
    ]);
  });
});
