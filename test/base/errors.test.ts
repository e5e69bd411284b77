// Errors: codes that cross threads and contexts, messages of whatever is thrown, and a document
// that explains every code.

import { readFileSync } from "node:fs";
import path from "node:path";
import vm from "node:vm";
import { describe, expect, it } from "vitest";
import {
  assert,
  codeOf,
  errorCodes,
  messageOf,
  ReachError,
  unreachable,
} from "../../src/base/index.ts";

describe("an error of Reach", () => {
  it("says what happened, where, and what to do", () => {
    const cause = new Error("inner");
    const error = new ReachError("LOCKED", "it is open", {
      hint: "close it",
      where: "/data",
      cause,
    });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: "ReachError", code: "LOCKED", message: "it is open" });
    expect(error).toMatchObject({ hint: "close it", where: "/data", cause });
    expect("cause" in new ReachError("LOCKED", "x")).toBe(false);
  });

  it("keeps its code where it keeps nothing else", () => {
    const error = new ReachError("FENCED", "x");
    expect(codeOf(error)).toBe("FENCED");
    expect(codeOf(structuredClone({ ...error }))).toBe("FENCED");
    expect(codeOf(vm.runInNewContext("Object.assign(new Error('x'), { code: 'GONE' })"))).toBe(
      "GONE",
    );
  });

  it("has no code when it is a foreign one", () => {
    const throwing = new Proxy({}, { get: () => expect.fail("never mind") });
    for (const error of [
      new Error("x"),
      { code: "ENOENT" },
      "FENCED",
      null,
      undefined,
      1,
      throwing,
    ]) {
      expect(codeOf(error)).toBeUndefined();
    }
  });

  it("of whatever is thrown has a message, and looking for it never throws", () => {
    const throwing = new Proxy({}, { get: () => expect.fail("never mind") });
    expect(messageOf(new Error("x"))).toBe("x");
    expect(messageOf(vm.runInNewContext("new TypeError('far')"))).toBe("far");
    expect(messageOf("text")).toBe("text");
    expect(messageOf(Symbol("s"))).toBe("Symbol(s)");
    for (const thrown of [null, undefined, 0, {}, Object.create(null), throwing, { message: 1 }]) {
      expect(typeof messageOf(thrown)).toBe("string");
    }
  });

  it("is a bug where an assertion fails", () => {
    expect(() => assert(false, "it holds")).toThrow(expect.objectContaining({ code: "BUG" }));
    expect(() => assert(0, "it holds")).toThrow("assertion failed: it holds");
    expect(() => unreachable(undefined as never, "here")).toThrow("unreachable: here");
  });
});

describe("docs/ERRORS.md", () => {
  const file = path.resolve(import.meta.dirname, "../../docs/ERRORS.md");
  const sections = readFileSync(file, "utf8").split(/^### /m).slice(1);

  it("explains every code, in the order of the list, and no other", () => {
    const documented = sections.map((section) => section.slice(0, section.indexOf("\n")));
    expect(documented).toEqual(errorCodes.map((code) => `\`${code}\``));
  });

  it("says of each what it means and what to do", () => {
    for (const section of sections) {
      const [name = "", ...lines] = section.split("\n## ")[0]?.trim().split("\n") ?? [];
      const text = lines.join(" ").trim();
      expect(text, name).toMatch(/\*\*What to do\.\*\* \S.{20,}/);
      expect(text.indexOf("**What to do.**"), name).toBeGreaterThan(30);
    }
  });
});
