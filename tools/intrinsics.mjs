#!/usr/bin/env node
// Prints src/sandbox/inside/permitted-intrinsics.ts: what a context of this Node has built in. Run
// it with the oldest Node that Reach supports; what newer ones have beyond it is removed from
// contexts, so that a program which looks whether something is there finds the same everywhere.

import { constants, createContext, Script } from "node:vm";

const walk = `(() => {
  const hidden = {
    "%ArrayIterator%": Object.getPrototypeOf([][Symbol.iterator]()),
    "%MapIterator%": Object.getPrototypeOf(new Map()[Symbol.iterator]()),
    "%SetIterator%": Object.getPrototypeOf(new Set()[Symbol.iterator]()),
    "%StringIterator%": Object.getPrototypeOf(""[Symbol.iterator]()),
    "%RegExpStringIterator%": Object.getPrototypeOf("".matchAll(/a/g)),
    "%Iterator%": Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]())),
    "%TypedArray%": Object.getPrototypeOf(Uint8Array),
    "%TypedArray%.prototype": Object.getPrototypeOf(Uint8Array.prototype),
    "%GeneratorFunction%": Object.getPrototypeOf(function* () {}),
    "%Generator%": Object.getPrototypeOf(function* () {}).prototype,
    "%AsyncFunction%": Object.getPrototypeOf(async function () {}),
    "%AsyncGeneratorFunction%": Object.getPrototypeOf(async function* () {}),
    "%AsyncGenerator%": Object.getPrototypeOf(async function* () {}).prototype,
    "%AsyncIterator%":
      Object.getPrototypeOf(Object.getPrototypeOf(async function* () {}).prototype),
  };
  const text = (key) => typeof key === "symbol" ? key.description.replace("Symbol.", "@@") : key;
  const rows = [];
  const mark = (holder, key) => ("get" in Object.getOwnPropertyDescriptor(holder, key) ? "^" : "");
  const members = (holder) => Reflect.ownKeys(holder).map((key) => mark(holder, key) + text(key));
  const row = (name, holder) => rows.push([name, members(holder).sort().join(" ")]);
  for (const name of Object.getOwnPropertyNames(globalThis)) {
    const value = globalThis[name];
    if (name === "globalThis" || value === null) continue;
    if (typeof value !== "object" && typeof value !== "function") continue;
    row(name, value);
    if (typeof value === "function" && value.prototype) row(name + ".prototype", value.prototype);
  }
  for (const [name, holder] of Object.entries(hidden)) row(name, holder);
  return JSON.stringify(rows);
})()`;

/** Not for programs: the reasons stand in docs/PROGRAMS.md. */
const removed = new Set(
  ["Intl", "WeakRef", "FinalizationRegistry", "SharedArrayBuffer", "Atomics", "WebAssembly"].concat(
    ["console", "escape", "unescape"],
  ),
);
const removedMembers = new Map([
  ["Error", new Set(["captureStackTrace"])],
  ["Date.prototype", new Set(["setYear"])],
]);

const context = createContext(constants.DONT_CONTEXTIFY);
/** @type {[string, string][]} */
const rows = JSON.parse(new Script(walk).runInContext(context));
const lines = rows
  .filter(([name]) => !removed.has(name.replace(".prototype", "")))
  .map(([name, keys]) => {
    const own = name === "Error" ? `${keys} prepareStackTrace` : keys;
    const kept = own.split(" ").filter((key) => {
      const legacy = name === "RegExp" && !/^(?:\^?@@species|length|name|prototype)$/.test(key);
      return !legacy && !removedMembers.get(name)?.has(key);
    });
    return `  [${JSON.stringify(name)}, ${JSON.stringify(kept.join(" "))}],`;
  });
/**
 * @param {string} line
 * @returns {string}
 */
function folded(line) {
  if (line.length <= 100) return line;
  const [, name, keys] = /^ {2}\[("[^"]*"), "(.*)"\],$/.exec(line) ?? [];
  const parts = [""];
  for (const key of (keys ?? "").split(" ")) {
    const last = parts[parts.length - 1] ?? "";
    if (last.length + key.length > 84) parts.push(`${key} `);
    else parts[parts.length - 1] = `${last}${key} `;
  }
  const texts = parts.map((part, i) => (i === parts.length - 1 ? part.trimEnd() : part));
  return `  [\n    ${name},\n${texts.map((t) => `    ${JSON.stringify(t)}`).join(" +\n")},\n  ],`;
}

console.log(`/**
 * What is built into a context and stays in it: holders and the names of their members, as Node
 * ${process.versions.node} has them. Made by tools/intrinsics.mjs. What a newer engine has beyond
 * it is removed,
 * so that a program which looks whether something is there finds the same everywhere.
 */

/** Holders with their members: "@@iterator" is a symbol, "^size" an accessor. */
export const permittedIntrinsics: readonly (readonly [holder: string, members: string])[] = [
${lines.map(folded).join("\n")}
];`);
