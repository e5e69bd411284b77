// What takes long: memory at 1,000,000 events, a program that takes all of it, and that a process
// which has used workers ends by itself. Each case runs in a process of its own.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";

const folder = mkdtempSync(path.join(tmpdir(), "reach-workers-"));
const dist = fileURLToPath(new URL("../../dist/", import.meta.url));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const prelude = `
import { Directory } from ${JSON.stringify(`${dist}session/index.js`)};
import { encodeValue } from ${JSON.stringify(`${dist}base/index.js`)};
import { loadProgram, replaySession, stateAt } from ${JSON.stringify(`${dist}runtime/index.js`)};
const path = ${JSON.stringify(path.join(folder, "data"))};
async function make(events) {
  const directory = await Directory.open({ path, mode: "write" });
  const writer = await directory.openBulk();
  for (let i = 0; i < events; i++) {
    const text = ("event " + i + " ").repeat(i % 101 === 7 ? 500 : i % 60);
    const header = { time: i, kind: i % 3 ? "emit" : "call", type: "type " + (i % 17), ref: null };
    writer.append(header, "cbor", encodeValue({ i, text, path: ["a", i % 13] }));
    if (writer.watermarkDue) await writer.watermark();
  }
  await directory.closeWriter(writer);
  await directory.signCheckpoint(writer);
  await directory.close();
}
function say(value) {
  console.log(JSON.stringify({ ...value, rss: process.resourceUsage().maxRSS / 1024 }));
}
`;

/** Runs a script in a process of its own; what it said last, as a value. */
function run(script: string): Record<string, unknown> {
  const file = path.join(folder, "script.mjs");
  writeFileSync(file, prelude + script);
  const { status, stdout, stderr } = spawnSync(process.execPath, [file], { encoding: "utf8" });
  expect(stderr).toBe("");
  expect(status).toBe(0);
  return JSON.parse(stdout.trim().split("\n").at(-1) as string) as Record<string, unknown>;
}

function replayScript(mode: "read" | "write", options: string): string {
  return `
    const directory = await Directory.open({ path, mode: "${mode}" });
    const [id] = directory.sessionIds();
    const program = await loadProgram();
    say(await replaySession(directory, id, { program, ${options} }));
    await directory.close();
  `;
}

test("a million events are replayed in far less than 512 MiB", () => {
  const computed = run(`
    await make(1_000_000);
    ${replayScript("write", "keep: true, workers: 2")}
  `);
  expect(computed).toMatchObject({ verdict: "computed", keptSnapshots: 1_000 });
  for (const workers of [1, 2, 4]) {
    const { verdict, stateHash, rss } = run(replayScript("read", `workers: ${workers}`));
    expect({ verdict, stateHash }).toEqual({ verdict: "identical", stateHash: computed.stateHash });
    expect(rss).toBeLessThan(100 + 60 * workers);
  }
  expect(computed.rss).toBeLessThan(320);
});

test("a program that takes all memory fails alone, and the process goes on", () => {
  const file = path.join(folder, "hungry.ts");
  const reduce = "(s) => { for (;;) s.push([s.length]); }";
  writeFileSync(
    file,
    `export default { name: "hungry", version: "1", init: () => [], reduce: ${reduce} };`,
  );
  const { code, message, verdict } = run(`
    const directory = await Directory.open({ path, mode: "read" });
    const [id] = directory.sessionIds();
    const program = await loadProgram(${JSON.stringify(file)});
    const error = await replaySession(directory, id, { program, workers: 1 }).catch((e) => e);
    const { verdict } = await replaySession(directory, id, { program: await loadProgram(), to: 1 });
    say({ code: error.code, message: error.message, verdict });
  `);
  expect(code).toBe("WORKER_FAILED");
  expect(message).toContain("MiB of memory");
  expect(verdict).toBe("identical");
});

test("warm workers do not keep a process from ending", () => {
  const { at } = run(`
    const directory = await Directory.open({ path, mode: "read" });
    const [id] = directory.sessionIds();
    const { at } = await stateAt(directory, id, 4_321, { program: await loadProgram() });
    say({ at });
  `);
  expect(at).toBe(4_321);
});
