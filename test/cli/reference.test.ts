import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { catalogue } from "../../src/cli/catalogue.ts";
import { exitCodes } from "../../src/cli/exit-codes.ts";
import { Workbench } from "./reach-command.ts";

const file = path.resolve(import.meta.dirname, "../../docs/CLI.md");

/** The help of a command without the options that all of them share. */
async function helpOf(bench: Workbench, args: readonly string[]): Promise<string> {
  const { stdout } = await bench.run([...args, "--help"]);
  return stdout.replace(/\nGlobal Options:\n(?: .*\n)+/, "").trimEnd();
}

describe("docs/CLI.md", () => {
  // Brought up to date by `npx vitest run test/cli/reference.test.ts --update`.
  it("shows the help of every command as it is, examples first", async () => {
    const bench = new Workbench();
    const names = catalogue.map(({ name }) => name);
    const helps = new Map([["reach", await helpOf(bench, [])]]);
    for (const name of names) {
      const help = await helpOf(bench, [name]);
      expect(help).toMatch(new RegExp(`^  \\$ [^\\n]*reach ${name}`));
      helps.set(`reach ${name}`, help);
    }
    for (const words of [
      ["blob", "get"],
      ["token", "create"],
    ]) {
      helps.set(`reach ${words.join(" ")}`, await helpOf(bench, words));
    }
    const text = fs.readFileSync(file, "utf8");
    const shown = new Set<string>();
    const updated = text.replace(
      /^(#{2,3} (reach.*)\n[^#]*?```text\n)[\s\S]*?\n```$/gm,
      (_, head, name) => {
        shown.add(name as string);
        return `${head}${helps.get(name as string)}\n\`\`\``;
      },
    );
    expect([...shown].sort()).toEqual([...helps.keys()].sort());
    await expect(updated).toMatchFileSnapshot(file);
  });

  it("explains every exit code", () => {
    const text = fs.readFileSync(file, "utf8");
    for (const code of Object.values(exitCodes))
      expect(text).toMatch(new RegExp(`^\\| ${code} \\|`, "m"));
  });
});
