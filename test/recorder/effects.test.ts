// Effects of code that records itself: what is refused is named, what is noted while one runs is
// seen at once and not compared, and code that is not recorded needs no other shape.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { open, type SessionRecorder } from "../../src/index.ts";
import type { Reach } from "../../src/reach.ts";

const folder = mkdtempSync(path.join(tmpdir(), "reach-effects-"));
const reach: Reach = await open({ data: folder });

afterAll(async () => {
  await reach.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Records code, then runs it again; what it came to both times, thrown or returned. */
async function twice(code: (session: SessionRecorder) => Promise<unknown>) {
  const session = reach.record();
  const live = await code(session).catch((error: unknown) => error);
  await session.close();
  const rerun = reach.rerun(session.id, { patienceMs: 50 });
  const again = await code(rerun).catch((error: unknown) => error);
  const { verdict, divergence } = await rerun.close();
  const events = [...reach.events(session.id)];
  return { live, again, verdict, divergence, events };
}

describe("an effect", () => {
  test("whose result cannot be kept says which one has run, and where", async () => {
    const answer = Object.defineProperty({ text: "hello" }, "_request_id", { value: "req_1" });
    const { live, again, verdict } = await twice((session) => {
      return session.effect("model.chat", {}, async () => answer);
    });
    const message =
      'the effect "model.chat" has run and its result is lost, for it is no plain data: ' +
      "a hidden property at $.value._request_id cannot be kept";
    const refused = { name: "ReachError", code: "DATA_UNSUPPORTED", message };
    expect(live).toMatchObject(refused);
    expect(again).toMatchObject(refused);
    expect(verdict).toBe("identical");
  });

  test("without a function is refused before anything is recorded, also in a rerun", async () => {
    const usage = { code: "USAGE", message: 'the effect "tool" has no function to run: object' };
    const { live, again, events, verdict } = await twice(async (session) => {
      await session.append({ type: "goal", data: null });
      await session.effect("tool", {}, Promise.resolve(1) as unknown as () => number);
    });
    expect(live).toMatchObject(usage);
    expect(again).toMatchObject(usage);
    expect(events).toHaveLength(1);
    expect(verdict).toBe("identical");
  });
});

test("a rerun that is over says so of appends and effects", async () => {
  const session = reach.record();
  await session.append({ type: "goal", data: null });
  await session.close();
  const rerun = reach.rerun(session.id);
  await rerun.append({ type: "goal", data: null });
  await rerun.close();
  const closed = { code: "CLOSED", message: `the rerun of session ${session.id} is over` };
  await expect(rerun.append({ type: "goal", data: null })).rejects.toMatchObject(closed);
  await expect(rerun.effect("tool", {}, () => 1)).rejects.toMatchObject(closed);
});
