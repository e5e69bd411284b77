// The entry "reach-replay/testing": a stored session is a test case in three lines, that passes
// with the code of then, fails with a report with other code, and fails for a changed bundle.

import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { Directory, exportBundle } from "../src/session/index.ts";
import { replayOf, replays } from "../src/testing.ts";
import { agent, freshPath, program, programFile, store } from "./runtime/executed/steps.ts";

async function bundleOf({ root, id }: { readonly root: string; readonly id: string }) {
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
    await expect(replays("no-such.bundle")()).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("fails when there is nothing to compare", async () => {
    const folding = programFile(agent.replace("async step(ctx)", "async other(ctx)"));
    const failing = replays(bundle, { program: folding });
    await expect(failing()).rejects.toMatchObject({ code: "USAGE" });
    await expect(failing()).rejects.toThrow("nothing of the session was compared");
    expect(await replayOf(bundle, { program: folding })).toMatchObject({ verdict: "computed" });
  });

  test("gives the whole report to those who look closer", async () => {
    const report = await replayOf(bundle);
    expect(report).toMatchObject({ verdict: "identical", problem: null });
    expect(report.operations?.count).toBeGreaterThan(20);
  });
});

test("a session of a data directory is a test as well", async () => {
  const { root, id } = session;
  const stored = { data: root.slice(0, root.lastIndexOf("/")), id };
  const workspace = root.slice(root.lastIndexOf("/") + 1);
  await replays({ ...stored, workspace })();
  await expect(replays({ ...stored, workspace }, { program: changed })()).rejects.toThrow();
});
