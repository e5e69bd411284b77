// Times come in many spellings and always mean the same instant, on every machine.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { timeOf } from "../../src/importers/times.ts";

describe("a time", () => {
  const instant = Date.UTC(2026, 0, 22, 5, 15, 50, 831);

  it.each([
    ["2026-01-22T05:15:50.831Z"],
    ["2026-01-22T05:15:50.831"],
    ["2026-01-22 05:15:50.831"],
    ["2026-01-22T05:15:50,831999"],
    ["2026-01-22T05:15:50.831999999Z"],
    ["2026-01-22T06:15:50.831+01:00"],
    ["2026-01-22T06:15:50.831+01"],
    ["2026-01-21T23:45:50.831-0530"],
    ["2026-01-22t05:15:50.831z"],
    ["1769058950.831"],
    ["1769058950831"],
    [1769058950.831],
    [1769058950831],
    [1769058950831.9],
    [1769058950831999],
    [1769058950831000000],
  ])("%s", (value) => {
    expect(timeOf(value)).toBe(instant);
  });

  it("without a part has zero there", () => {
    expect(timeOf("2026-01-22")).toBe(Date.UTC(2026, 0, 22));
    expect(timeOf("2026-01-22T05:15")).toBe(Date.UTC(2026, 0, 22, 5, 15));
    expect(timeOf("2026-01-22T05:15:50.8Z")).toBe(Date.UTC(2026, 0, 22, 5, 15, 50, 800));
    expect(timeOf(0)).toBe(0);
  });

  it("is the same in the usual spelling and in others", () => {
    const last = Date.UTC(9999, 11, 31);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: last }), (time) => {
        const text = new Date(time).toISOString();
        expect(timeOf(text)).toBe(time);
        expect(timeOf(text.replace("Z", "+00:00"))).toBe(time);
      }),
    );
  });

  it("does not depend on the time zone of the machine", () => {
    const before = process.env["TZ"];
    try {
      for (const zone of ["Asia/Kolkata", "America/St_Johns", "UTC"]) {
        process.env["TZ"] = zone;
        expect(timeOf("2026-01-22T05:15:50.831")).toBe(instant);
      }
    } finally {
      if (before === undefined) delete process.env["TZ"];
      else process.env["TZ"] = before;
    }
  });

  it.each([
    ["yesterday"],
    [""],
    ["2026-13-01"],
    ["2026-00-10"],
    ["2026-02-30"],
    ["2026-01-22T25:00:00"],
    ["2026-01-22T05:61:00Z"],
    ["1969-12-31T23:59:59Z"],
    ["0070-01-01"],
    ["2026-01-22T05:15:50.831Z and more"],
    [`2026-01-22T05:15:50.${"8".repeat(200)}`],
    [-1],
    [Number.NaN],
    [Number.POSITIVE_INFINITY],
    [null],
    [undefined],
    [true],
    [{}],
    [["2026-01-22"]],
  ])("is none: %j", (value) => {
    expect(timeOf(value)).toBeNull();
  });
});
