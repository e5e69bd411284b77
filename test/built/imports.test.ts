// Every format of transcript through the library as it is installed: imported, read, folded and
// verified in its threads, out again byte for byte, and as a bundle that others take in.

import { createHash } from "node:crypto";
import * as fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { open, type Reach } from "../../src/index.ts";
import { replayOf, replays } from "../../src/testing.ts";
import { BuiltServer } from "./serving.ts";

const fixtures = path.resolve(import.meta.dirname, "../../fixtures/import");
/** The sessions that files have become. */
const ids = new Map<string, string>();
const formats: readonly (readonly [string, string])[] = [
  ["claude-code.jsonl", "claude-code"],
  ["codex.jsonl", "codex"],
  ["codex-legacy.jsonl", "codex"],
  ["swe-agent.traj", "swe-agent"],
  ["mini-swe-agent.json", "swe-agent"],
  ["openhands-v0.json", "openhands"],
  ["openhands-v1.jsonl", "openhands"],
  ["temporal.json", "temporal"],
  ["recording-v2.cast", "asciicast"],
  ["recording-v3.cast", "asciicast"],
  ["log.ndjson", "ndjson"],
  ["document.json", "json"],
];

const server = new BuiltServer();
let reach: Reach;

beforeAll(async () => {
  reach = await open({ data: server.data });
});

afterAll(async () => {
  await reach.close();
  await server.stop();
});

function sha256Of(file: string): string {
  return createHash("sha256").update(fs.readFileSync(file)).digest("hex");
}

async function imported(file: string): Promise<{ id: string; format: string }> {
  const report = await reach.import(file);
  const hash = createHash("sha256");
  const out = await reach.exportOriginal(report.id, async (bytes) => void hash.update(bytes));
  expect(hash.digest("hex")).toBe(sha256Of(file));
  expect(out.sha256).toBe(sha256Of(file));
  const events = [...reach.events(report.id)];
  expect(events).toHaveLength(report.events);
  const { state, at } = await reach.state(report.id, { at: report.events - 1 });
  expect({ at, state }).toMatchObject({ at: report.events - 1, state: expect.any(Object) });
  const replay = await reach.replay(report.id, { workers: 2 });
  expect(replay).toMatchObject({ verdict: "computed", problem: null });
  const again = await reach.replay(report.id, { workers: 2 });
  expect(again).toMatchObject({ verdict: "identical", divergence: null });
  const verified = await reach.verify(report.id);
  expect(verified).toMatchObject({ integrity: "intact", completeness: "complete" });
  return report;
}

describe("the library imports", () => {
  it.each(formats)("%s, which is %s, without a loss", async (name, format) => {
    const report = await imported(path.join(fixtures, name));
    expect(report.format).toBe(format);
    ids.set(name, report.id);
  });

  it("a folder of files", async () => {
    const { id, format } = await reach.import(path.join(fixtures, "openhands-v1"));
    expect(format).toBe("openhands");
    expect(await reach.verify(id)).toMatchObject({ integrity: "intact" });
  });

  it("what is so large that it is hashed, and its tree grows, in threads", async () => {
    const line = (n: number): string => `${JSON.stringify({ n, text: "x".repeat(1000) })}\n`;
    const file = server.write(
      "large.jsonl",
      Array.from({ length: 18_000 }, (_, n) => line(n)).join(""),
    );
    await imported(file);
  });
});

it.each(["imported", "recorded"])("bundles of format 1 are read for ever: %s", async (name) => {
  const file = path.resolve(fixtures, `../v1/bundles/${name}.bundle`);
  expect(await replayOf(file)).toMatchObject({ problem: null, divergence: null });
});

describe("a server over the same folder", () => {
  it("gives every session away as a bundle, which replays elsewhere", async () => {
    await reach.close();
    await server.start();
    for (const [name, id] of ids) {
      const file = server.scratch.at(`${name}.bundle`);
      await server.client.saveBundle(id, (body) => fs.promises.writeFile(file, body));
      const report = await replayOf(file);
      expect(report, name).toMatchObject({ problem: null, program: { name: "transcript" } });
    }
    // There is nothing in it to compare with.
    const test = replays(server.scratch.at("log.ndjson.bundle"));
    await expect(test()).rejects.toMatchObject({ code: "USAGE" });
    expect(ids.size).toBe(formats.length);
  });
});
