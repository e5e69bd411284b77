// A session that keeps its thread: the others there go on elsewhere long before the thread is given
// up, and when it is, only the one that kept it is to blame.

import { writeFileSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import type { SessionId } from "../../src/base/index.ts";
import type { EngineOptions } from "../../src/engine/index.ts";
import { loadProgram } from "../../src/runtime/index.ts";
import { Running, until } from "./running.ts";

let running: Running;

afterEach(() => running?.end());

const member = 'version: "1", init: () => ({}), reduce: (state) => state';

const talker = `export default { name: "talker", ${member}, async step(ctx) {
  const { data: word } = await ctx.waitFor("word");
  ctx.emit("heard", word);
  return word === "end" ? "done" : "continue";
} };`;

/** Keeps its thread each time it hears "go". */
const astray = (code: string) => `export default { name: "astray", ${member}, async step(ctx) {
  await ctx.waitFor("go");
  ${code}
  ctx.emit("back", null);
  return "continue";
} };`;

/** An engine with talkers that wait, and one beside them that goes astray when it is told. */
async function begin(
  code: string,
  options: Partial<EngineOptions>,
): Promise<{ talkers: readonly SessionId[]; bad: SessionId }> {
  running = new Running();
  const programs = [];
  for (const text of [talker, astray(code)]) {
    const file = running.scratch.at(`program-${programs.length}.mjs`);
    writeFileSync(file, text);
    programs.push(await loadProgram(file));
  }
  const engine = await running.open({ contexts: undefined as never, programs, ...options });
  const start = async (name: string): Promise<SessionId> => {
    const { id } = await engine.start(name, null);
    await until(() => engine.status(id).phase === "waiting");
    return id;
  };
  const talkers: SessionId[] = [];
  for (let i = 0; i < 6; i++) talkers.push(await start("talker"));
  return { talkers, bad: await start("astray") };
}

async function tell(talkers: readonly SessionId[], word: string): Promise<void> {
  await Promise.all(talkers.map((id) => running.engine.input(id, { type: "word", data: word })));
}

async function heard(talkers: readonly SessionId[], word: string): Promise<void> {
  const hears = (id: SessionId): boolean => running.events(id).includes(`emit:heard "${word}"`);
  await until(() => talkers.every(hears));
}

describe.each([
  { kind: "processes", processes: 1, threads: 2 },
  { kind: "threads", threads: 2 },
] as const)("in $kind, a session that keeps its thread", (runners) => {
  it("keeps nobody else: they go on elsewhere, and it alone is to blame", async () => {
    const limits = { asideMs: 100, stuckMs: 4000, triesMax: 1 };
    const { talkers, bad } = await begin("for (;;);", { runners, limits });
    const { engine } = running;
    await engine.input(bad, { type: "go", data: null });
    await tell(talkers, "early");
    await heard(talkers, "early");
    // Nobody has been given up so far: the thread is still kept.
    expect(engine.metrics().runnersLost).toBe(0);
    expect(engine.status(bad).phase).toBe("running");
    await tell(talkers, "end");
    for (const id of talkers) expect(await engine.finished(id)).toMatchObject({ outcome: "done" });
    const report = await engine.finished(bad);
    const message = expect.stringMatching(
      /died 1 times .* because a session has kept it for \d+ ms$/,
    );
    const error = { code: "WORKER_FAILED", message };
    expect(report).toMatchObject({ outcome: "infrastructure", error });
  });

  it("goes on where it is, once it is through", async () => {
    const limits = { asideMs: 100, stuckMs: 20_000 };
    const code = "for (let i = 0; i < 3e9; i++);";
    const { talkers, bad } = await begin(code, { runners, limits });
    const { engine } = running;
    await engine.input(bad, { type: "go", data: null });
    await tell(talkers, "meanwhile");
    await heard(talkers, "meanwhile");
    await until(() => running.events(bad).some((event) => event.startsWith("emit:back")));
    await tell(talkers, "end");
    for (const id of talkers) expect(await engine.finished(id)).toMatchObject({ outcome: "done" });
    expect(running.troubles).toEqual([]);
    expect(engine.metrics().runnersLost).toBe(0);
  });
});

it("a thread that cannot be ended is ended with its process, and it alone is blamed", async () => {
  const { talkers, bad } = await begin("new Array(2 ** 32 - 1).indexOf(1);", {
    runners: { kind: "processes", processes: 1, threads: 2 },
    limits: { asideMs: 100, stuckMs: 1000, triesMax: 1 },
  });
  const { engine } = running;
  await engine.input(bad, { type: "go", data: null });
  // They are always in the middle of something.
  const over = engine.finished(bad);
  let ended = false;
  void over.then(() => {
    ended = true;
  });
  for (let i = 0; !ended; i++) {
    await tell(talkers, `word ${i}`);
    await heard(talkers, `word ${i}`);
  }
  expect(await over).toMatchObject({ outcome: "infrastructure" });
  expect(running.troubles.join()).toContain("could not be ended by itself");
  await tell(talkers, "end");
  for (const id of talkers) expect(await engine.finished(id)).toMatchObject({ outcome: "done" });
});
