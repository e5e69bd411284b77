// What threads and runner processes start with is in few files: two hundred modules take twice as
// long to load. The command loads no package that only few of its calls need.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { builtFile } from "../../src/disk/index.ts";

const entries = [
  "runner-main",
  "lane-task",
  "sandbox-contexts",
  "fold-worker",
  "source-thread",
  "tree-thread",
];

/** Files that a file loads at its start, of those beside it and of packages. */
function importsOf(file: string): string[] {
  const text = readFileSync(file, "utf8");
  const found = text.matchAll(/^(?:import|export)\s*(?:[^"]*?\sfrom\s*)?"([^"]+)";/gm);
  return [...found].map(([, name]) => name ?? "");
}

const folder = path.dirname(builtFile("entries/fold-worker.js"));

/** A file with all that are loaded with it, as far as they lie beside it. */
function loadedWith(file: string): Set<string> {
  const files = new Set([file]);
  for (const one of files) {
    const beside = importsOf(one).filter((name) => name.startsWith("./"));
    for (const name of beside) files.add(path.join(folder, name));
  }
  return files;
}

describe("the file that a thread starts with", () => {
  it.each(entries)("loads a handful of others, and of packages piscina alone: %s", (entry) => {
    const files = loadedWith(path.join(folder, `${entry}.js`));
    for (const file of files) {
      expect(existsSync(file)).toBe(true);
      const packages = importsOf(file).filter((name) => !name.startsWith("./"));
      for (const name of packages) expect(isBuiltin(name) || name === "piscina", name).toBe(true);
    }
    expect(files.size).toBeLessThan(10);
  });
});

describe("a command that works on a data directory", () => {
  it.each(["program", "ls", "state", "verify", "replay"])("loads no client of HTTP: %s", (name) => {
    const entry = readdirSync(folder).find((file) => {
      return file.startsWith(`${name}-`) && file.endsWith(".js");
    });
    const files = loadedWith(path.join(folder, entry ?? ""));
    expect(files.size).toBeGreaterThan(3);
    for (const file of files) {
      expect(readFileSync(file, "utf8").includes("node_modules/undici/"), file).toBe(false);
    }
  });
});
