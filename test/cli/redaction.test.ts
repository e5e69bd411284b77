/** `reach export --redact`: what is withheld, and what is refused so that nothing slips out. */
import { describe, expect, it } from "vitest";
import { type Ended, Workbench } from "./reach-command.ts";
import { claudeSession } from "./transcripts.ts";

function exported(bench: Workbench, id: string, redact: readonly string[]): Promise<Ended> {
  const flags = redact.flatMap((text) => ["--redact", text]);
  return bench.run(["export", id, "--format", "bundle", ...flags, "-o", "run.bundle"]);
}

describe("reach export --redact", () => {
  it("withholds by seq, range and type, and the bundle verifies with the same key", async () => {
    const bench = new Workbench();
    // 22 events: a text, ten calls with their results, the note of the import, which goes as well.
    const id = await bench.import("session.jsonl", claudeSession(10));
    const { directory } = await bench.json<{ directory: { verifierKey: string } }>(["doctor"]);
    const cases = [
      [["2"], 2],
      [["0,2-4", "7"], 6],
      [["user/*"], 12],
      [["user/text, user/tool_result"], 12],
    ] as const;
    for (const [redact, withheld] of cases) {
      const done = await exported(bench, id, redact);
      expect(done).toMatchObject({ code: 0, stdout: "" });
      expect(done.stderr).toContain(`: ${withheld} events withheld`);
      const key = ["--key", directory.verifierKey];
      const report = await bench.run(["verify", "run.bundle", ...key, "--data", "none"]);
      expect(report.code).toBe(0);
      expect(report.stdout).toMatch(new RegExp(`^intact +${22 - withheld} events`));
      expect(report.stdout).toMatch(/^complete +signed over 22 events/m);
      expect(report.stdout).toContain(`${withheld} events withheld: only their hashes are here`);
    }
    expect(bench.read("run.bundle").includes("please look at the log")).toBe(false);
    const flags = ["--format", "bundle", "--redact", "3", "-o", "other.bundle"];
    expect(await bench.json(["export", id, ...flags])).toMatchObject({ events: 22, withheld: 2 });
    // The text and the results are withheld, and the note.
    const events = await bench.run(["events", "run.bundle", "--ndjson"]);
    expect(events.stderr).toContain("12 events withheld");
    const lines = events.stdout.trim().split("\n");
    const shown = lines.map((line) => JSON.parse(line) as { seq: number });
    expect(shown.map(({ seq }) => seq)).toEqual(Array.from({ length: 10 }, (_, i) => 2 * i + 1));
    const whole = await bench.run(["events", id, "--ndjson"]);
    expect(whole.stdout.split("\n").filter((line) => lines.includes(line))).toEqual(lines);
    const taken = await bench.run(["import", "run.bundle", "--data", "elsewhere"]);
    expect(taken.code).toBe(4);
    expect(taken.stderr).toContain("it withholds events");
  });

  it.each([
    ["22", "there is no event 22"],
    ["3-22", "there is no event 22"],
    ["4-3", "4-3 ends before it begins"],
    ["user/txt", "no event has the type user/txt"],
    ["2,,3", 'no event has the type ""'],
    ["", 'no event has the type ""'],
  ])("refuses %j, which names no event, and writes nothing", async (redact, message) => {
    const bench = new Workbench();
    const id = await bench.import("session.jsonl", claudeSession(10));
    const done = await exported(bench, id, [redact]);
    expect(done.code).toBe(2);
    expect(done.stderr).toContain(message);
    expect(() => bench.read("run.bundle")).toThrow();
  });

  it("is for bundles", async () => {
    const bench = new Workbench();
    const id = await bench.import("session.jsonl", claudeSession(1));
    const done = await bench.run(["export", id, "--redact", "0"]);
    expect(done.code).toBe(2);
    expect(done.stderr).toContain("--format bundle");
  });
});
