// The entry "reach-replay/testing": a stored session is a test case in three lines, that passes
// with the code of then, fails with a report with other code, and fails for a changed bundle.

import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import type { SessionId } from "../src/base/index.ts";
import { open, type SessionRecorder } from "../src/index.ts";
import { Directory, exportBundle } from "../src/session/index.ts";
import { replayOf, replays, reruns, type StoredSession } from "../src/testing.ts";
import { agent, freshPath, program, programFile, replay, store } from "./runtime/executed/steps.ts";
import { makeSession } from "./runtime/made-session.ts";

async function bundleOf({ root, id }: { readonly root: string; readonly id: SessionId }) {
  const directory = await Directory.open({ path: root, mode: "read" });
  const pieces: Uint8Array[] = [];
  try {
    await exportBundle(directory, id, async (piece) => {
      pieces.push(piece.slice());
    });
  } finally {
    await directory.close();
  }
  const file = freshPath("session.bundle");
  writeFileSync(file, Buffer.concat(pieces));
  return file;
}

const session = await store({ program: await program(agent), snapshotEvents: 30 });
const bundle = await bundleOf(session);
const changed = programFile(agent.replace("{ plan, n }", "{ plan, n, lang: 'en' }"));

describe("a bundle as a test", () => {
  test("passes with the code that it was run with, which travels along", replays(bundle));

  test("passes with the same code in a file", replays(bundle, { program: programFile(agent) }));

  test("fails with other code, and says what, where and why", async () => {
    const failing = replays(bundle, { program: changed });
    await expect(failing()).rejects.toMatchObject({ code: "DIVERGED" });
    const message = await failing().catch((error: Error) => error.message);
    expect(message).toContain("$.input.lang");
    expect(message).toMatch(/source +\S*program\.ts:12:\d+/);
    expect(message).toContain("the code changed");
  });

  test("fails when the bundle was changed or is not there", async () => {
    const bytes = readFileSync(bundle);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1;
    const file = freshPath("damaged.bundle");
    writeFileSync(file, bytes);
    await expect(replays(file)()).rejects.toMatchObject({ code: "BUNDLE_INVALID" });
    writeFileSync(file, bytes.subarray(0, 500));
    await expect(replays(file)()).rejects.toMatchObject({
      code: "BUNDLE_INVALID",
      message: `the bundle ${file}: it is cut off`,
      where: file,
    });
    await expect(replays("no-such.bundle")()).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("gives the whole report to those who look closer", async () => {
    const report = await replayOf(bundle);
    expect(report).toMatchObject({ verdict: "identical", problem: null });
    expect(report.operations?.count).toBeGreaterThan(20);
  });
});

function storedAt({ root, id }: { readonly root: string; readonly id: SessionId }): StoredSession {
  return { data: path.dirname(root), workspace: path.basename(root), id };
}

test("a session of a data directory is a test as well", async () => {
  await replays(storedAt(session))();
  await expect(replays(storedAt(session), { program: changed })()).rejects.toThrow();
});

describe("a test that compares nothing fails, and says so:", () => {
  const nothing = { code: "USAGE", message: expect.stringMatching(/^nothing was compared: /) };
  const folds = "init: () => 0, reduce: (state) => state + 1,";

  test("a recorded session of which no state was kept", async () => {
    const recorded = await makeSession(20);
    const file = programFile(folds);
    const travelled = await bundleOf(recorded);
    await expect(replays(travelled, { program: file })()).rejects.toMatchObject(nothing);
    await expect(replays(travelled)()).rejects.toMatchObject(nothing);
    expect((await replayOf(travelled, { program: file })).verdict).toBe("computed");
    // Kept states are what it is compared with.
    await replay(recorded, { file, keep: true });
    await replays(storedAt(recorded), { program: file })();
  });

  test("an executed session that has not made anything yet", async () => {
    const used = await program(`${folds} step: async (ctx) => { await ctx.waitFor("x"); },`);
    const waiting = await store({ program: used, script: () => undefined });
    await expect(replays(storedAt(waiting))()).rejects.toMatchObject(nothing);
  });

  test("code that has lost its step", async () => {
    const withoutStep = programFile(agent.replace("async step(", "async stepp("));
    const lost = { code: "PROGRAM_INVALID", message: expect.stringContaining("has no `step`") };
    await expect(replays(bundle, { program: withoutStep })()).rejects.toMatchObject(lost);
    await expect(replayOf(bundle, { program: withoutStep })).rejects.toMatchObject(lost);
  });
});

const modelAnswers: Readonly<Record<string, string>> = { why: "because" };

/** Fails at the end, like an agent that gave up. */
async function asking(session: SessionRecorder, question: string, lang?: string) {
  await session.append({ type: "question", data: question });
  const input = lang === undefined ? { question } : { question, lang };
  const answer = await session.effect("model", input, () => modelAnswers[question]);
  await session.append({ type: "answer", data: answer });
  if (answer === undefined) throw new RangeError("no answer");
}

async function recordedBy(code: (session: SessionRecorder) => Promise<unknown>) {
  const root = freshPath("recorded");
  const reach = await open({ data: root });
  const recording = reach.record({ name: "asking" });
  await code(recording).catch(() => {});
  await recording.close();
  await reach.close();
  return { root: path.join(root, "default"), id: recording.id };
}

const ownSession = await recordedBy((session) => asking(session, "why"));
const ownBundle = await bundleOf(ownSession);

describe("a session that code recorded of itself", () => {
  test(
    "is a test of the same code, and nothing is asked again",
    reruns(ownBundle, (recorder) => asking(recorder, "why")),
  );

  test(
    "is one in its data directory as well",
    reruns(storedAt(ownSession), (r) => asking(r, "why")),
  );

  test("fails with other code, and says what, where and why", async () => {
    const failing = reruns(ownBundle, (recorder) => asking(recorder, "why", "en"));
    const { code, message, hint } = await failing().catch((error) => error);
    expect(code).toBe("DIVERGED");
    expect(message).toContain("$.input.lang");
    expect(message).toMatch(/source +\S*testing\.test\.ts:\d+:\d+/);
    expect(hint).toContain("the code changed");
  });

  test("fails with a report that knows no steps", async () => {
    const failing = reruns(ownBundle, (recorder) => asking(recorder, "how"));
    const { message } = await failing().catch((error) => error);
    expect(message).toContain("diverged  at event 0\n  given          nothing yet\n");
    expect(message).not.toMatch(/step|snapshot|last match/);
  });

  test("fails before its runner loses patience, when an effect recorded something inside", {
    timeout: 5000,
  }, async () => {
    const code = (recorder: SessionRecorder): Promise<number> => {
      return recorder.effect("outer", {}, () => recorder.effect("inner", {}, () => 1));
    };
    const failing = reruns(await bundleOf(await recordedBy(code)), code);
    await expect(failing()).rejects.toMatchObject({
      code: "DIVERGED",
      hint: expect.stringContaining('inside of the effect "outer" (event 0)'),
    });
  });

  test("fails with code that keeps the divergence to itself, or does less", async () => {
    const silent = reruns(ownBundle, (recorder) => asking(recorder, "how").catch(() => {}));
    await expect(silent()).rejects.toMatchObject({ code: "DIVERGED" });
    await expect(reruns(ownBundle, () => {})()).rejects.toMatchObject({ code: "DIVERGED" });
    const waiting = reruns(
      ownBundle,
      async (recorder) => {
        await recorder.append({ type: "question", data: "why" });
        await recorder.effect("model", { question: "why" }, () => "");
        await new Promise((resolve) => setTimeout(resolve, 20));
      },
      { patienceMs: 5 },
    );
    await expect(waiting()).rejects.toMatchObject({ code: "DIVERGED" });
  });

  test("fails with what the code throws, where that came out again", async () => {
    const failed = await bundleOf(await recordedBy((session) => asking(session, "how")));
    const failing = reruns(failed, (recorder) => asking(recorder, "how"));
    await expect(failing()).rejects.toThrow(RangeError);
    await reruns(failed, async (recorder) => {
      await expect(asking(recorder, "how")).rejects.toThrow("no answer");
    })();
  });

  test("is no session that a program ran, and no bundle of another key", async () => {
    const executed = { code: "USAGE", hint: expect.stringContaining("`replays`") };
    await expect(reruns(bundle, () => {})()).rejects.toMatchObject(executed);
    const other = { verifierKey: "other+1234abcd+AAAA" };
    await expect(reruns(ownBundle, () => {}, other)()).rejects.toThrow();
    const hint = expect.stringContaining("`reruns`");
    await expect(replays(ownBundle)()).rejects.toMatchObject({ code: "USAGE", hint });
  });
});
