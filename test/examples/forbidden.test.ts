// The example of forbidden things: every program is run, and the table of the README holds what the
// engine says about it, word for word.

import * as fs from "node:fs";
import { describe, expect, it } from "vitest";
import { Workbench } from "../cli/reach-command.ts";
import { Example, exampleFolder } from "./example.ts";

const folder = exampleFolder("forbidden");
const programs = fs.readdirSync(folder).filter((name) => name.endsWith(".ts"));
const readme = fs.readFileSync(`${folder}/README.md`, "utf8");
/** Programs that are refused before they run: those of the first rows. */
const refusedCount = 4;
/** The rows of the table, in order. */
const rows = [...readme.matchAll(/^\| \[(\S+)\]\(\1\) \| (.*) \|$/gm)].map(
  ([, file = "", message = ""], i) => ({
    file,
    message: shown(message),
    refused: i < refusedCount,
  }),
);
/** A cell as it is read: without the marks of code that holds marks itself. */
function shown(cell: string): string {
  return cell.replace(/^`` (.*) ``$/, "$1").replace(/^`([^`]*)`$/, "$1");
}

interface Ending {
  readonly outcome?: string;
  readonly error: { readonly code?: string; readonly message: string };
}

async function endingOf(file: string): Promise<Ending> {
  const { code, stdout, stderr } = await new Workbench().run([
    "run",
    `${folder}/${file}`,
    "--json",
  ]);
  expect(code).toBe(1);
  return JSON.parse(stdout || stderr) as Ending;
}

describe("docs/examples/forbidden", () => {
  it("names every program once", () => {
    expect(rows.map(({ file }) => file).sort()).toEqual(programs.sort());
  });

  it.each(rows)("$file yields the message of the table", async ({ file, message, refused }) => {
    const { error, outcome } = await endingOf(file);
    expect(error.message.replace(/^\S* (?=is no program: |failed while)/, "")).toBe(message);
    if (refused) expect(error.code).toBe("PROGRAM_INVALID");
    else expect(outcome).toBe("failed");
  });

  it("has a command that shows one of them, in a README of less than 40 lines", async () => {
    const example = new Example("forbidden");
    const { code, stdout } = await example.shell(example.blocks[0] ?? "");
    expect(code).toBe(1);
    expect(stdout).toContain("setTimeout is not defined in a program");
    expect(example.readme.split("\n").length).toBeLessThanOrEqual(40);
  });
});
