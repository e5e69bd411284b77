// `reach bench`: every row is there and plausible, and nothing stays behind, also when interrupted.

import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { ended, Workbench } from "./reach-command.ts";

const names = [
  ...["sync", "append", "append-batches", "append-sessions", "import", "replay-first", "replay"],
  ...["verify", "state", "export"],
];

describe("reach bench", () => {
  it("measures on the disk of the data, and leaves nothing there", async () => {
    const bench = new Workbench();
    const data = path.join(bench.folder, "not", "made", "yet");
    const { code, stdout } = await bench.run([
      "bench",
      "--events",
      "1000",
      "--json",
      "--data",
      data,
    ]);
    expect(code).toBe(0);
    const { folder, rows } = JSON.parse(stdout);
    expect(folder).toBe(fs.realpathSync(bench.folder));
    expect(rows.map(({ name }: { name: string }) => name)).toEqual(names);
    for (const { count, seconds, p50Ms, p95Ms } of rows) {
      expect(count).toBeGreaterThan(0);
      expect(seconds).toBeGreaterThan(0);
      if (p50Ms !== null) expect(p95Ms).toBeGreaterThanOrEqual(p50Ms);
    }
    expect(fs.readdirSync(bench.folder)).toEqual([]);
  });

  it("says it as a table, one line a row", async () => {
    const bench = new Workbench();
    const { stdout, stderr } = await bench.run(["bench", "--events", "200"]);
    expect(stderr).toBe("");
    expect(stdout).toMatch(/cores?, Node v\d+\.\d+\.\d+, in /);
    expect(stdout.trimEnd().split("\n")).toHaveLength(3 + names.length);
    expect(stdout).toMatch(/^durable append, each event waited for +500 events .* ms$/m);
  });

  it("says where it can make nothing", async () => {
    const bench = new Workbench();
    bench.write("file", "no folder");
    const { code, stderr } = await bench.run([
      "bench",
      "--json",
      "--data",
      bench.path("file/data"),
    ]);
    expect(code).not.toBe(0);
    expect(JSON.parse(stderr).error).toMatchObject({ code: "IO_FAILED" });
    expect(stderr).not.toContain("XXXXXX");
  });

  it("leaves nothing behind when it is interrupted", async () => {
    const bench = new Workbench();
    const child = bench.start(["bench", "--events", "50000", "--debug"]);
    const end = ended(child);
    await expect.poll(() => fs.readdirSync(bench.folder)).toHaveLength(1);
    child.kill("SIGINT");
    expect((await end).code).toBe(130);
    expect(fs.readdirSync(bench.folder)).toEqual([]);
  });
});
