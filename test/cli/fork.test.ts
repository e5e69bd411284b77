import { describe, expect, it } from "vitest";
import { nodeDisk } from "../../src/disk/index.ts";
import { Engine } from "../../src/engine/index.ts";
import { readRegistry } from "../../src/engine/registry.ts";
import { Directory } from "../../src/session/index.ts";
import { effectsOf } from "../engine/running.ts";
import { Workbench } from "./reach-command.ts";
import { claudeSession } from "./transcripts.ts";

const config = `
export default { effects: { search: async ({ q }) => ({ found: q.length }) } };
`;
const program = `
export default {
  name: "searching", version: "1",
  init: () => ({ found: [] }),
  reduce(state, event) {
    if (event.kind === "result") state.found.push(event.data.value.found);
    return state;
  },
  async step(ctx) {
    for (const q of ["a", "bb", "ccc"]) await ctx.call("search", { q });
    return { done: ctx.state.found };
  },
};
`;

interface Forked {
  readonly id: string;
  readonly at: number;
  readonly settled: number;
}

describe("reach fork", () => {
  it("goes on from another result; both sessions replay and verify", async () => {
    const bench = new Workbench();
    bench.write("reach.config.mjs", config);
    bench.write("searching.mjs", program);
    const { id } = await bench.json<{ id: string }>(["run", "searching.mjs"]);
    const fork = await bench.json<Forked>(["fork", id, "--at", "5", "--set", '4={"found":99}']);
    expect(fork).toMatchObject({ at: 4, settled: 1 });
    const run = await bench.json<{ result: number[] }>(["run", "--resume", fork.id]);
    expect(run.result).toEqual([1, 99, 3]);
    for (const session of [id, fork.id]) {
      const replay = await bench.run(["replay", session, "--quiet"]);
      expect(replay.stdout).toBe("identical\n");
      expect((await bench.run(["verify", session])).code).toBe(0);
    }
    // What was set is meant to differ; what differs besides is what the program made of it.
    const diff = await bench.run(["diff", id, fork.id]);
    expect(diff.code).toBe(3);
    expect(diff.stdout).toContain("forked   b left a after 4 events; 1 event settled there");
    expect(diff.stdout).toContain("diverged   after 6 events that are the same");
    expect(diff.stdout).toMatch(/ {2}a {2}event 7, step, .*\n {2}b {2}event 8, step, /);
  });

  it("is known to the next engine, also behind one that ended in order", async () => {
    const bench = new Workbench();
    bench.write("reach.config.mjs", config);
    bench.write("searching.mjs", program);
    const { id } = await bench.json<{ id: string }>(["run", "searching.mjs"]);
    const path = bench.path(".reach", "default");
    const effects = effectsOf({ search: ({ q }: { q: string }) => ({ found: q.length }) });
    /** As `reach serve` does, from its beginning to its end in order. */
    const served = async (work: (engine: Engine) => Promise<unknown>): Promise<void> => {
      const directory = await Directory.open({ path, mode: "write" });
      const engine = await Engine.open({ directory, effects, runners: { kind: "inline" } });
      await work(engine);
      await engine.close();
      await directory.close();
    };
    // One that ends before it has looked at every session does not say that it knows them all.
    for (let ms = 1; ms < 4000 && !readRegistry(nodeDisk, path)?.clean; ms *= 2) {
      await served(() => new Promise((resolve) => setTimeout(resolve, ms)));
    }
    expect(readRegistry(nodeDisk, path)).toMatchObject({ clean: true });
    const refused = await bench.run(["fork", id, "--at", "9999"]);
    expect(refused.code).not.toBe(0);
    const fork = await bench.json<Forked>(["fork", id, "--at", "5", "--set", '4={"found":99}']);
    await served(async (engine) => {
      expect((await engine.finished(fork.id)).result).toEqual([1, 99, 3]);
    });
    expect(readRegistry(nodeDisk, path)).toEqual({ clean: true, sessions: new Map() });
  });

  it("that settles a call as its source did differs in nothing from it", async () => {
    const bench = new Workbench();
    bench.write("reach.config.mjs", config);
    bench.write("searching.mjs", program);
    const { id } = await bench.json<{ id: string }>(["run", "searching.mjs"]);
    const fork = await bench.json<Forked>(["fork", id, "--at", "2"]);
    expect(fork).toMatchObject({ at: 2, settled: 1 });
    await bench.json(["run", "--resume", fork.id]);
    for (const [two, which] of [
      [[id, fork.id], "b left a"],
      [[fork.id, id], "a left b"],
    ] as const) {
      const diff = await bench.run(["diff", ...two]);
      expect(diff.stdout).toContain(`forked   ${which} after 2 events; 1 event settled there`);
      expect(diff.stdout).toMatch(/^identical {3}/m);
      expect(diff.code).toBe(0);
    }
  });

  it("of a recorded session differs from it in nothing but what was set", async () => {
    const bench = new Workbench();
    const id = await bench.import("session.jsonl", claudeSession(300));
    const set = ["--set", '150={"said":"something else"}'];
    const fork = await bench.json<Forked>(["fork", id, "--at", "200", ...set]);
    const diff = await bench.run(["diff", id, fork.id]);
    expect(diff.stdout).toContain("forked   b left a after 150 events; 1 event settled there");
    expect(diff.stdout).toContain("b is the beginning of a   199 events are the same");
  });

  it("of a recorded session shares its beginning, and its state", async () => {
    const bench = new Workbench();
    const id = await bench.import("session.jsonl", claudeSession(300));
    const fork = await bench.json<Forked>(["fork", id, "--at", "200", "--name", "mine"]);
    expect(fork).toMatchObject({ at: 200, events: 201 });
    const state = async (session: string): Promise<unknown> =>
      (await bench.json<{ state: unknown }>(["state", session, "--at", "200"])).state;
    expect(await state(fork.id)).toEqual(await state(id));
  });

  it.each([
    [["--at", "5", "--set", "x=1"], "names no event and value"],
    [["--at", "5", "--set", "3={"], "--set 3 is not JSON"],
    [["--at", "0"], "It should be a whole number, 1 or more"],
    [["--at", "9999"], "has no 9999 events"],
    [[], "required option '--at <count>' not specified"],
    [["--at", "5", "--new-id", "7"], "7 is no session id"],
  ])("refuses %j", async (args, message) => {
    const bench = new Workbench();
    const id = await bench.import("session.jsonl", claudeSession(20));
    const { code, stderr } = await bench.run(["fork", id, ...args]);
    expect(code).not.toBe(0);
    expect(stderr).toContain(message);
  });
});
