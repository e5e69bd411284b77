import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { describe, expect, it } from "vitest";
import { mainFile, Workbench } from "./reach-command.ts";
import { ndjson } from "./transcripts.ts";

const escape = "\u001b[";

describe("colours", () => {
  it("are for terminals only, unless somebody forces or forbids them", async () => {
    const bench = new Workbench();
    await bench.import("a.jsonl", ndjson(1));
    const coloured = async (args: string[], env: Record<string, string>): Promise<boolean> => {
      return (await bench.run(["ls", ...args], { env })).stdout.includes(escape);
    };
    expect(await coloured([], {})).toBe(false);
    expect(await coloured([], { FORCE_COLOR: "1" })).toBe(true);
    expect(await coloured([], { FORCE_COLOR: "1", NO_COLOR: "1" })).toBe(false);
    expect(await coloured([], { FORCE_COLOR: "1", NO_COLOR: "" })).toBe(true);
    expect(await coloured(["--no-color"], { FORCE_COLOR: "1" })).toBe(false);
    const help = await bench.run(["ls", "--help"], { env: { FORCE_COLOR: "1" } });
    expect(help.stdout).toContain(`${escape}1mUsage:`);
    expect((await bench.run(["ls", "--help"])).stdout).not.toContain(escape);
  });
});

/** Runs a command line in a pseudo-terminal (util-linux `script`); what it drew. */
function onTerminal(bench: Workbench, command: string): { code: number | null; drawn: string } {
  const { status, stdout } = spawnSync("script", ["-qec", command, "/dev/null"], {
    cwd: bench.folder,
    env: { PATH: process.env["PATH"] ?? "", TERM: "xterm", SHELL: "/bin/sh" },
    encoding: "utf8",
    input: "",
  });
  return { code: status, drawn: stdout };
}

const hasTerminal = spawnSync("script", ["-qec", "true", "/dev/null"], { input: "" }).status === 0;

describe("on a terminal", () => {
  it("long work shows how far it is, on one line that goes away", async (context) => {
    if (!hasTerminal) context.skip("there is no `script` command to make a terminal with");
    const bench = new Workbench();
    bench.write("first.jsonl", ndjson(5000));
    bench.write("second.jsonl", ndjson(5000, 5000));
    const slow = "(cat first.jsonl; sleep 0.8; cat second.jsonl)";
    const reach = `"${process.execPath}" "${mainFile}"`;
    const { code, drawn } = onTerminal(bench, `${slow} | ${reach} import -`);
    expect(code).toBe(0);
    const shown = drawn.split("\r\u001b[2K");
    expect(shown.length).toBeGreaterThan(2);
    expect(shown[1]).toMatch(
      /^importing standard input {2}[\d,]+ events {3}\S+ kB {3}\S+ [kM]B\/s$/,
    );
    expect(shown.at(-1)).toMatch(/^imported 10,000 events/);
    const quiet = onTerminal(bench, `${slow} | ${reach} import - --quiet`);
    expect(quiet.drawn).toMatch(/^[0-9a-f-]{36}\r\n$/);
  });

  it("is not sent what would garble it", async (context) => {
    if (!hasTerminal) context.skip("there is no `script` command to make a terminal with");
    const bench = new Workbench();
    const id = await bench.import("a.jsonl", ndjson(1));
    const { code, drawn } = onTerminal(
      bench,
      `"${process.execPath}" "${mainFile}" export ${id} --format bundle`,
    );
    expect(code).toBe(2);
    expect(drawn).toContain("would garble the terminal");
    expect(fs.existsSync(bench.path("-"))).toBe(false);
  });
});
