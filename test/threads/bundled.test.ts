// What threads start with is one file: two hundred modules take twice as long to load.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { builtFile } from "../../src/threads/index.ts";

describe("the file that a thread starts with", () => {
  it.each(["runtime/fold-worker.js", "session/tree-thread.js"])("%s imports no other", (name) => {
    const text = readFileSync(builtFile(name), "utf8");
    expect(text).not.toMatch(/(?:from|import)\s*\(?"\.{1,2}\//);
    expect(text.length).toBeGreaterThan(10_000);
  });
});
