import * as fs from "node:fs";
import { describe, expect, it } from "vitest";
import { Workbench } from "./reach-command.ts";
import { ndjson } from "./transcripts.ts";

describe("the help", () => {
  it("is shown by `help` and `--help`, and as a mistake for no command at all", async () => {
    const bench = new Workbench();
    const [flag, word, none] = await Promise.all([
      bench.run(["--help"]),
      bench.run(["help"]),
      bench.run([]),
    ]);
    expect(flag).toMatchObject({ code: 0, stderr: "" });
    expect(flag.stdout).toContain("Exit codes: 0 ok, 1 failed, 2 usage, 3 diverged");
    expect(word.stdout).toBe(flag.stdout);
    expect(none).toMatchObject({ code: 2, stdout: "" });
    expect(none.stderr).toContain("Usage: reach");
  });

  it("names the version", async () => {
    const bench = new Workbench();
    const [version, among] = await Promise.all([
      bench.run(["--version"]),
      bench.run(["--no-color", "--version"]),
    ]);
    expect(version).toMatchObject({ code: 0, stderr: "" });
    expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(among.stdout).toBe(version.stdout);
  });
});

describe("a Node that is too old", () => {
  it.each([
    ["18.20.8", 1],
    ["20.19.0", 1],
    ["20.20.0", 0],
    ["24.0.0", 0],
  ])("is named before anything else: %s", async (node, code) => {
    const bench = new Workbench();
    const versions = `Object.defineProperty(process, "versions", { value: { node: "${node}" } })`;
    const ended = await bench.run(["--help"], {
      env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(versions)}` },
    });
    expect(ended.code).toBe(code);
    const { engines } = JSON.parse(fs.readFileSync("package.json", "utf8"));
    const least = engines.node.replace(">=", "");
    const message = `reach: this is Node ${node}\n  Reach needs Node ${least} or newer\n`;
    expect(ended.stderr).toBe(code === 0 ? "" : message);
  });
});

describe("a mistake on the command line", () => {
  const token = ["token", "create", "--name", "a", "--scope", "admin"];
  const mistakes: [string, string[], string][] = [
    ["a mistyped command", ["improt", "x"], "did you mean import?"],
    ["a mistyped option", ["import", "x", "--jsno"], "did you mean --json?"],
    ["a mistyped word of a command", ["blob", "gte", "x"], "did you mean get?"],
    ["a missing argument", ["show"], "`reach show --help` shows how"],
    ["an argument too many", ["show", "a", "b"], "`reach show --help` shows how"],
    ["a number that is none", ["events", "a", "--from", "ten"], "whole number"],
    ["a missing option of a word", ["token", "create"], "`reach token create --help` shows how"],
    ["a workspace that no server has", [...token, "--workspace", ".."], "letters, digits"],
    ["a hidden one", [...token, "--workspace", ".a"], "letters, digits"],
    ["a name for what has one", ["run", "--resume", "a", "--name", "b"], "when it is begun"],
    ["a configuration that is a folder", ["ls", "--config", "."], "is a folder"],
    ["a number of less than zero", ["ls", "--limit=-1"], "1 or more"],
    ["a number of zero", ["replay", "a", "--workers", "0"], "1 or more"],
    ["a choice that is none", ["events", "a", "--kind", "cal"], "Allowed choices are"],
    ["an empty data directory", ["ls", "--data", ""], "--data names no folder"],
    ["an output without a name", ["export", "a", "-o", ""], "the name of a file"],
    ["the same of a payload", ["blob", "get", "a", "-o", ""], "the name of a file"],
    ["a folder for a program", ["run", "."], "name a .ts or .js file"],
    ["events that end before they begin", ["events", "a", "--from=10", "--to=5"], "--to is the"],
    ["the same of an export", ["export", "a", "--from=10", "--to=5"], "--to is the event to"],
    ["the same of a server", ["replay", "a", "--from=10", "--to=5", "--url=http://x"], "--to is"],
  ];
  it.each(mistakes)("%s ends with 2 and says what to do", async (_, args, hint) => {
    const bench = new Workbench();
    const { code, stdout, stderr } = await bench.run(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^reach: /);
    expect(stderr).toContain(hint);
    expect(stderr.trimEnd().split("\n").length).toBeLessThanOrEqual(3);
  });

  it("is one object on stderr with --json, and has a stack with --debug", async () => {
    const bench = new Workbench();
    await bench.import("a.jsonl", ndjson(1));
    const json = await bench.run(["show", "ffff", "--json"]);
    expect(json).toMatchObject({ code: 5, stdout: "" });
    expect(JSON.parse(json.stderr)).toEqual({
      error: {
        code: "NOT_FOUND",
        message: "there is no session ffff",
        where: null,
        hint: "`reach ls` shows the sessions of this data directory",
      },
    });
    const plain = await bench.run(["show", "ffff"]);
    expect(plain.stderr).not.toContain("    at ");
    const debug = await bench.run(["show", "ffff", "--debug"]);
    expect(debug.stderr).toMatch(/\n {4}at .*src\/cli\/sessions\.ts:\d+/);
  });
});
