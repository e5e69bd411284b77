// What threads and runner processes start with is in few files: two hundred modules take twice as
// long to load.

import { existsSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { builtFile } from "../../src/disk/index.ts";

const entries = [
  "runner-main",
  "lane-task",
  "sandbox-contexts",
  "fold-worker",
  "hash-thread",
  "tree-thread",
];

/** Files that a file loads at its start, of those beside it and of packages. */
function importsOf(file: string): string[] {
  const text = readFileSync(file, "utf8");
  const found = text.matchAll(/^(?:import|export)\s*(?:[^"]*?\sfrom\s*)?"([^"]+)";/gm);
  return [...found].map(([, name]) => name ?? "");
}

describe("the file that a thread starts with", () => {
  it.each(entries)("loads a handful of others, and of packages piscina alone: %s", (entry) => {
    const folder = path.dirname(builtFile("entries/fold-worker.js"));
    const files = new Set([path.join(folder, `${entry}.js`)]);
    for (const file of files) {
      expect(existsSync(file)).toBe(true);
      for (const name of importsOf(file)) {
        if (name.startsWith("./")) files.add(path.join(folder, name));
        else expect(isBuiltin(name) || name === "piscina", name).toBe(true);
      }
    }
    expect(files.size).toBeLessThan(10);
  });
});
