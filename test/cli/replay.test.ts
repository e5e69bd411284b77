import { describe, expect, it } from "vitest";
import { Workbench } from "./reach-command.ts";
import { claudeSession, ndjson } from "./transcripts.ts";

const reducer = `
import { defineProgram } from "reach-replay/program";
export default defineProgram({
  name: "counter",
  version: "1",
  init: () => ({ count: 0, types: {} }),
  reduce(state, event) {
    state.count += 1;
    state.types[event.type] = (state.types[event.type] ?? 0) + 1;
    return state;
  },
});
`;

/** The same but for what the module knew at the time it was loaded. */
const leaking = `
const loaded = Date.now();
export default {
  name: "leaking",
  version: "1",
  init: () => ({ last: 0 }),
  reduce: (state, event) => ({ last: loaded + event.seq }),
};
`;

interface Report {
  readonly verdict: string;
  readonly snapshots: number;
  readonly stateHash: string;
  readonly kept: boolean;
}

describe("reach replay", () => {
  it("computes and keeps the first time, and finds the same the second time", async () => {
    const bench = new Workbench();
    const id = await bench.import("session.jsonl", claudeSession(1200));
    const first = await bench.run(["replay", id]);
    expect(first.code).toBe(0);
    expect(first.stdout).toMatch(/^computed {4}2,402 events {3}\d+ snapshots kept {3}/);
    expect(first.stdout).toContain("there were no snapshots of transcript 1 yet");
    const second = await bench.run(["replay", id, "--workers", "1"]);
    expect(second.code).toBe(0);
    expect(second.stdout).toMatch(
      /^identical {3}2,402 events {3}\d+ snapshots {3}\S+ s \([\d,.]+ events\/s, 1 worker\)$/m,
    );
    expect(second.stdout).toMatch(
      /^ {2}state \S{8}…\S{4} {3}root \S{8}…\S{4} {3}checkpoint signed by reach\.local\+\w{8}$/m,
    );
    const third = await bench.json<Report>(["replay", id]);
    expect(third).toMatchObject({ verdict: "identical", kept: false });
    expect((await bench.run(["replay", id, "--quiet"])).stdout).toBe("identical\n");
  });

  it("keeps nothing with --no-keep", async () => {
    const bench = new Workbench();
    const id = await bench.import("a.jsonl", ndjson(1500));
    const report = await bench.json<Report>(["replay", id, "--no-keep"]);
    expect(report).toMatchObject({ verdict: "computed", kept: false });
    expect(await bench.json<Report>(["replay", id])).toMatchObject({ verdict: "computed" });
    expect(await bench.json<Report>(["replay", id])).toMatchObject({ verdict: "identical" });
  });

  it("folds with a reducer of one's own", async () => {
    const bench = new Workbench();
    bench.write("counter.ts", reducer);
    const id = await bench.import("a.jsonl", ndjson(1500));
    const first = await bench.json<Report>(["replay", id, "--program", "counter.ts"]);
    const second = await bench.json<Report>(["replay", id, "--program", "counter.ts"]);
    expect([first.verdict, second.verdict]).toEqual(["computed", "identical"]);
    expect(second.stateHash).toBe(first.stateHash);
    const state = await bench.json(["state", id, "--program", "counter.ts"]);
    expect(state).toMatchObject({
      at: 1501,
      program: { name: "counter", version: "1" },
      state: { count: 1500, types: { a: 500, b: 500, c: 500 } },
    });
  });

  it("of a program that leaks the clock diverges, with 3 and the place", async () => {
    const bench = new Workbench();
    bench.write("leaking.mjs", leaking);
    const id = await bench.import("a.jsonl", ndjson(1500));
    expect((await bench.run(["replay", id, "--program", "leaking.mjs"])).code).toBe(0);
    const { code, stdout } = await bench.run(["replay", id, "--program", "leaking.mjs"]);
    expect(code).toBe(3);
    expect(stdout).toMatch(/^diverged {2}between \S+ and \S+ events\n/);
    expect(stdout).toContain("$.last");
    expect(stdout).toMatch(/^ {2}cause +/m);
    const report = await bench.run(["replay", id, "--program", "leaking.mjs", "--json"]);
    expect(report.code).toBe(3);
    expect(JSON.parse(report.stdout)).toMatchObject({
      verdict: "diverged",
      divergence: { paths: [{ path: "$.last" }] },
    });
  });

  it("of a damaged log says corrupt, with 4, and nothing about the program", async () => {
    const bench = new Workbench();
    const id = await bench.import("a.jsonl", ndjson(1500));
    bench.damage(id);
    const { code, stdout } = await bench.run(["replay", id]);
    expect(code).toBe(4);
    expect(stdout).toMatch(/^corrupt {5}/);
    const quiet = await bench.run(["replay", id, "--quiet"]);
    expect(quiet).toMatchObject({ code: 4, stdout: "corrupt\n" });
  });

  it("suggests a program for a mistyped name, and says what is wrong with a file", async () => {
    const bench = new Workbench();
    const id = await bench.import("a.jsonl", ndjson(3));
    const mistyped = await bench.run(["replay", id, "--program", "transcrpt"]);
    expect(mistyped.code).toBe(5);
    expect(mistyped.stderr).toContain("did you mean transcript?");
    bench.write("empty.mjs", "export default {};");
    const empty = await bench.run(["replay", id, "--program", "empty.mjs"]);
    expect(empty.code).toBe(1);
    expect(empty.stderr).toContain("`reduce` is missing");
  });
});

describe("reach state", () => {
  it("is a tree, or an object, and says on stderr where it started from", async () => {
    const bench = new Workbench();
    const id = await bench.import("session.jsonl", claudeSession(1200));
    const early = await bench.run(["state", id, "--at", "1500"]);
    expect(early.code).toBe(0);
    expect(early.stderr).toMatch(/^after 1,500 events: from no snapshot and 1,500 events, /);
    await bench.run(["replay", id]);
    const { code, stdout, stderr } = await bench.run(["state", id, "--at", "1500"]);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^after 1,500 events: from the snapshot at 1,000 and 500 events, /);
    expect(stdout).toBe(early.stdout);
    expect(stdout).toMatch(/^\{\n/);
    const json = await bench.json(["state", id, "--at", "1500"]);
    expect(json).toMatchObject({ id, at: 1500, snapshotUsed: 1000, state: { events: 1500 } });
    const end = await bench.json(["state", id]);
    expect(end).toMatchObject({ at: 2402 });
  });

  it("beyond the last event there is none", async () => {
    const bench = new Workbench();
    const id = await bench.import("a.jsonl", ndjson(3));
    const { code, stderr } = await bench.run(["state", id, "--at", "99"]);
    expect(code).toBe(5);
    expect(stderr).toMatch(/^reach: /);
  });
});
