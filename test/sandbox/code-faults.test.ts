// What the code of a program must not contain is refused while it is bundled, with the place in the
// author's file; everything that only looks alike is left alone.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { bundleProgram } from "../../src/runtime/bundle.ts";
import { compileProgram, ProgramContext, stackPlace } from "../../src/sandbox/index.ts";
import { compiled } from "./play.ts";

const folder = mkdtempSync(path.join(tmpdir(), "reach-faults-"));
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  return file;
}

const members = 'name: "p", version: "1", init: () => 0, reduce: (s: any) => s';
const rest = `\nexport default { ${members}, use: () => change };`;

describe("an assignment to a variable outside of functions", () => {
  test.each([
    ["=", "let n = 0;\nfunction change() {\n  n = 1;\n}", "3:3", "n"],
    ["+=", "let n = 0;\nconst change = () => {\n  return (n += 1);\n};", "3:11", "n"],
    ["++", "let n = 0;\nfunction change() {\n  n++;\n}", "3:3", "n"],
    ["prefix --", "var n = 0;\nfunction change() {\n  return --n;\n}", "3:12", "n"],
    ["??=", "let n: any;\nfunction change() {\n  return (n ??= {});\n}", "3:11", "n"],
    ["array destructuring", "let a = 0;\nfunction change() {\n  [a] = [1];\n}", "3:4", "a"],
    [
      "object destructuring",
      "let a = 0;\nfunction change() {\n  ({ a } = { a: 1 });\n}",
      "3:6",
      "a",
    ],
    [
      "nested, with default",
      "let a = 0;\nfunction change() {\n  ({ x: [a = 2] } = { x: [] });\n}",
      "3:10",
      "a",
    ],
    ["a rest", "let a: any;\nfunction change() {\n  [, ...a] = [1];\n}", "3:9", "a"],
    ["for-of", "let a = 0;\nfunction change() {\n  for (a of [1]) {}\n}", "3:8", "a"],
    ["for-in", "let a = '';\nfunction change() {\n  for (a in { x: 1 }) {}\n}", "3:8", "a"],
    ["a method", "let n = 0;\nclass C {\n  m() { n = 1; }\n}\nconst change = new C();", "3:9", "n"],
    ["a field", "let n = 0;\nclass C {\n  f = n++;\n}\nconst change = new C();", "3:7", "n"],
    ["a getter", "let n = 0;\nconst change = {\n  get next() { return ++n; },\n};", "3:25", "n"],
    [
      "a closure made while loading",
      "const change = (() => {\n  let n = 0;\n  return () => ++n;\n})();",
      "3:18",
      "n",
    ],
    [
      "a block",
      "let change: any;\n{\n  let n = 0;\n  change = () => {\n    n = 1;\n  };\n}",
      "5:5",
      "n",
    ],
    [
      "a class of its own",
      "let C = class {};\nfunction change() {\n  C = class {};\n}",
      "3:3",
      "C",
    ],
  ])("by %s is refused with its place", async (_, text, place, name) => {
    const file = write("faulty.ts", `${text}${rest}`);
    await expect(bundleProgram(file)).rejects.toMatchObject({
      code: "PROGRAM_INVALID",
      where: `faulty.ts:${place}`,
      message:
        `${file} is no program: faulty.ts:${place}: ` +
        `an assignment to \`${name}\`, a variable outside of functions`,
      hint: expect.stringContaining("keep it in the state"),
    });
  });

  test("is found in the module it stands in, by the name it has there", async () => {
    write(
      "counter.ts",
      "let count = 0;\nexport const next = () => {\n  count += 1;\n  return count;\n};",
    );
    const file = write(
      "main.ts",
      `import { next } from "./counter.ts";
      const count = 5;
      const change = [next, count];${rest}`,
    );
    await expect(bundleProgram(file)).rejects.toMatchObject({
      where: "counter.ts:3:3",
      message: expect.stringContaining("`count`"),
    });
  });

  test("is found in a CommonJS package as well", async () => {
    write(
      "old.cjs",
      "var cache;\nexports.get = function () {\n  cache = cache || {};\n  return cache;\n};",
    );
    const file = write("uses-old.ts", `import old from "./old.cjs";\nconst change = old;${rest}`);
    await expect(bundleProgram(file)).rejects.toMatchObject({ where: "old.cjs:3:3" });
  });
});

describe("what only looks like it", () => {
  test.each([
    [
      "variables of a function",
      "function change() { let n = 0; n = 1; for (let i = 0; i < 2; i++) n += i; return n; }",
    ],
    ["a parameter", "function change(n: number, { a = 1 } = {}) { n = 1; a = 2; return n + a; }"],
    [
      "the same name further in",
      "let n = 0;\nfunction change() { let n = 1; n = 2; return n; }\nn;",
    ],
    [
      "a caught error",
      "function change() { try { n(); } catch (n: any) { n = 1; return n; } }\nfunction n() {}",
    ],
    [
      "a var hoisted in a function",
      "function change() { if (change) { var n = 1; } n = 2; return n; }",
    ],
    [
      "an own name of a function",
      "const change = function change() { let other; other = 1; return other; };",
    ],
    [
      "loading itself",
      "let n = 0;\nn = 1;\nfor (let i = 0; i < 3; i++) n += i;\nconst change = n;",
    ],
    ["an enum", "enum Color { Red, Green }\nconst change = Color.Red;"],
    ["a namespace", "namespace Names { export const a = 1; }\nconst change = Names.a;"],
    ["a static block", "class C { static n = 0; static { C.n = 1; } }\nconst change = C;"],
    ["members of an object", "const box = { n: 0 };\nfunction change() { box.n += 1; }"],
    ["a text", "const change = 'let n = 0; function f() { n = 1 } import(x)'; // n = 1 import(x)"],
    [
      "a closure of a call",
      "const counter = () => { let n = 0; return () => ++n; };\nconst change = counter;",
    ],
    ["a generator", "function* change() { let n = 0; while (n < 3) n = (yield n) ?? n + 1; }"],
  ])("passes: %s", async (_, text) => {
    await expect(bundleProgram(write("fine.ts", `${text}${rest}`))).resolves.toMatchObject({
      where: expect.stringContaining("fine.ts"),
    });
  });

  test("passes: a CommonJS package that is only set up while it is loaded", async () => {
    write("plain.cjs", "var x;\nx = 1;\n(function () { x = 2; })();\nmodule.exports = { x };");
    const file = write(
      "uses-plain.ts",
      `import old from "./plain.cjs";\nconst change = old;${rest}`,
    );
    const { code, hash, map, where } = await bundleProgram(file);
    expect(compileProgram({ code: code as string, hash, map, where }).name).toBe("p");
  });
});

describe("import(…)", () => {
  test.each([
    ["of a name", 'const change = () => import("node:fs");', "1:29"],
    ["of a file that is there", 'const change = () => import("./fine.ts");', "1:29"],
    [
      "of what is only known later",
      "const name = 'x';\nconst change = () => import(name);",
      "2:22",
    ],
  ])("%s is refused with its place", async (_, text, place) => {
    write("fine.ts", `const change = 1;${rest}`);
    const file = write("imports.ts", `${text}${rest}`);
    await expect(bundleProgram(file)).rejects.toMatchObject({
      code: "PROGRAM_INVALID",
      where: `imports.ts:${place}`,
      message: expect.stringContaining("`import(…)` cannot be used in a program"),
      hint: expect.stringContaining("at the top of the file"),
    });
  });

  test("is refused where a bundle from elsewhere is compiled, too", () => {
    const code = `var program={default:{name:"",version:"",reduce:(s)=>s,init:()=>import("os")}};`;
    expect(() => compiled(code)).toThrow(
      expect.objectContaining({ code: "PROGRAM_INVALID", where: "test.js:1:65" }),
    );
  });
});

describe("a program that is none", () => {
  test.each([
    ["a text that is no code", "var program = {;", /test\.js is no program: Unexpected token/],
    ["no exports", "var program = {};", /no program in test\.js: it has no default export/],
    [
      "missing members",
      'var program = { default: { name: "", init() {} } };',
      /`name` is no text; `version` is missing; `reduce` is missing/,
    ],
    [
      "an async reducer",
      "var program = { default: { name: 'a', version: '1', init() {}, async reduce() {} } };",
      /`reduce` is an AsyncFunction/,
    ],
    [
      "a step that is no function",
      "var program = { default: { name: 'a', version: '1', init() {}, reduce() {}, step: 1 } };",
      /`step` is no function/,
    ],
    [
      "a throw while loading",
      "var program = {}; throw new Error('boom');",
      /failed while it was loaded: Error: boom/,
    ],
    [
      "the time while loading",
      "var program = { at: Date.now() };",
      /the time is asked for while the program is loaded/,
    ],
    [
      "randomness while loading",
      "var program = { at: Math.random() };",
      /randomness is asked for while/,
    ],
  ])("%s is refused", (_, code, message) => {
    expect(() => compiled(code)).toThrow(
      expect.objectContaining({ code: "PROGRAM_INVALID", message: expect.stringMatching(message) }),
    );
  });
});

describe("stacks", () => {
  test("lead to the line in the source of each operation, and of a failure", async () => {
    const file = write(
      "places.ts",
      `export default {
        name: "p", version: "1", init: () => 0, reduce: (s: number) => s,
        async step(ctx: any) {
          ctx.emit("one");
          const helper = () => ctx.call("two");
          await helper();
          (null as any).member;
        },
      };`,
    );
    const text = await bundleProgram(file);
    const program = compileProgram({ ...text, code: text.code as string });
    const context = ProgramContext.create(program, { stacks: true });
    const payload = new Uint8Array([0xf6]);
    const event = { time: 1, type: "x", form: "cbor", payload } as const;
    context.init({ ...event, seq: 0, kind: "trigger", ref: null });
    context.setInbox([], 1);
    const { stacks } = context.beginStep(1, new Uint8Array(32));
    expect(stacks?.map((stack) => stackPlace(program, stack))).toEqual([
      "places.ts:4:15",
      "places.ts:5:36",
    ]);
    const { failed } = context.deliver({ ...event, seq: 3, kind: "result", ref: 2 });
    expect(stackPlace(program, failed?.stack ?? "")).toBe("places.ts:7:25");
    expect(failed?.stack).not.toContain("reach:");
  });
});
