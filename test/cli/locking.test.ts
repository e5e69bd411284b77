import * as fs from "node:fs";
import { describe, expect, it } from "vitest";
import { ended, Workbench } from "./reach-command.ts";
import { claudeSession, ndjson } from "./transcripts.ts";

/** An import that reads standard input, has begun to write, and waits for more. */
async function holdingWriter(bench: Workbench) {
  const child = bench.start(["import", "-", "--json"]);
  const end = ended(child);
  child.stdin?.on("error", () => {});
  // More than is looked at to tell the format: the session has been opened then.
  child.stdin?.write(ndjson(4000));
  const bulk = bench.path(".reach/default/bulk");
  const started = Date.now();
  while (!fs.existsSync(bulk) || fs.readdirSync(bulk).length === 0) {
    if (child.exitCode !== null) throw new Error(`the import has ended: ${(await end).stderr}`);
    if (Date.now() - started > 10_000) throw new Error("the import has not begun");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return { child, end };
}

describe("while another process writes", () => {
  it("a second import ends with 7 and names the holder", async () => {
    const bench = new Workbench();
    const { child, end } = await holdingWriter(bench);
    bench.write("second.jsonl", ndjson(3));
    const second = await bench.run(["import", "second.jsonl"]);
    expect(second.code).toBe(7);
    expect(second.stderr).toContain(`is being written by process ${child.pid} on `);
    expect(second.stderr).toContain("readers are always welcome");
    child.stdin?.end();
    expect((await end).code).toBe(0);
    expect((await bench.run(["import", "second.jsonl"])).code).toBe(0);
  });

  it("everything that reads works, and doctor says who writes", async () => {
    const bench = new Workbench();
    const id = await bench.import("first.jsonl", claudeSession(30));
    const { child, end } = await holdingWriter(bench);
    const calls = [["ls"], ["show", id], ["events", id], ["state", id], ["verify", id]];
    for (const args of calls) {
      const { code, stderr } = await bench.run(args);
      expect({ args, code, stderr: stderr.includes("reach:") }).toEqual({
        args,
        code: 0,
        stderr: false,
      });
    }
    const doctor = await bench.run(["doctor"]);
    expect(doctor.stdout).toMatch(new RegExp(`^writer +process ${child.pid} on `, "m"));
    expect(doctor.stdout).toMatch(/^journal +in use$/m);
    child.stdin?.end();
    expect((await end).code).toBe(0);
  });

  it("a replay reads only, says that nothing is kept, and gives its verdict", async () => {
    const bench = new Workbench();
    const id = await bench.import("first.jsonl", claudeSession(30));
    const { child, end } = await holdingWriter(bench);
    const replay = await bench.run(["replay", id]);
    expect(replay.code).toBe(0);
    expect(replay.stderr).toContain(`snapshots are not kept: `);
    expect(replay.stderr).toContain(`is being written by process ${child.pid}`);
    expect(replay.stdout).toMatch(/^computed /);
    child.stdin?.end();
    await end;
  });

  it("what writes is refused, and --take-over fences the writer off", async () => {
    const bench = new Workbench();
    const id = await bench.import("first.jsonl", ndjson(5));
    const { child, end } = await holdingWriter(bench);
    for (const args of [["rm", id, "--yes"], ["gc"], ["doctor", "--recover"]]) {
      expect((await bench.run(args)).code).toBe(7);
    }
    const taken = await bench.run(["doctor", "--recover", "--take-over"]);
    expect(taken.code).toBe(0);
    child.stdin?.end();
    const fenced = await end;
    expect(fenced.code).toBe(7);
    expect(fenced.stderr).toContain("another process has taken over");
  });
});
