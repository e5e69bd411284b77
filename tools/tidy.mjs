#!/usr/bin/env node
// The house rules that the linter cannot express: imports point down the layers, only `src/disk`
// makes bytes durable, every source file says what it is for, and files and lines stay short.
// `npm run lint` runs it over the project; `test/tidy.test.ts` shows that each rule bites.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

/**
 * The number of each folder of `src`. A folder imports only folders with a lower number, and only
 * their `index.ts`; the files directly in `src` are the public entries and may import every folder.
 * @type {Readonly<Record<string, number>>}
 */
const layers = {
  base: 0,
  event: 1,
  merkle: 1,
  disk: 1,
  blobs: 2,
  threads: 2,
  replay: 2,
  programs: 2,
  recording: 2,
  client: 3,
  log: 3,
  snapshots: 3,
  sandbox: 3,
  driver: 4,
  effects: 4,
  session: 4,
  runtime: 5,
  importers: 5,
  config: 6,
  recorder: 5,
  web: 5,
  engine: 6,
  server: 7,
  cli: 8,
};

const fileLinesMax = 500;
const lineCharsMax = 100;
const headerLinesMin = 2;
const vagueName = /^(?:utils?|helpers?|commons?|managers?|misc|types)(?:\.ts)?$/;
const leftOpen = /\b(?:T[O]DO|FIX[M]E|X{3}|HA[C]K)\b/;
const durability = /\b(?:fsync|fdatasync|datasync)(?:Sync)?\b/;
const staticImport = /(?:^|[\s;}])(?:import|export)\s(?:[^"'`;]*?\sfrom\s*)?["']([^"']+)["']/g;
const dynamicImport = /\bimport\(\s*["']([^"']+)["']/g;
const exportedName =
  /^export (?:abstract )?(?:async )?(?:function\*?|const|let|class|interface|type) ([\w$]+)/;

/** @typedef {{ file: string, line: number, rule: string, message: string }} Finding */
/** @typedef {{ rule: string, line: number, message: string }} Complaint */

/**
 * The text with comments blanked out, line for line, so that prose is not taken for code.
 * Strings are kept, since import specifiers are strings.
 * @param {string} text
 */
function withoutComments(text) {
  const pattern = /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g;
  return text.replace(pattern, (found) =>
    found.startsWith("/") ? found.replace(/[^\n]/g, " ") : found,
  );
}

/**
 * @param {string} text
 * @param {number} offset
 */
function lineAt(text, offset) {
  return text.slice(0, offset).split("\n").length;
}

/**
 * Why a file of `src` must not import another one; nothing when it may.
 * @param {string} file path below `src`, with slashes
 * @param {string} target the same of what it imports
 * @returns {string | undefined}
 */
function importFault(file, target) {
  const from = file.includes("/") ? file.slice(0, file.indexOf("/")) : undefined;
  const to = target.includes("/") ? target.slice(0, target.indexOf("/")) : undefined;
  if (to === undefined) {
    return from === undefined ? undefined : `the public entry ${target} is not for use inside src`;
  }
  if (from === to) return undefined;
  const toLayer = layers[to];
  if (toLayer === undefined) return `the folder ${to} has no layer: give it one in tools/tidy.mjs`;
  if (target !== `${to}/index.ts`) return `import ${to}/index.ts instead of ${target}`;
  const fromLayer = from === undefined ? Number.POSITIVE_INFINITY : layers[from];
  if (fromLayer === undefined || fromLayer > toLayer) return undefined;
  return `${from} (layer ${fromLayer}) must not import ${to} (layer ${toLayer})`;
}

/**
 * @param {string} file path below `src`
 * @param {string} code without comments
 * @returns {Complaint[]}
 */
function checkImports(file, code) {
  /** @type {Complaint[]} */
  const found = [];
  const folder = file.includes("/") ? file.slice(0, file.indexOf("/")) : undefined;
  if (folder !== undefined && layers[folder] === undefined) {
    found.push({ rule: "layers", line: 1, message: `the folder ${folder} has no layer` });
  }
  for (const match of [...code.matchAll(staticImport), ...code.matchAll(dynamicImport)]) {
    const specifier = match[1] ?? "";
    if (!specifier.startsWith(".")) continue;
    const target = path.posix.normalize(path.posix.join(path.posix.dirname(file), specifier));
    const leaves = target.startsWith("../");
    const message = leaves ? `${specifier} lies outside src` : importFault(file, target);
    const line = lineAt(code, match.index + match[0].length - 1);
    if (message !== undefined) found.push({ rule: "layers", line, message });
  }
  return found;
}

/**
 * The number of lines of prose in the comment that a file begins with.
 * @param {string} text
 */
function headerLines(text) {
  const body = text.replace(/^#![^\n]*\n/, "").trimStart();
  const block = /^\/\*[\s\S]*?\*\//.exec(body)?.[0] ?? /^(?:\/\/[^\n]*(?:\n|$))+/.exec(body)?.[0];
  if (block === undefined) return 0;
  return block.split("\n").filter((line) => /[\p{L}\p{N}]/u.test(line)).length;
}

/**
 * Exports without a doc comment. Later overloads of a function share the doc of the first.
 * @param {string[]} lines
 * @returns {Complaint[]}
 */
function checkDocs(lines) {
  /** @type {Complaint[]} */
  const found = [];
  /** @type {string | undefined} */
  let documented;
  for (const [index, line] of lines.entries()) {
    const name = exportedName.exec(line)?.[1];
    if (name === undefined) continue;
    const before = lines[index - 1]?.trim() ?? "";
    if (before.endsWith("*/")) documented = name;
    else if (name !== documented) {
      found.push({ rule: "docs", line: index + 1, message: `the export ${name} has no doc` });
    }
  }
  return found;
}

/**
 * @param {string[]} lines
 * @returns {Complaint[]}
 */
function checkLines(lines) {
  /** @type {Complaint[]} */
  const found = [];
  if (lines.length > fileLinesMax) {
    const message = `${lines.length} lines, at most ${fileLinesMax}: split it by what it holds`;
    found.push({ rule: "file-length", line: fileLinesMax + 1, message });
  }
  for (const [index, line] of lines.entries()) {
    const chars = [...line].length;
    if (chars > lineCharsMax && !/https?:\/\/\S{60,}/.test(line)) {
      const message = `${chars} characters, at most ${lineCharsMax}`;
      found.push({ rule: "line-length", line: index + 1, message });
    }
    if (leftOpen.test(line)) {
      found.push({ rule: "left-open", line: index + 1, message: "finish it, or open an issue" });
    }
  }
  return found;
}

/**
 * @param {string} file path below `src`
 * @param {string} text
 * @param {string[]} lines
 * @returns {Complaint[]}
 */
function checkSource(file, text, lines) {
  const code = withoutComments(text);
  const found = checkImports(file, code);
  const fsync = file.startsWith("disk/") ? null : durability.exec(code);
  if (fsync !== null) {
    const message = `${fsync[0]}: only src/disk makes bytes durable, go through its index.ts`;
    found.push({ rule: "durability", line: lineAt(code, fsync.index), message });
  }
  const header = path.posix.basename(file) === "index.ts" ? 1 : headerLinesMin;
  if (headerLines(text) < header) {
    const message = "begin with a comment of two to five lines: what is this file for?";
    found.push({ rule: "header", line: 1, message });
  }
  return [...found, ...checkDocs(lines)];
}

/**
 * Every breach of the rules in one file.
 * @param {string} file path from the root of the project, with slashes
 * @param {string} text its content
 * @returns {Finding[]}
 */
export function tidyFile(file, text) {
  const lines = text.replace(/\n$/, "").split("\n");
  const found = checkLines(lines);
  const vague = file.split("/").find((part) => vagueName.test(part));
  if (vague !== undefined) {
    const message = `${vague} says nothing: name it by the noun it holds`;
    found.push({ rule: "names", line: 1, message });
  }
  if (file.startsWith("src/")) found.push(...checkSource(file.slice("src/".length), text, lines));
  return found.map((complaint) => ({ file, ...complaint }));
}

/**
 * Every breach of the rules in `src`, `test` (fixtures aside), `tools` and the examples.
 * @param {string} root folder of the project
 * @returns {Finding[]}
 */
export function tidyProject(root) {
  const files = ["src", "test", "tools", "docs/examples"].flatMap((folder) => {
    const top = path.join(root, folder);
    if (!existsSync(top)) return [];
    return readdirSync(top, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.(?:tsx?|mjs)$/.test(entry.name))
      .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
      .map((file) => file.split(path.sep).join("/"))
      .filter((file) => !file.startsWith("test/fixtures/"))
      .sort();
  });
  return files.flatMap((file) => tidyFile(file, readFileSync(path.join(root, file), "utf8")));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const findings = tidyProject(process.cwd());
  for (const { file, line, rule, message } of findings) {
    console.error(`${file}:${line}: ${rule}: ${message}`);
  }
  process.exitCode = findings.length === 0 ? 0 : 1;
}
