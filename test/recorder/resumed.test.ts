// Going on with a recording whose process has died: what was under way is marked, and a rerun of
// what both processes did gets past it, or says why not.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { type EffectFailure, open, type Reach, type SessionRecorder } from "../../src/index.ts";

const folder = mkdtempSync(path.join(tmpdir(), "reach-resumed-"));
const reach: Reach = await open({ data: folder });

afterAll(async () => {
  await reach.close();
  rmSync(folder, { recursive: true, force: true });
});

const never = () => new Promise<never>(() => {});

/** Asks twice where the first try was interrupted, as a process that goes on does. */
async function ask(session: SessionRecorder, question: string, run: () => unknown) {
  try {
    return await session.effect("model", { question }, run);
  } catch (error) {
    const { name, code } = error as EffectFailure;
    await session.append({ type: "failed", data: { name, code } });
    return session.effect("model", { question }, run);
  }
}

async function crashed(open: readonly string[] = ["why", "how"]): Promise<string> {
  const session = reach.record({ name: "agent" });
  await session.append({ type: "goal", data: null });
  await session.effect("clock", null, () => 1);
  for (const question of open) {
    void session.effect("model", { question }, never).catch(() => {});
  }
  await session.append({ type: "asked", data: null });
  // Does not wait for what is under way, whose results never come: as if the process had died.
  await session.close();
  return session.id;
}

function eventsOf(id: string) {
  return [...reach.events(id)].map(({ kind, type, ref, data }) => [kind, type, ref, data]);
}

function interrupted(name: string) {
  const message = `the process that ran "${name}" ended before its result was recorded`;
  return { error: { name: "ReachError", code: "INTERRUPTED", message } };
}

describe("a recording whose process died", () => {
  test("is gone on with behind a note, and what was under way has a result", async () => {
    const id = await crashed();
    const before = eventsOf(id);
    expect(before.map(([kind]) => kind)).toEqual([
      "emit",
      "call",
      "result",
      "call",
      "call",
      "emit",
    ]);
    const session = reach.resume(id);
    expect(session.leftOpen).toEqual([
      { seq: 3, name: "model" },
      { seq: 4, name: "model" },
    ]);
    expect(await session.append({ type: "on", data: null })).toBe(9);
    await session.close();
    expect(eventsOf(id)).toEqual([
      ...before,
      ["note", "reach.resumed", null, {}],
      ["result", "model", 3, interrupted("model")],
      ["result", "model", 4, interrupted("model")],
      ["emit", "on", null, null],
    ]);
    // What is marked is not marked again.
    const again = reach.resume(id);
    expect(again.leftOpen).toEqual([]);
    await again.close();
    expect(eventsOf(id).slice(10)).toEqual([["note", "reach.resumed", null, {}]]);
  });

  test("can be run again as one piece of code, where it goes on as that would", async () => {
    const id = await crashed(["why"]);
    const session = reach.resume(id);
    await session.append({ type: "failed", data: { name: "ReachError", code: "INTERRUPTED" } });
    await session.effect("model", { question: "why" }, () => "because");
    await session.append({ type: "end", data: null });
    await session.close();
    const rerun = reach.rerun(id);
    await rerun.append({ type: "goal", data: null });
    await rerun.effect("clock", null, never);
    const asking = ask(rerun, "why", never);
    await rerun.append({ type: "asked", data: null });
    expect(await asking).toBe("because");
    await rerun.append({ type: "end", data: null });
    expect(await rerun.close()).toMatchObject({ verdict: "identical", divergence: null });
  });

  test("can be run again as the two processes that it was", async () => {
    const id = await crashed(["why"]);
    const second = async (session: SessionRecorder) => {
      await session.append({ type: "second life", data: null });
      return session.effect("tool", {}, () => "done");
    };
    const session = reach.resume(id);
    await second(session);
    await session.close();
    const rerun = reach.rerun(id);
    await rerun.append({ type: "goal", data: null });
    await rerun.effect("clock", null, never);
    const asking = rerun.effect("model", { question: "why" }, never);
    await rerun.append({ type: "asked", data: null });
    await expect(asking).rejects.toMatchObject({ code: "INTERRUPTED" });
    expect(await second(rerun)).toBe("done");
    expect((await rerun.close()).verdict).toBe("identical");
  });

  test("is told apart where the code goes on otherwise than the process that did", async () => {
    const id = await crashed([]);
    const session = reach.resume(id);
    await session.append({ type: "second life", data: null });
    await session.close();
    const rerun = reach.rerun(id);
    await rerun.append({ type: "goal", data: null });
    await rerun.effect("clock", null, never);
    await rerun.append({ type: "asked", data: null });
    const going = rerun.append({ type: "on and on", data: null });
    await expect(going).rejects.toMatchObject({ code: "DIVERGED" });
    const { divergence } = await rerun.close();
    expect(divergence?.cause.text).toMatch(
      /^behind event 4 another process went on with the recording, and the code has to do here /,
    );
  });
});

test("calls that code has appended by itself are left to it", async () => {
  const session = reach.record();
  const call = { kind: "call", type: "approval", data: { by: "me" } } as const;
  const seq = await session.append(call);
  await session.close();
  const again = reach.resume(session.id);
  expect(again.leftOpen).toEqual([]);
  await again.append({ kind: "result", type: "approval", ref: seq, data: true });
  await again.close();
  expect(eventsOf(session.id).map(([kind]) => kind)).toEqual(["call", "note", "result"]);
});

test("a large input that was under way is found, too", async () => {
  const session = reach.record();
  void session.effect("model", { text: "x".repeat(2_000_000) }, never).catch(() => {});
  await session.append({ type: "behind", data: null });
  await session.close();
  const again = reach.resume(session.id);
  expect(again.leftOpen).toEqual([{ seq: 0, name: "model" }]);
  await again.close();
});
