// The example on the page about programs is a program: it compiles, is bundled, and runs.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { bundleProgram } from "../../src/runtime/bundle.ts";
import { compileProgram } from "../../src/sandbox/index.ts";
import { Play } from "./play.ts";

test("the example of docs/PROGRAMS.md runs as the page says", async () => {
  const page = readFileSync(new URL("../../docs/PROGRAMS.md", import.meta.url), "utf8");
  const [, example = ""] = /```ts\n(.*?)```/s.exec(page) ?? [];
  const folder = mkdtempSync(path.join(tmpdir(), "reach-page-"));
  const file = path.join(folder, "support.ts");
  writeFileSync(file, example);
  const text = await bundleProgram(file);
  rmSync(folder, { recursive: true });
  const play = new Play(compileProgram({ ...text, code: text.code as string }), { prompt: "Hi" });
  play.begin();
  play.result(1, { text: "Hello!" });
  expect(play.state()).toEqual({
    messages: [
      { role: "user", text: "Hi" },
      { role: "assistant", text: "Hello!" },
    ],
  });
  expect(play.input("approval", { by: "Ada" }).ended?.next).toBe("done");
});
