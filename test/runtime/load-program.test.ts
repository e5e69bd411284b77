// Programs from files: what is wrong is said with its place, and the same program has the same hash
// wherever it lies and however it is spelled.

import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { sha256, toHex, utf8 } from "../../src/base/index.ts";
import { bundleProgram } from "../../src/runtime/bundle.ts";
import { loadProgram } from "../../src/runtime/index.ts";
import { freshPath } from "./made-session.ts";

function file(text: string, name = "program.ts"): string {
  const written = freshPath(name);
  writeFileSync(written, text);
  return written;
}

const good = `export default { name: "good", version: "2", init: () => 0, reduce: (s) => s };`;

describe("a program", () => {
  test("is `transcript` when nothing is said", async () => {
    const loaded = await loadProgram();
    expect(loaded).toMatchObject({ name: "transcript", code: null });
    expect(await loadProgram("transcript")).toEqual(loaded);
  });

  test("is loaded from TypeScript and JavaScript, with what it imports", async () => {
    const folder = freshPath("folder");
    mkdirSync(folder);
    writeFileSync(path.join(folder, "names.ts"), `export const name: string = "parts";`);
    const main = path.join(folder, "main.ts");
    writeFileSync(
      main,
      `import { defineProgram, type ReducerEvent } from "reach-replay/program";
      import { name } from "./names.ts";
      const reduce = (state: number, _event: ReducerEvent) => state + 1;
      export default defineProgram({ name, version: "1", init: () => 0, reduce });`,
    );
    expect(await loadProgram(main)).toMatchObject({ name: "parts", version: "1" });
    expect(await loadProgram(file(good, "plain.mjs"))).toMatchObject({ name: "good" });
    // The source map goes into bundles that travel: it does not say where Reach is installed.
    const { map } = await bundleProgram(main);
    const { sources } = JSON.parse(String(map)) as { sources: string[] };
    expect([...sources].sort()).toEqual(["names.ts", "program", "reach:reach-replay/program"]);
  });

  test("with steps is refused when it cannot be loaded where it will run", async () => {
    const asking = `const begun = Date.now();
      export default { name: "asking", version: "1", init: () => begun, reduce: (s) => s };`;
    await expect(loadProgram(file(asking))).resolves.toMatchObject({ hasStep: false });
    const stepping = asking.replace("init:", 'async step() { return "done"; }, init:');
    await expect(loadProgram(file(stepping))).rejects.toMatchObject({
      code: "PROGRAM_INVALID",
      message: expect.stringContaining("the time is asked for while the program is loaded"),
    });
  });

  test("with steps is evaluated in a context, where it reaches nothing of the host", async () => {
    const stepping = good.replace("init:", 'async step() { return "done"; }, init:');
    const name = "name: typeof process + typeof setTimeout + typeof fetch";
    const named = stepping.replace(/name: "[^"]*"/, name);
    const none = "undefinedundefinedundefined";
    expect(await loadProgram(file(named))).toMatchObject({ name: none, hasStep: true });
    await expect(loadProgram(file(`process.exit(7);\n${stepping}`))).rejects.toMatchObject({
      code: "PROGRAM_INVALID",
      message: expect.stringContaining("process is not defined in a program"),
    });
  });

  test("that only names steps is evaluated as those of recorded sessions are", async () => {
    const asking = `const begun = Date.now();
      export default { name: "asking", version: "1", init: () => begun, reduce(s, { kind }) {
        switch (kind) { case "step": return begun; default: return kind === "step" ? s : s; }
      } };`;
    await expect(loadProgram(file(asking))).resolves.toMatchObject({ hasStep: false });
  });

  test("is named by the hash of the very code that runs", async () => {
    const { code, hash } = await loadProgram(file(good));
    expect(toHex(hash)).toBe(toHex(sha256(utf8(code as string))));
  });

  test("keeps its hash when it is moved, renamed, commented or laid out anew", async () => {
    const spelled = `/* what it does */
      export default {
        name: "good", // its name
        version: "2",
        init: () => 0,
        reduce: (s: number) => s,
      };`;
    const { hash } = await loadProgram(file(good));
    expect((await loadProgram(file(spelled, "another-name.ts"))).hash).toEqual(hash);
    const changed = await loadProgram(file(good.replace("=> s ", "=> s + 1 ")));
    expect(changed.hash).not.toEqual(hash);
  });
});

describe("what is no program", () => {
  test("is told with the whole path of its file first, however it was named", async () => {
    for (const text of [
      "export default {,",
      "let n = 0; export default { name: 'x', version: '1', init: () => n++, reduce: (s) => s };",
      "export const a = 1;",
      "throw new Error('bang');",
      "throw new Error('bang'); export const step = () => {};",
    ]) {
      const where = file(text);
      const relative = path.relative(process.cwd(), where);
      await expect(loadProgram(relative)).rejects.toMatchObject({
        code: "PROGRAM_INVALID",
        message: expect.stringMatching(new RegExp(`^(?:no program in )?${where}[ :]`)),
      });
    }
  });

  test.each([
    ["a syntax error", "export default {\n  name: 'x',,\n};", /program\.ts:2:13: Expected/],
    ["a module of Node", 'import "node:fs";\nexport default {};', /:1:8: Could not resolve/],
    ["all of Reach", 'import { open } from "reach-replay";\nopen();', /:1:22: .*nothing else/],
    ["an await at the top", "await 1;", /:1:1: Top-level await/],
    ["no default export", "export const a = 1;", /it has no default export/],
    ["an empty file", "", /it has no default export/],
    ["missing members", "export default { name: 'x', init() {} };", /`version`.*`reduce` is miss/],
    ["an async reducer", good.replace("reduce: (s)", "reduce: async (s)"), /AsyncFunction/],
    [
      "a throw while loading",
      "\nthrow new Error('boom');",
      /program\.ts failed while it was loaded: \S*program\.ts:2:7: boom/,
    ],
  ])("%s is refused with its place", async (_, text, message) => {
    await expect(loadProgram(file(text))).rejects.toMatchObject({
      code: "PROGRAM_INVALID",
      message: expect.stringMatching(message),
    });
  });

  test("a file that is not there is not found, and the built-in ones are named", async () => {
    await expect(loadProgram("./no-such-file.ts")).rejects.toMatchObject({
      code: "NOT_FOUND",
      hint: expect.stringContaining("transcript"),
    });
  });

  test("a program that never finishes loading can be interrupted", async () => {
    const endless = loadProgram(file("for (;;);"), AbortSignal.timeout(200));
    await expect(endless).rejects.toMatchObject({ code: "INTERRUPTED" });
  });

  test("a program that ends its thread is an error, not a wait without end", async () => {
    const ending = loadProgram(file(`process.exit(7);\n${good}`));
    await expect(ending).rejects.toMatchObject({ code: "WORKER_FAILED" });
  });
});
