// Workspaces of one data directory: reached by a flag or by the environment, served all together.

import { describe, expect, it } from "vitest";
import { ended, heard, Workbench } from "./reach-command.ts";
import { ndjson } from "./transcripts.ts";

interface List {
  readonly data: string;
  readonly total: number;
}

describe("--workspace", () => {
  it("is where a command looks and writes, as REACH_WORKSPACE is", async () => {
    const bench = new Workbench();
    bench.write("a.jsonl", ndjson(5));
    await bench.json(["import", "a.jsonl", "--workspace", "team-b"]);
    expect((await bench.run(["ls"])).code).toBe(5);
    const there = await bench.json<List>(["--workspace", "team-b", "ls"]);
    expect(there).toMatchObject({ data: bench.path(".reach/team-b"), total: 1 });
    const env = { REACH_WORKSPACE: "team-b" };
    const named = await bench.run(["ls", "--json"], { env });
    expect(JSON.parse(named.stdout)).toEqual(there);
    expect((await bench.run(["verify", "--all"], { env })).code).toBe(0);
    const doctor = await bench.run(["doctor"]);
    expect(doctor.stdout).toMatch(/^workspace +default {2}\(default\)$/m);
    expect(doctor.stdout).toMatch(/^others +team-b {2}\(see --workspace\)$/m);
  });

  it.each([
    [["ls", "--workspace", "../x"], {}, "letters, digits"],
    [["ls"], { REACH_WORKSPACE: ".x" }, "letters, digits"],
    [["ls", "--url", "http://127.0.0.1:1", "--workspace", "b"], {}, "the token says which one"],
    [["serve", "--workspace", "b"], {}, "serves all of them"],
  ])("%j with %j is refused", async (args, env, message) => {
    const { code, stderr } = await new Workbench().run(args, { env });
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });

  it("is made by a server that there is a token for it", async () => {
    const bench = new Workbench();
    const args = ["token", "create", "--name", "b", "--scope", "admin", "--workspace", "team-b"];
    const made = await bench.run(args);
    expect(made.stderr).toContain("the next start of `reach serve` makes it");
    const child = bench.start(["serve", "--port", "0"]);
    const ending = ended(child);
    const url = /http:\S+/.exec(await heard(child.stdout, /http:\S+\s/))?.[0] ?? "";
    const headers = { authorization: `Bearer ${made.stdout.trim()}` };
    const answer = await fetch(`${url}/v1/sessions`, { headers });
    expect(await answer.json()).toEqual({ sessions: [], cursor: null });
    child.kill("SIGTERM");
    expect((await ending).code).toBe(0);
    expect((await bench.json<List>(["ls", "--workspace", "team-b"])).total).toBe(0);
  });
});
