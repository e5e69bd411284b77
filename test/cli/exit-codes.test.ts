import { describe, expect, it } from "vitest";
import { errorCodes, ReachError } from "../../src/base/index.ts";
import { exitCodeOf } from "../../src/cli/exit-codes.ts";
import { failureLines, failureOf } from "../../src/cli/failure.ts";

describe("every error code", () => {
  it("has an exit code, and none of them is success", () => {
    for (const code of errorCodes) {
      expect([1, 2, 3, 4, 5, 6, 7, 130]).toContain(exitCodeOf(new ReachError(code, "x")));
    }
    expect(exitCodeOf(new Error("x"))).toBe(1);
    expect(exitCodeOf("thrown text")).toBe(1);
  });

  it("of a lock, a full disk and an overload means: try again later", () => {
    const later = errorCodes.filter((code) => exitCodeOf(new ReachError(code, "x")) === 7);
    expect(later).toEqual(expect.arrayContaining(["LOCKED", "DISK_FULL", "OVERLOADED"]));
  });
});

describe("a failure", () => {
  it("says what happened, where, and what to do, each on a line", () => {
    const error = new ReachError("CORRUPT", "the log is damaged", {
      where: "0199@12",
      hint: "restore it",
    });
    expect(failureLines(failureOf(error))).toEqual([
      "reach: the log is damaged",
      "  where: 0199@12",
      "  restore it",
    ]);
    const named = new ReachError("NOT_FOUND", "there is no file a.jsonl", { where: "a.jsonl" });
    expect(failureLines(failureOf(named))).toEqual(["reach: there is no file a.jsonl"]);
  });

  it("of the system is no bug of Reach", () => {
    const failing = (code: string): Error =>
      Object.assign(new Error(`${code}: stat 'x'`), { code, errno: -1, syscall: "stat" });
    expect(failureOf(failing("EACCES"))).toMatchObject({
      code: "IO_FAILED",
      message: "EACCES: stat 'x'",
      hint: null,
    });
    expect(exitCodeOf(failing("EACCES"))).toBe(1);
    expect(failureOf(failing("ENOSPC"))).toMatchObject({ code: "DISK_FULL" });
    expect(exitCodeOf(failing("ENOSPC"))).toBe(7);
  });

  it("that nobody foresaw asks for a report", () => {
    expect(failureOf(new TypeError("x is not a function"))).toMatchObject({
      code: "UNEXPECTED",
      hint: expect.stringContaining("please report it"),
    });
  });
});
