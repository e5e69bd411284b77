import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { Workbench } from "./reach-command.ts";
import { claudeSession, ndjson } from "./transcripts.ts";

describe("reach rm", () => {
  it("removes nothing before somebody says --yes", async () => {
    const bench = new Workbench();
    const id = await bench.import("a.jsonl", ndjson(5));
    const asked = await bench.run(["rm", id]);
    expect(asked.code).toBe(2);
    expect(asked.stderr).toContain(`session ${id} (6 events) would be removed for good`);
    const twice = await bench.run(["rm", id, id.slice(0, 20)]);
    expect(twice.stderr).toBe(asked.stderr);
    expect((await bench.run(["ls", "--quiet"])).stdout).toBe(`${id}\n`);
  });

  it("removes sessions, which are then gone and not unknown", async () => {
    const bench = new Workbench();
    const a = await bench.import("a.jsonl", ndjson(5));
    const b = await bench.import("b.jsonl", ndjson(5, 50));
    const wrong = await bench.run(["rm", a, "ffff", "--yes"]);
    expect(wrong.code).toBe(5);
    expect((await bench.json<{ total: number }>(["ls"])).total).toBe(2);
    const done = await bench.run(["rm", a, "--yes"]);
    expect(done).toMatchObject({ code: 0, stdout: `removed ${a} (6 events)\n` });
    const gone = await bench.run(["show", a]);
    expect(gone.code).toBe(5);
    expect(gone.stderr).toContain("has been removed");
    expect((await bench.run(["ls", "--quiet"])).stdout).toBe(`${b}\n`);
  });

  it("says what is gone, also where another one cannot be removed", async () => {
    const bench = new Workbench();
    const ids = [];
    for (let i = 0; i < 4; i++) ids.push(await bench.import(`${i}.jsonl`, ndjson(5, 50 * i)));
    const [a = "", b = "", c = "", d = ""] = ids;
    for (const id of [b, d]) {
      fs.mkdirSync(path.join(path.dirname(bench.logOf(id)), "tombstone.tmp"));
    }
    const told = await bench.run(["rm", a, b, "--yes"]);
    expect(told).toMatchObject({ code: 1, stdout: `removed ${a} (6 events)\n` });
    const object = await bench.run(["rm", c, d, "--yes", "--json"]);
    expect(object.code).toBe(1);
    expect(JSON.parse(object.stdout)).toEqual({ removed: [{ id: c, events: 6 }] });
    expect(await bench.run(["rm", d, "--yes", "--json"])).toMatchObject({ code: 1, stdout: "" });
  });
});

describe("reach gc", () => {
  it("gives back the room of payloads that no session names, and of no others", async () => {
    const bench = new Workbench();
    const large = Array.from({ length: 40 }, (_, i) => {
      const text = Array.from({ length: 900 }, (_, j) => (i * 7919 + j * 104_729).toString(36));
      return `${JSON.stringify({ type: "x", n: i, text: text.join(" ") })}\n`;
    }).join("");
    const removed = await bench.import("large.jsonl", large);
    const kept = await bench.import("session.jsonl", claudeSession(30));
    await bench.run(["rm", removed, "--yes"]);
    const report = await bench.json<{ freedBytes: number }>(["gc"]);
    expect(report.freedBytes).toBeGreaterThan(100_000);
    expect((await bench.run(["verify", kept])).code).toBe(0);
    expect((await bench.run(["gc"])).stdout).toMatch(/^freed /);
  });
});
