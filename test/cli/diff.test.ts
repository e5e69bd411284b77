import { describe, expect, it } from "vitest";
import { Workbench } from "./reach-command.ts";
import { ndjson } from "./transcripts.ts";

describe("reach diff", () => {
  it("finds two imports of the same the same", async () => {
    const bench = new Workbench();
    const a = await bench.import("a.jsonl", ndjson(10));
    const b = (await bench.run(["import", "a.jsonl", "--fresh", "--quiet"])).stdout.trim();
    const { code, stdout } = await bench.run(["diff", a, b]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "identical   10 events\n" });
  });

  it("shows the first event at which two part, and what differs in it, with 3", async () => {
    const bench = new Workbench();
    const a = await bench.import("a.jsonl", ndjson(10));
    const b = await bench.import("b.jsonl", ndjson(10).replace('"record 6"', '"another"'));
    const { code, stdout } = await bench.run(["diff", a, b]);
    expect(code).toBe(3);
    expect(stdout).toMatch(
      /^diverged {3}after 6 events that are the same\n {2}a {2}event 6, emit, a, /,
    );
    expect(stdout).toContain('  $.text\n    a  "record 6"\n    b  "another"\n');
    const json = await bench.run(["diff", a, b, "--json"]);
    expect(json.code).toBe(3);
    expect(JSON.parse(json.stdout)).toMatchObject({
      a,
      b,
      relation: "diverged",
      firstDivergence: 6,
    });
  });

  it("says when one is the beginning of the other", async () => {
    const bench = new Workbench();
    const a = await bench.import("a.jsonl", ndjson(10));
    bench.write("b.jsonl", ndjson(14));
    const b = (await bench.run(["import", "b.jsonl", "--fresh", "--quiet"])).stdout.trim();
    const { code, stdout } = await bench.run(["diff", a, b]);
    expect(code).toBe(3);
    expect(stdout).toContain("a is the beginning of b   10 events are the same, b has 4 more");
  });
});
