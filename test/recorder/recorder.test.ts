// The recorder: what code did is in the log before it matters, and the same code run again is
// answered from there, compared, and never does anything to the world.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { codeOf } from "../../src/base/index.ts";
import { EffectFailure, open, type SessionRecorder } from "../../src/index.ts";
import type { Reach } from "../../src/reach.ts";
import { drawing, drawnParts, runParts } from "./drawn-code.ts";

const folder = mkdtempSync(path.join(tmpdir(), "reach-recorder-"));
const reach: Reach = await open({ data: folder });

afterAll(async () => {
  await reach.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The world of the agent below. */
class World {
  calls = 0;
  #answered: () => void = () => {};
  readonly #so = new Promise<void>((resolve) => {
    this.#answered = resolve;
  });

  /** Answers "so" first, whichever question comes first. */
  async model(question: string): Promise<{ answer: string }> {
    this.calls += 1;
    const answer = `${question}? ${this.calls}`;
    if (question === "so") this.#answered();
    else await this.#so.then(() => new Promise((resolve) => setImmediate(resolve)));
    return { answer };
  }

  fail(): never {
    this.calls += 1;
    throw Object.assign(new TypeError("no such tool"), { code: "E_TOOL", data: { tool: "x" } });
  }
}

interface Changes {
  readonly question?: string;
  readonly extra?: boolean;
  readonly last?: unknown;
}

async function agent(session: SessionRecorder, world: World, changes: Changes = {}) {
  const { question = "why", extra = false, last = "done" } = changes;
  await session.append({ type: "goal", data: { question: "why" } });
  const [first, second] = await Promise.all([
    session.effect("model", { question }, () => world.model(question)),
    session.effect("model", { question: "so" }, () => world.model("so")),
  ]);
  if (extra) await session.append({ type: "extra", data: null });
  let seen: unknown;
  try {
    await session.effect("tool", {}, () => world.fail());
  } catch (error) {
    const { name, message, code, data } = error as EffectFailure;
    seen = { name, message, code, data, isFailure: error instanceof EffectFailure };
  }
  await session.append({ type: "end", data: last });
  return { first, second, seen };
}

async function recorded(changes: Changes = {}) {
  const session = reach.record({ type: "agent" });
  const world = new World();
  const outcome = await agent(session, world, changes);
  await session.close();
  return { id: session.id, outcome, calls: world.calls };
}

describe("a recording", () => {
  test("has the call before the effect runs, then the result or the error", async () => {
    const session = reach.record({ name: "order" });
    let durable = 0;
    await session.effect("tool", { n: 1 }, () => {
      durable = [...reach.events(session.id)].length;
      return 1;
    });
    await session.close();
    expect(durable).toBe(1);
    const { id } = await recorded();
    const events = [...reach.events(id)].map(({ kind, type, ref }) => [kind, type, ref]);
    expect(events).toEqual([
      ["emit", "goal", null],
      ["call", "model", null],
      ["call", "model", null],
      ["result", "model", 2],
      ["result", "model", 1],
      ["call", "tool", null],
      ["result", "tool", 5],
      ["emit", "end", null],
    ]);
  });

  test("refuses an input that cannot be kept before anything happens, a result after", async () => {
    const session = reach.record();
    let ran = 0;
    const run = (): unknown => {
      ran += 1;
      return new Map();
    };
    const refused = await session.effect("tool", new Map(), run).catch((error: unknown) => error);
    expect(codeOf(refused)).toBe("DATA_UNSUPPORTED");
    expect(ran).toBe(0);
    const failed = await session.effect("tool", {}, run).catch((error: unknown) => error);
    expect(failed).toMatchObject({ name: "ReachError", code: "DATA_UNSUPPORTED" });
    await session.close();
    expect([...reach.events(session.id)].map(({ kind }) => kind)).toEqual(["call", "result"]);
  });

  test("keeps the order of calls when one of them is large", async () => {
    const session = reach.record();
    await Promise.all([
      session.append({ type: "large", data: "x".repeat(2_000_000) }),
      session.append({ type: "small", data: 1 }),
    ]);
    await session.close();
    expect([...reach.events(session.id)].map(({ type }) => type)).toEqual(["large", "small"]);
  });
});

/** Records code and runs it again. */
async function expectIdentical(
  code: (session: SessionRecorder) => Promise<void>,
  what = "the code",
): Promise<void> {
  const session = reach.record();
  await code(session);
  await session.close();
  const again = reach.rerun(session.id);
  const thrown = await code(again).catch((error: unknown) => error);
  const { verdict } = await again.close();
  expect({ what, verdict, thrown }).toEqual({ what, verdict: "identical", thrown: undefined });
}

describe("the same code run again", () => {
  test("gets the same results and errors, and runs nothing", async () => {
    const { id, outcome } = await recorded();
    const world = new World();
    const session = reach.rerun(id);
    expect(await agent(session, world)).toEqual(outcome);
    expect(outcome.seen).toEqual({
      name: "TypeError",
      message: "no such tool",
      code: "E_TOOL",
      data: { tool: "x" },
      isFailure: true,
    });
    expect(world.calls).toBe(0);
    const report = await session.close();
    expect(report).toEqual({ verdict: "identical", events: 5, effects: 3, divergence: null });
  });

  test("diverges at the first other input, with path, line and what was pending", async () => {
    const { id } = await recorded();
    const session = reach.rerun(id);
    const thrown = await agent(session, new World(), { question: "how" }).catch((e: unknown) => e);
    expect(codeOf(thrown)).toBe("DIVERGED");
    const { verdict, divergence } = await session.close();
    expect(verdict).toBe("diverged");
    expect(divergence).toMatchObject({
      seq: 1,
      expected: { kind: "call", type: "model" },
      actual: { kind: "call", type: "model" },
      change: { kind: "input" },
      cause: { kind: "code-or-input" },
      paths: [{ path: "$.input.question", expected: '"why"', actual: '"how"' }],
    });
    expect(divergence?.source).toMatch(/recorder\.test\.ts:\d+:\d+$/);
  });

  test("diverges with a new event, a missing one, and one too many", async () => {
    const { id } = await recorded();
    const extra = reach.rerun(id);
    await expect(agent(extra, new World(), { extra: true })).rejects.toThrow();
    expect((await extra.close()).divergence).toMatchObject({ seq: 5, actual: { type: "extra" } });
    const short = reach.rerun(id);
    await short.append({ type: "goal", data: { question: "why" } });
    expect((await short.close()).divergence).toMatchObject({
      seq: 1,
      actual: null,
      change: { kind: "stopped" },
    });
    const long = reach.rerun(id);
    await agent(long, new World());
    await expect(long.append({ type: "more", data: 1 })).rejects.toThrow();
    expect((await long.close()).divergence).toMatchObject({ expected: null, seq: 8 });
  });

  test("that reads the clock or draws ids is told so", async () => {
    for (const [first, second, cause] of [
      [Date.now(), Date.now() + 5, "the time"],
      [new Date(0).toISOString(), new Date().toISOString(), "the time"],
      [crypto.randomUUID(), crypto.randomUUID(), "randomness"],
      [0.25, 0.75, "randomness"],
    ]) {
      const { id } = await recorded({ last: { at: first } });
      const session = reach.rerun(id);
      await expect(agent(session, new World(), { last: { at: second } })).rejects.toThrow();
      const { divergence } = await session.close();
      expect(divergence?.cause).toMatchObject({ kind: "unrecorded-input" });
      expect(divergence?.cause.text).toContain(cause);
    }
  });

  test("takes the same way where parts of it run beside each other", async () => {
    const race = async (session: SessionRecorder) => {
      const steps = async (): Promise<void> => {
        await session.append({ type: "first", data: 1 });
        await session.append({ type: "second", data: 2 });
      };
      await Promise.race([steps(), Promise.resolve()]);
      await session.append({ type: "behind the race", data: null });
    };
    await expectIdentical(race);
    for (let seed = 1; seed <= 40; seed++) {
      const parts = drawnParts(drawing(seed));
      await expectIdentical((session) => runParts(session, parts, "part"), `seed ${seed}`);
    }
  });

  test("sees the same message where an effect threw an error without one", async () => {
    await expectIdentical(async (session) => {
      const failing = session.effect("tool", {}, () => Promise.reject(new Error()));
      const message = await failing.catch((error: Error) => error.message);
      await session.append({ type: "failed", data: message });
    });
  });

  test("makes its notes again, and what cannot be an event is refused as it was", async () => {
    await expectIdentical(async (session) => {
      await session.append({ type: "beside", kind: "note", data: 1 });
      const refused = session.append({ type: "x".repeat(300), data: 1 });
      const code = await refused.catch((error: unknown) => codeOf(error));
      await session.append({ type: "refused", data: code });
    });
  });

  test("diverges, and does not wait for ever, when it does not make what came first", async () => {
    const code = async (session: SessionRecorder, makes: boolean): Promise<void> => {
      const beside = async (): Promise<unknown> => makes && session.append({ type: "x", data: 1 });
      const slow = () => new Promise((resolve) => setTimeout(resolve, 30));
      await Promise.all([session.effect("slow", {}, slow), beside()]);
    };
    const session = reach.record();
    await code(session, true);
    await session.close();
    const again = reach.rerun(session.id, { patienceMs: 50 });
    await expect(code(again, false)).rejects.toMatchObject({ code: "DIVERGED" });
    expect((await again.close()).divergence).toMatchObject({
      seq: 1,
      expected: { kind: "emit", type: "x" },
      actual: null,
      change: { kind: "stopped" },
      pending: { calls: [{ seq: 0, type: "slow" }] },
    });
  });

  test("is told where an effect has recorded something inside", async () => {
    const code = async (session: SessionRecorder): Promise<void> => {
      await Promise.all(
        ["one", "two"].map((name) => {
          const inner = () => session.effect("inner", {}, () => name);
          return session.effect(name, {}, inner);
        }),
      );
    };
    const session = reach.record();
    await code(session);
    await session.close();
    const again = reach.rerun(session.id, { patienceMs: 50 });
    await expect(code(again)).rejects.toMatchObject({ code: "DIVERGED" });
    const { divergence } = await again.close();
    expect(divergence?.cause).toEqual({
      kind: "code-or-input",
      text:
        'it may have been recorded inside of the effect "one" (event 0) or "two" (event 1), ' +
        "which a rerun does not run: record it before or behind the effect, or as a note of " +
        "its call. Else the code changed, or something that it does not get through an effect " +
        "did: the time, randomness, the environment, a file, a variable that outlives the session.",
    });
  });

  test("waits as long as it is told to, also without an end", async () => {
    const code = async (session: SessionRecorder): Promise<void> => {
      const late = async (): Promise<void> => {
        await new Promise((resolve) => setTimeout(resolve, 30));
        await session.append({ type: "late", data: 1 });
      };
      const slow = () => new Promise((resolve) => setTimeout(resolve, 90));
      await Promise.all([session.effect("slow", {}, slow), late()]);
    };
    const session = reach.record();
    await code(session);
    await session.close();
    const again = reach.rerun(session.id, { patienceMs: Number.POSITIVE_INFINITY });
    await code(again);
    expect((await again.close()).verdict).toBe("identical");
    const waiting = { patienceMs: Number.POSITIVE_INFINITY };
    expect((await reach.replay(session.id, waiting)).verdict).toBe("computed");
    const usage = { code: "USAGE", message: "NaN is no time to wait, in milliseconds" };
    const wrong = { patienceMs: Number.NaN };
    expect(() => reach.rerun(session.id, wrong)).toThrow(expect.objectContaining(usage));
    await expect(reach.state(session.id, wrong)).rejects.toMatchObject(usage);
    await expect(reach.replay(session.id, wrong)).rejects.toMatchObject(usage);
  });

  test("says when the recording ends before a result", async () => {
    const session = reach.record();
    void session.effect("slow", {}, () => new Promise(() => {})).catch(() => {});
    await session.append({ type: "note", data: 1 });
    await session.close();
    const again = reach.rerun(session.id);
    const slow = again.effect("slow", {}, () => 1);
    const ended = slow.catch((error: unknown) => error);
    await again.append({ type: "note", data: 1 });
    expect(await ended).toMatchObject({ code: "NOT_FOUND" });
    expect((await again.close()).verdict).toBe("identical");
  });
});
