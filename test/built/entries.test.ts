// The entries of the package, as they were bundled: that the tests of this project get them, and
// that what they load later has not been spoiled.

import { readdirSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { describe, expect, it, test } from "vitest";
import * as browser from "../../src/browser.ts";
import * as client from "../../src/client.ts";
import * as config from "../../src/config.ts";
import * as library from "../../src/index.ts";
import * as program from "../../src/program.ts";
import * as testing from "../../src/testing.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const entries = path.join(root, "dist/entries");
const files = readdirSync(entries).filter((name) => name.endsWith(".js"));
const text = (name: string): string => readFileSync(path.join(entries, name), "utf8");
const { dependencies } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as {
  dependencies: Readonly<Record<string, string>>;
};

test.each([
  ["entries/index.js", library],
  ["entries/browser.js", browser],
  ["entries/client.js", client],
  ["entries/config.js", config],
  ["entries/testing.js", testing],
  ["program.js", program],
])("tests of this project get dist/%s where they import its source", async (name, imported) => {
  const built = (await import(pathToFileURL(path.join(root, "dist", name)).href)) as object;
  for (const [key, value] of Object.entries(built)) {
    expect((imported as Readonly<Record<string, unknown>>)[key], key).toBe(value);
  }
  expect(Object.keys(imported).sort()).toEqual(Object.keys(built).sort());
});

describe("what is bundled", () => {
  // A CommonJS package that is imported at run time comes as one value without names.
  it("loads nothing later that has lost its names", () => {
    const later = files.flatMap((name) =>
      [...text(name).matchAll(/\bimport\("\.\/([^"]+)"\)/g)].map(([, target = ""]) => target),
    );
    expect(later.length).toBeGreaterThan(20);
    for (const name of later) expect(text(name), name).toMatch(/^export \{$/m);
  });

  it("is for browsers one file, whose portable cryptography Node does not load", () => {
    expect(text("browser.js")).not.toMatch(
      /\bimport\b\s*[("'{*\w]|\bfrom\s*"|node:(?!crypto|zlib)/,
    );
    const scalars = "invalid scalar: expected";
    expect(files.filter((name) => text(name).includes(scalars))).toEqual(["browser.js"]);
  });

  it("loads no package that is not installed with it", () => {
    const specifier =
      /^(?:import|export)\s(?:[^"';]*?\sfrom\s)?"([^".][^"]*)"|\bimport\("([^".][^"]*)"\)/gm;
    const loaded = files.flatMap((name) =>
      [...text(name).matchAll(specifier)].map(([, here = "", later = ""]) => here || later),
    );
    const packages = new Set(loaded.filter((name) => !isBuiltin(name)));
    expect(packages.size).toBeGreaterThan(0);
    expect(Object.keys(dependencies)).toEqual(expect.arrayContaining([...packages]));
  });
});
