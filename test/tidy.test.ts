// Shows that the house rules bite, those of the linter and those of `tools/tidy.mjs`: each is
// broken once, in a temporary folder outside the project, and must be reported. `npm run lint`
// applies them to the project itself.

import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tidyFile, tidyProject } from "../tools/tidy.mjs";

const root = path.resolve(import.meta.dirname, "..");
const header = "// A planted file,\n// for the test of the rules.\n";

describe("the linter reports", () => {
  const planted: Record<string, string> = {
    "src/log/one.ts": 'import { two } from "./two.ts";\nexport const one = (): number => two();\n',
    "src/log/two.ts": 'import { one } from "./one.ts";\nexport const two = (): number => one();\n',
    "src/log/default.ts": "export default 1;\n",
    "src/log/any.ts": "export const loose = (value: any): unknown => value;\n",
    "src/log/later.ts": "export async function later(): Promise<void> {}\n",
    "src/log/floating.ts":
      'import { later } from "./later.ts";\nexport function now(): void {\n  later();\n}\n',
    "src/log/misused.ts":
      'import { later } from "./later.ts";\nexport const yes = later() ? 1 : 2;\n',
    "src/log/unused-import.ts": 'import { later } from "./later.ts";\nexport const here = 1;\n',
    "src/log/unused-variable.ts": "export function here(): void {\n  const there = 1;\n}\n",
    "src/log/enum.ts": "export enum Colour {\n  Red = 1,\n}\n",
    "src/log/NotKebab.ts": "export const here = 1;\n",
    "src/log/print.ts": 'export const say = (): void => console.log("hi");\n',
    "src/log/stranger.ts": 'import left from "left-pad";\nexport const pad: unknown = left;\n',
    "src/log/tester.ts": 'import { expect } from "vitest";\nexport const here: unknown = expect;\n',
    "src/log/bare.ts": 'export { later } from "./later";\n',
    "src/base/impure.ts": 'export { readFileSync } from "node:fs";\n',
    "src/merkle/impure-process.ts": "export const home = (): unknown => process.env;\n",
    "src/replay/impure-buffer.ts": "export const empty = (): Uint8Array => Buffer.alloc(0);\n",
    "test/focused.test.ts": 'import { it } from "vitest";\nit.only("x", () => {});\n',
    "test/skipped.test.ts": 'import { it } from "vitest";\nit.skip("x", () => {});\n',
    "src/cli/print.ts": 'export const say = (): void => console.log("hi");\n',
    "src/disk/files.ts": 'export { readFileSync } from "node:fs";\n',
    "some.config.ts": "export default {};\n",
    "test/fixtures/program.ts": "export default {};\n",
  };
  const reported = new Set<string>();
  let folder = "";

  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), "reach-tidy-"));
    for (const file of ["biome.json", "package.json"]) {
      copyFileSync(path.join(root, file), path.join(folder, file));
    }
    for (const [file, text] of Object.entries(planted)) {
      mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
      writeFileSync(path.join(folder, file), text);
    }
    const biome = path.join(root, "node_modules", "@biomejs", "biome", "bin", "biome");
    const options = ["lint", "--error-on-warnings", "--reporter=json", "--max-diagnostics=none"];
    const done = spawnSync(process.execPath, [biome, ...options, "."], {
      cwd: folder,
      encoding: "utf8",
    });
    const report = JSON.parse(done.stdout) as {
      diagnostics: { category: string; location: { path: string } }[];
    };
    for (const { category, location } of report.diagnostics) {
      reported.add(`${location.path} ${category.split("/").at(-1)}`);
    }
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each([
    ["an import cycle", "src/log/one.ts", "noImportCycles"],
    ["a default export", "src/log/default.ts", "noDefaultExport"],
    ["an explicit any", "src/log/any.ts", "noExplicitAny"],
    ["a promise nobody waits for", "src/log/floating.ts", "noFloatingPromises"],
    ["a promise taken for a condition", "src/log/misused.ts", "noMisusedPromises"],
    ["an unused import", "src/log/unused-import.ts", "noUnusedImports"],
    ["an unused variable", "src/log/unused-variable.ts", "noUnusedVariables"],
    ["an enum", "src/log/enum.ts", "noEnum"],
    ["a file name that is not kebab-case", "src/log/NotKebab.ts", "useFilenamingConvention"],
    ["console output outside the command line", "src/log/print.ts", "noConsole"],
    ["a package that is not a dependency", "src/log/stranger.ts", "noUndeclaredDependencies"],
    ["a development package in src", "src/log/tester.ts", "noUndeclaredDependencies"],
    ["an import without extension", "src/log/bare.ts", "useImportExtensions"],
    ["a Node module in a pure folder", "src/base/impure.ts", "noNodejsModules"],
    ["the process in a pure folder", "src/merkle/impure-process.ts", "noProcessGlobal"],
    ["a Buffer in a pure folder", "src/replay/impure-buffer.ts", "noRestrictedGlobals"],
    ["a focused test", "test/focused.test.ts", "noFocusedTests"],
    ["a skipped test", "test/skipped.test.ts", "noSkippedTests"],
  ])("%s", (_promise, file, rule) => {
    expect([...reported]).toContain(`${file} ${rule}`);
  });

  it.each([
    ["a config file export a default", "some.config.ts"],
    ["a program of the tests export a default", "test/fixtures/program.ts"],
    ["the command line print", "src/cli/print.ts"],
    ["a folder that is not pure import Node modules", "src/disk/files.ts"],
  ])("nothing when it lets %s", (_promise, file) => {
    expect([...reported].filter((entry) => entry.startsWith(`${file} `))).toEqual([]);
  });
});

describe("the layers", () => {
  const breaches = (file: string, code: string): string[] =>
    tidyFile(file, header + code).map((finding) => finding.rule);

  it.each([
    ["a higher folder", "src/base/x.ts", 'import { a } from "../event/index.ts";'],
    ["a folder of the same layer", "src/merkle/x.ts", 'import { a } from "../event/index.ts";'],
    ["past the index", "src/log/x.ts", 'import { a } from "../base/bytes.ts";'],
    ["past the index of a folder within", "src/log/y/x.ts", 'import "../../base/bytes.ts";'],
    ["for types alone", "src/base/x.ts", 'import type { A } from "../cli/index.ts";'],
    ["over several lines", "src/base/x.ts", 'import {\n  a,\n  b,\n} from "../log/index.ts";'],
    ["by exporting on", "src/base/x.ts", 'export * from "../event/index.ts";'],
    ["dynamically", "src/base/x.ts", 'const a = await import("../event/index.ts");'],
    ["from a folder without a layer", "src/novel/x.ts", "const a = 1;"],
    ["a folder without a layer", "src/cli/x.ts", 'import "../novel/index.ts";'],
    ["the public entry", "src/cli/x.ts", 'import { open } from "../index.ts";'],
    ["what lies outside src", "src/cli/x.ts", 'import { a } from "../../tools/demo.ts";'],
    ["past the index, from the public entry", "src/index.ts", 'export * from "./log/journal.ts";'],
  ])("forbid an import: %s", (_way, file, code) => {
    expect(breaches(file, code)).toContain("layers");
  });

  it.each([
    ["a lower folder's index", "src/log/x.ts", 'import { a } from "../base/index.ts";'],
    ["a sibling", "src/log/x.ts", 'import { a } from "./journal.ts";'],
    ["a sibling folder", "src/importers/codex/x.ts", 'import { a } from "../sniff.ts";'],
    ["a package", "src/base/x.ts", 'import { sha256 } from "@noble/hashes/sha2.js";'],
    ["every index, from the public entry", "src/index.ts", 'export * from "./cli/index.ts";'],
    ["what only a comment names", "src/base/x.ts", '// import "../cli/index.ts";'],
  ])("allow an import: %s", (_way, file, code) => {
    expect(breaches(file, code)).toEqual([]);
  });
});

describe("a file", () => {
  const rules = (file: string, text: string): string[] =>
    tidyFile(file, text).map((finding) => finding.rule);

  it("says what it is for in its first lines", () => {
    expect(rules("src/log/x.ts", "const a = 1;\n")).toContain("header");
    expect(rules("src/log/x.ts", "// Too short.\nconst a = 1;\n")).toContain("header");
    expect(rules("src/log/index.ts", "// The log.\n")).toEqual([]);
    expect(rules("src/cli/main.ts", `#!/usr/bin/env node\n${header}`)).toEqual([]);
    expect(rules("src/log/x.ts", "/**\n * One line,\n * and another.\n */\n")).toEqual([]);
  });

  it("documents what it exports, once for all overloads", () => {
    const bare = `${header}\nexport function a(): void;\n`;
    expect(rules("src/log/x.ts", bare)).toContain("docs");
    const line = "export function a(): void;\n";
    const overloads = `${header}\n/** Does. */\n${line}${line}`;
    expect(rules("src/log/x.ts", overloads)).toEqual([]);
  });

  it("makes nothing durable unless it belongs to src/disk", () => {
    for (const call of ["fs.fsyncSync(fd);", "fdatasync(fd, done);", "await file.datasync();"]) {
      expect(rules("src/log/x.ts", header + call)).toContain("durability");
      expect(rules("src/disk/x.ts", header + call)).toEqual([]);
    }
    expect(rules("src/log/x.ts", `${header}// One fsync acknowledges many.\n`)).toEqual([]);
  });

  it("has at most 500 lines, none longer than 100 characters", () => {
    expect(rules("tools/x.ts", "a();\n".repeat(500))).toEqual([]);
    expect(rules("tools/x.ts", "a();\n".repeat(501))).toEqual(["file-length"]);
    expect(rules("test/x.ts", `${"ä".repeat(100)}\n`)).toEqual([]);
    expect(rules("test/x.ts", `${"a".repeat(101)}\n`)).toEqual(["line-length"]);
  });

  it("has a name that says something", () => {
    expect(rules("tools/utils.ts", "a();\n")).toEqual(["names"]);
    expect(rules("test/helpers/x.ts", "a();\n")).toEqual(["names"]);
  });

  it("leaves nothing open", () => {
    expect(rules("tools/x.ts", `// ${["TO", "DO"].join("")}: the rest\n`)).toEqual(["left-open"]);
  });
});

describe("over a whole project", () => {
  it("finds what is wrong in src, test and tools, and leaves fixtures alone", () => {
    const folder = mkdtempSync(path.join(tmpdir(), "reach-tidy-"));
    const files = ["src/log/a.ts", "test/log/b.test.ts", "tools/c.mjs", "test/fixtures/d.ts"];
    try {
      for (const file of files) {
        mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
        writeFileSync(path.join(folder, file), `${header}// ${"a".repeat(100)}\n`);
      }
      const found = tidyProject(folder).map(({ file, line, rule }) => `${file}:${line} ${rule}`);
      expect(found).toEqual([
        "src/log/a.ts:3 line-length",
        "test/log/b.test.ts:3 line-length",
        "tools/c.mjs:3 line-length",
      ]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
