import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { describe, expect, it } from "vitest";
import { ended, mainFile, Workbench } from "./reach-command.ts";
import { ndjson } from "./transcripts.ts";

describe("a reader that closes the pipe", () => {
  it("ends the output quietly and with 0", async () => {
    const bench = new Workbench();
    const id = await bench.import("long.jsonl", ndjson(20_000));
    const child = bench.start(["events", id, "--ndjson"]);
    const end = ended(child);
    child.stdout?.once("data", () => child.stdout?.destroy());
    expect(await end).toMatchObject({ code: 0, signal: null, stderr: "" });
  });

  it("is noticed before all events are read", async () => {
    const bench = new Workbench();
    const id = await bench.import("long.jsonl", ndjson(20_000));
    const script = 'set -o pipefail; "$0" "$1" events "$2" --data "$3" | head -n 2';
    const args = ["-c", script, process.execPath, mainFile, id, bench.path(".reach")];
    const { status, stdout, stderr } = spawnSync("bash", args, { encoding: "utf8" });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout.split("\n")).toHaveLength(3);
  });

  it("does not stop an import, whose result nobody hears", async () => {
    const bench = new Workbench();
    bench.write("a.jsonl", ndjson(2));
    bench.write("b.jsonl", ndjson(2, 10));
    const child = bench.start(["import", "a.jsonl", "b.jsonl"]);
    child.stdout?.destroy();
    expect((await ended(child)).code).toBe(0);
    expect((await bench.json<{ total: number }>(["ls"])).total).toBe(2);
  });
});

describe("a disk that is full behind a redirection", () => {
  it.skipIf(!fs.existsSync("/dev/full"))("does not pass for success", async () => {
    const bench = new Workbench();
    const id = await bench.import("a.jsonl", ndjson(100));
    const full = fs.openSync("/dev/full", "w");
    try {
      const child = bench.start(["events", id], { stdio: ["ignore", full, "pipe"] });
      const { code, stderr } = await ended(child);
      expect(code).toBe(7);
      expect(stderr).toContain("reach: no room for the output");
    } finally {
      fs.closeSync(full);
    }
  });
});
