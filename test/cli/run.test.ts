import { describe, expect, it } from "vitest";
import { ended, heard, Workbench } from "./reach-command.ts";

const program = `
import { defineProgram } from "reach-replay/program";
export default defineProgram({
  name: "asking", version: "1.2.0",
  init: (trigger) => ({ who: trigger.data?.who ?? "nobody", answers: [] }),
  reduce(state, event) {
    if (event.kind === "input") state.answers.push(event.data);
    return state;
  },
  async step(ctx) {
    ctx.emit("greeting", { text: "hello " + ctx.state.who, luck: ctx.random() });
    await ctx.sleep(5);
    const answer = await ctx.waitFor("answer");
    try {
      await ctx.call("unknown", {});
    } catch (error) {
      ctx.emit("caught", { code: error.code });
    }
    if (answer.data.fail) throw new Error("as asked");
    return { done: { got: answer.data } };
  },
});
`;

interface Run {
  readonly id: string;
  readonly status: string;
  readonly outcome: string | null;
  readonly result?: unknown;
  readonly waitingFor?: readonly string[];
}

describe("reach run", () => {
  it("runs to what the session waits for, goes on with it, and replays", async () => {
    const bench = new Workbench();
    bench.write("asking.ts", program);
    const begun = await bench.json<Run>(["run", "asking.ts", "--input", '{"who":"Ann"}']);
    expect(begun).toMatchObject({ status: "waiting", outcome: null, waitingFor: ["answer"] });
    const sent = ["--send", 'answer={"n":5}'];
    const ended = await bench.json<Run>(["run", "--resume", begun.id, ...sent]);
    expect(ended).toMatchObject({
      id: begun.id,
      status: "ended",
      outcome: "done",
      result: { got: { n: 5 } },
    });
    const replay = await bench.run(["replay", begun.id, "--quiet"]);
    expect(replay.stdout).toBe("identical\n");
    const verified = await bench.run(["verify", begun.id]);
    expect(verified.code).toBe(0);
    expect(verified.stdout).toContain("complete    signed over 10 events");
    const shown = await bench.run(["show", begun.id]);
    expect(shown.stdout).toContain("program     asking 1.2.0 (executed)");
    expect(shown.stdout).toContain('who: "Ann"');
  });

  it.each([
    ["init", "init: (trigger) => (", "init: (trigger) => (trigger.data.a.b, ", 5],
    ["reduce", "return state;", "return state.none.more;", 8],
    [
      "reduce, at the end of a step",
      "return state;",
      "if (event.kind === 'step') null.x; return state;",
      8,
    ],
    ["step", "await ctx.sleep(5);", "await ctx.sleep(5); if (ctx.state.who === 'Ann') null.x;", 12],
    ["step, behind what it logs", "await ctx.sleep(5);", "ctx.log('last'); null.x;", 12],
    ["a later step", "await ctx.sleep(5);", "if (ctx.state.answers.length > 0) null.x;", 12],
  ])("says at which line a program fails, in %s", async (_, from, to, line) => {
    const bench = new Workbench();
    const later = program.replace("return { done: { got: answer.data } };", 'return "continue";');
    bench.write("asking.ts", later.replace(from, to));
    const run = ["run", "asking.ts", "--input", '{"who":"Ann"}', "--send", 'answer={"n":5}'];
    const shown = await bench.run(run);
    expect(shown.stdout).toMatch(new RegExp(`\n  at asking\\.ts:${line}:\\d+\n$`));
    expect(shown.code).toBe(1);
    const { stdout } = await bench.run([...run, "--json"]);
    expect(JSON.parse(stdout).source).toMatch(new RegExp(`^asking\\.ts:${line}:`));
  });

  it("shows a session that has failed in `reduce`, though it has no state any more", async () => {
    const bench = new Workbench();
    const reducing = "if (event.kind === 'emit') throw new Error('bad luck');";
    bench.write("failing.ts", program.replace("if (event.kind", `${reducing} if (event.kind`));
    const run = await bench.run(["run", "failing.ts", "--json"]);
    const { id, outcome } = JSON.parse(run.stdout) as Run;
    expect(outcome).toBe("failed");
    const { code, stdout } = await bench.run(["show", id]);
    expect(stdout).toMatch(
      /program +asking 1\.2\.0[\s\S]*no state: reduce of .* event 1 .*bad luck/,
    );
    expect(code).toBe(0);
    expect(await bench.json(["show", id])).toMatchObject({
      id,
      events: 3,
      state: null,
      stateError: { code: "PROGRAM_FAILED", message: expect.stringContaining("bad luck") },
    });
    const state = await bench.run(["state", id]);
    expect(state.stderr).toMatch(/threw at event 1 \(greeting\): bad luck \(asking:7:\d+\)/);
    expect(state.code).toBe(1);
  });

  it("goes on with a session that is there under its --id", async () => {
    const bench = new Workbench();
    bench.write("asking.ts", program);
    const args = ["run", "asking.ts", "--id", "0199c1f2-0000-7000-8000-00000000002a"];
    const begun = await bench.json<Run>(args);
    expect(begun).toMatchObject({ status: "waiting", waitingFor: ["answer"] });
    expect(await bench.json<Run>(args)).toEqual(begun);
    const ended = await bench.json<Run>([...args, "--send", 'answer={"n":5}']);
    expect(ended).toMatchObject({ id: begun.id, outcome: "done", result: { got: { n: 5 } } });
    expect(await bench.json<Run>(args)).toEqual(ended);
  });

  it("begins no other session under an --id, and does not pretend to", async () => {
    const bench = new Workbench();
    bench.write("asking.ts", program);
    bench.write("other.ts", program.replace('"asking"', '"other"'));
    const id = ["--id", "0199c1f2-0000-7000-8000-00000000002b"];
    await bench.json<Run>(["run", "asking.ts", "--input", '{"who":"Ann"}', "--name", "a", ...id]);
    for (const [args, message] of [
      [["asking.ts", "--input", '{"who":"Bob"}'], "was begun with another input"],
      [["asking.ts", "--name", "b"], 'is called "a"'],
      [["other.ts"], "runs the program asking, not other"],
    ] as const) {
      const { code, stdout, stderr } = await bench.run(["run", ...args, ...id]);
      expect(stderr).toContain(message);
      expect(stderr).toContain("another --id");
      expect(stdout).toBe("");
      expect(code).toBe(1);
    }
    const same = ["asking.ts", "--input", '{ "who": "Ann" }', "--name", "a", ...id];
    expect(await bench.json<Run>(["run", ...same])).toMatchObject({ status: "waiting" });
    bench.write("asking.ts", program.replace("hello", "good day"));
    const { code, stderr } = await bench.run(["run", "asking.ts", ...id]);
    expect(stderr).toContain("it goes on with the code it was begun with");
    expect(code).toBe(0);
  });

  it("goes on by itself when the time to wait is over", async () => {
    const bench = new Workbench();
    const waits = program.replace('("answer")', '("answer", { timeout: 1000 })');
    bench.write("waits.ts", waits.replace("answer.data.fail", "answer === null"));
    const begun = await bench.json<Run>(["run", "waits.ts"]);
    expect(begun).toMatchObject({ status: "waiting", waitingFor: ["answer"] });
    await new Promise((resolve) => setTimeout(resolve, 1200));
    const { code, stdout } = await bench.run(["run", "--resume", begun.id, "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({ status: "ended", outcome: "failed" });
    expect(code).toBe(1);
  });

  it("shows every event once, in order, and how the session ended", async () => {
    const bench = new Workbench();
    bench.write("asking.ts", program);
    const args = ["run", "asking.ts", "--send", 'answer={"fail":true}', "--ndjson"];
    const { code, stdout, stderr } = await bench.run(args);
    expect(code).toBe(1);
    const lines = stdout.trimEnd().split("\n");
    const events = lines.map((line) => JSON.parse(line));
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => i));
    expect(events.at(-1)).toMatchObject({ kind: "end", type: "failed" });
    expect(stderr).toMatch(/^failed {3}\d+ events/m);
    expect(stderr).toContain("as asked");
  });

  it("is stopped by Ctrl-C where it can go on", async () => {
    const bench = new Workbench();
    bench.write("slow.ts", program.replace("ctx.sleep(5)", "ctx.sleep('1h')"));
    const child = bench.start(["run", "slow.ts"]);
    const ending = ended(child);
    await heard(child.stdout, /timer +set/);
    child.kill("SIGINT");
    const { code, stdout } = await ending;
    expect(code).toBe(130);
    const id = /id ([0-9a-f-]+)/.exec(stdout)?.[1] as string;
    const again = await bench.json<Run>(["show", id]);
    expect(again).toMatchObject({ events: 3, status: "ok" });
  });

  it("ends though its configuration keeps something open, and so does `reach serve`", async () => {
    const bench = new Workbench();
    bench.write("asking.ts", program);
    bench.write("reach.config.mjs", "setInterval(() => {}, 1000); export default {};");
    expect((await bench.run(["run", "asking.ts"])).code).toBe(0);
    const child = bench.start(["serve", "--program", "asking.ts", "--port", "0"]);
    const ending = ended(child);
    await heard(child.stdout, /listening/);
    child.kill("SIGTERM");
    expect(await ending).toMatchObject({ code: 0, signal: null });
  });

  it.each([
    [["run"], "there is no program to run"],
    [["run", "missing.ts"], "there is no program missing.ts"],
    [["run", "asking.ts", "--input", "{bad"], "--input is not JSON"],
    [["run", "asking.ts", "--input", '{"id":9007199254740993}'], "--input: the number at $.id"],
    [["run", "asking.ts", "--send", "word=[1e400]"], "--send word: the number at $[0] would be"],
    [["run", "asking.ts", "--input", "@missing.json"], "--input: ENOENT"],
    [["run", "asking.ts", "--send", "=1"], "--send =1 names no type"],
    [
      ["run", "asking.ts", "--send", `${"t".repeat(300)}=1`],
      "--send: the type of an event is text of 300 bytes",
    ],
    [["run", "asking.ts", "--id", "7"], "7 is no session id"],
    [["run", "asking.ts", "--resume", "0199"], "two things to run"],
  ])("refuses %j", async (args, message) => {
    const bench = new Workbench();
    bench.write("asking.ts", program);
    const { code, stderr } = await bench.run(args);
    expect(code).not.toBe(0);
    expect(stderr).toContain(message);
  });
});
