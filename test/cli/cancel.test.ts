// `reach cancel` of a session in the data directory: its program cleans up here and now.

import { describe, expect, it } from "vitest";
import { Workbench } from "./reach-command.ts";

const config = `
export default { effects: { release: async ({ what }) => "released " + what } };
`;

function program(cleanUp: string): string {
  return `
import { defineProgram, isCancelled } from "reach-replay/program";
export default defineProgram({
  name: "holding", version: "1",
  init: () => ({}),
  reduce: (state) => state,
  async step(ctx) {
    try {
      await ctx.waitFor("word");
    } catch (error) {
      if (isCancelled(error)) { ${cleanUp} }
      throw error;
    }
    return "done";
  },
});
`;
}

async function held(cleanUp: string): Promise<{ bench: Workbench; id: string }> {
  const bench = new Workbench();
  bench.write("reach.config.mjs", config);
  bench.write("holding.ts", program(cleanUp));
  return { bench, id: (await bench.json<{ id: string }>(["run", "holding.ts"])).id };
}

const release = 'await ctx.call("release", { what: "the table" });';

describe("reach cancel", () => {
  it("has the program clean up with its effects, says why, and replays", async () => {
    const { bench, id } = await held(release);
    const args = ["cancel", id.slice(0, 15), "--reason", "no need"];
    const cancelled = await bench.json<{ seq: number; events: number }>(args);
    expect(cancelled).toMatchObject({ id, outcome: "cancelled", forced: false });
    const { stdout } = await bench.run(["events", id, "--ndjson"]);
    const events = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(events).toHaveLength(cancelled.events);
    expect(events[cancelled.seq]).toMatchObject({ kind: "cancel", data: { reason: "no need" } });
    expect(stdout).toContain("released the table");
    expect(events.at(-1)).toMatchObject({ kind: "end", type: "cancelled" });
    expect((await bench.run(["replay", id, "--quiet"])).stdout).toBe("identical\n");
    expect((await bench.run(["verify", id])).code).toBe(0);
  });

  it("prints how it ended, and refuses what has ended or was never run", async () => {
    const { bench, id } = await held("");
    const first = await bench.run(["cancel", id]);
    expect(first).toMatchObject({ code: 0, stderr: "" });
    expect(first.stdout).toMatch(/^cancelled {3}\d+ events {3}id /);
    const again = await bench.run(["cancel", id]);
    expect(again).toMatchObject({ code: 1, stdout: "" });
    expect(again.stderr).toContain("has ended");
    const recorded = await bench.import("a.jsonl", '{"a":1}\n{"a":2}\n');
    expect((await bench.run(["cancel", recorded])).code).toBe(2);
    expect((await bench.run(["cancel", "0199ffff"])).code).toBe(5);
  });

  it("ends a session whose program does not end", async () => {
    const { bench, id } = await held('await ctx.waitFor("what never comes");');
    const { code, stdout, stderr } = await bench.run(["cancel", id]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^cancelled /);
    expect(stderr).toContain("its program had not ended after 5 seconds");
  }, 20_000);
});
