// `reach ls`: how sessions of programs stand and ended, and which of them are shown.

import { describe, expect, it } from "vitest";
import { ReachClient } from "../../src/client.ts";
import { freePort, ServerProcess } from "../server/killing.ts";
import { Workbench } from "./reach-command.ts";

const program = (name: string): string => `
import { defineProgram } from "reach-replay/program";
export default defineProgram({
  name: "${name}", version: "1",
  init: () => ({}),
  reduce: (state) => state,
  async step(ctx) {
    for (let i = 0; i < 30; i++) ctx.log("line", i);
    const { data } = await ctx.waitFor("word");
    if (data === "bad") throw new Error("a bad word");
    return "done";
  },
});
`;

interface Listed {
  readonly id: string;
  readonly status: string;
  readonly phase: string | null;
  readonly outcome: string | null;
}

/** A data directory with a session of each kind, the oldest first. */
async function filled(): Promise<{ bench: Workbench; ids: Record<string, string> }> {
  const bench = new Workbench();
  bench.write("talk.ts", program("talk"));
  bench.write("other.ts", program("talk show"));
  const run = async (...args: string[]): Promise<string> => {
    const { stdout } = await bench.run(["run", ...args, "--json"]);
    return (JSON.parse(stdout) as { id: string }).id;
  };
  const recorded = await bench.import("a.jsonl", '{"a":1}\n{"a":2}\n');
  const done = await run("talk.ts", "--send", 'word="good"');
  const failed = await run("talk.ts", "--send", 'word="bad"');
  const open = await run("talk.ts");
  const cancelled = await run("other.ts");
  await bench.run(["cancel", cancelled]);
  return { bench, ids: { recorded, done, failed, open, cancelled } };
}

describe("reach ls", () => {
  it("says how sessions of programs stand and ended, and finds them by that", async () => {
    const { bench, ids } = await filled();
    const { recorded, done, failed, open, cancelled } = ids;
    const { sessions } = await bench.json<{ sessions: Listed[] }>(["ls"]);
    expect(sessions.map(({ id, status, phase, outcome }) => [id, status, phase, outcome])).toEqual([
      [cancelled, "ok", "ended", "cancelled"],
      [open, "ok", "open", null],
      [failed, "ok", "ended", "failed"],
      [done, "ok", "ended", "done"],
      [recorded, "ok", null, null],
    ]);
    const { stdout } = await bench.run(["ls"]);
    const lines = stdout.trimEnd().split("\n");
    expect(lines[0]).toMatch(/FORMAT +STATUS +NAME/);
    expect(lines[2]).toMatch(/talk 1 +open/);
    expect(lines[3]).toMatch(/talk 1 +failed/);
    const shown = async (...flags: string[]) => {
      const listed = await bench.run(["ls", "--quiet", ...flags]);
      expect(listed).toMatchObject({ code: 0, stderr: "" });
      return listed.stdout.split("\n").filter((id) => id !== "");
    };
    expect(await shown("--status", "failed")).toEqual([failed]);
    expect(await shown("--status", "open")).toEqual([open]);
    expect(await shown("--status", "ended")).toEqual([cancelled, failed, done]);
    expect(await shown("--status", "ended", "--limit", "2")).toEqual([cancelled, failed]);
    expect(await shown("--status", "recorded")).toEqual([recorded]);
    expect(await shown("--program", "talk")).toEqual([open, failed, done]);
    expect(await shown("--program", "talk", "--status", "cancelled")).toEqual([]);
    const none = await bench.run(["ls", "--program", "nobody"]);
    expect(none).toMatchObject({ code: 0, stdout: "" });
    expect(none.stderr).toContain("none of 5 sessions is like that");
    const limited = await bench.run(["ls", "--program", "talk", "--limit", "1"]);
    expect(limited.stderr).toContain("and older ones");
    expect((await bench.run(["show", failed as string])).stdout).toMatch(/status +failed/);
  });

  it("asks a server for what it runs", async () => {
    const { bench, ids } = await filled();
    const { failed, open, cancelled } = ids;
    const server = new ServerProcess(bench.path(".reach"), await freePort());
    await server.start();
    const client = new ReachClient({ url: server.url });
    while ((await client.session(open as string)).status !== "waiting");
    const url = ["--url", server.url];
    const { sessions } = await bench.json<{ sessions: Listed[] }>(["ls", ...url]);
    expect(sessions.map(({ phase, outcome }) => outcome ?? phase)).toEqual([
      "cancelled",
      "waiting",
      "failed",
      "done",
      null,
    ]);
    const shown = async (...flags: string[]) => {
      return (await bench.run(["ls", "--quiet", ...url, ...flags])).stdout.trimEnd().split("\n");
    };
    expect(await shown("--status", "waiting")).toEqual([open]);
    expect(await shown("--status", "open")).toEqual([open]);
    expect(await shown("--status", "failed")).toEqual([failed]);
    expect(await shown("--program", "talk show")).toEqual([cancelled]);
    const none = await bench.run(["ls", ...url, "--status", "stuck"]);
    expect(none.stderr).toContain("no session of the server is like that");
    expect(await server.end("SIGTERM"), server.stderr).toBe(0);
  });

  it("refuses what is no status, or one that only a server knows", async () => {
    const bench = new Workbench();
    await bench.import("a.jsonl", '{"a":1}\n');
    const mistyped = await bench.run(["ls", "--status", "faild"]);
    expect(mistyped).toMatchObject({ code: 2, stdout: "" });
    expect(mistyped.stderr).toContain("did you mean failed?");
    const waiting = await bench.run(["ls", "--status", "waiting"]);
    expect(waiting).toMatchObject({ code: 2, stdout: "" });
    expect(waiting.stderr).toContain("--status open");
    expect((await bench.run(["ls"])).stdout).not.toContain("STATUS");
  });
});
