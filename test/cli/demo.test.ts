import * as fs from "node:fs";
import { describe, expect, it } from "vitest";
import { demoTranscript } from "../../src/cli/demo-transcript.ts";
import { ended, heard, Workbench } from "./reach-command.ts";

describe("reach demo", () => {
  it("shows all of it, catches a change of its log, and leaves nothing behind", async () => {
    const bench = new Workbench();
    const env = { TMPDIR: bench.folder };
    const { code, stdout, stderr } = await bench.run(["demo", "--events", "2500"], { env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/imported 2,500 events \(\S+ MB\) from claude-code/);
    expect(stdout).toMatch(/^computed .*\n/m);
    expect(stdout).toMatch(/^identical .*\n/m);
    expect(stdout).toMatch(/^intact .*\ncomplete /m);
    expect(stdout).toContain("the same as of session.jsonl");
    expect(stdout).toMatch(/^damaged .*\n/m);
    expect(fs.readdirSync(bench.folder)).toEqual([]);
  });

  it("leaves nothing behind when it is interrupted", async () => {
    const bench = new Workbench();
    const child = bench.start(["demo", "--events", "20000"], { env: { TMPDIR: bench.folder } });
    const end = ended(child);
    await heard(child.stdout, /imported 20,000 events/);
    expect(fs.readdirSync(bench.folder)).toHaveLength(1);
    child.kill("SIGTERM");
    expect(await end).toMatchObject({ code: 143, signal: null });
    expect(fs.readdirSync(bench.folder)).toEqual([]);
  });

  it("is made of the same bytes each time", () => {
    const one = [...demoTranscript(300, 7)].join("");
    expect([...demoTranscript(300, 7)].join("")).toBe(one);
    expect([...demoTranscript(300, 8)].join("")).not.toBe(one);
    expect(one.split("\n")).toHaveLength(301);
  });
});
