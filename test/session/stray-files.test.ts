/**
 * Files that other programs leave in a data directory, as desktops do in every folder they show:
 * nothing that Reach does minds them, and it leaves them alone.
 */
import * as fs from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { SessionId } from "../../src/base/index.ts";
import { importSource, streamSource } from "../../src/importers/index.ts";
import { journalFolder, sessionFolder } from "../../src/log/index.ts";
import {
  collectGarbage,
  Directory,
  removeSession,
  verifySession,
} from "../../src/session/index.ts";
import { simulatedProcesses } from "../sim/simulated-processes.ts";
import { keepSamples, Scratch, writeSample } from "./sample-session.ts";

let scratch: Scratch;
let directory: Directory;
let generation = 0;
let id: SessionId;

function open(): Promise<Directory> {
  generation += 1;
  const processes = simulatedProcesses(generation);
  return Directory.open({ path: scratch.at("data"), mode: "write", processes });
}

/** Leaves a file in every folder; returns their paths. */
function leaveFiles(): string[] {
  const entries = fs.readdirSync(directory.path, { recursive: true, withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory());
  const paths = folders.map((entry) => `${entry.parentPath}/${entry.name}/.DS_Store`);
  for (const path of paths) fs.writeFileSync(path, Buffer.alloc(6148, "Bud1"));
  return paths;
}

beforeEach(async () => {
  scratch = new Scratch();
  directory = await open();
  id = await writeSample(directory, 30);
  await keepSamples(directory, id, [10, 20]);
  await importSource(directory, { source: streamSource("a", pieces()) });
});
afterEach(async () => {
  await directory.close();
  scratch.remove();
});

async function* pieces(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('{"n":1}\n{"n":2}\n');
}

test("files of others in every folder are nobody's sessions, payloads or states", async () => {
  const paths = leaveFiles();
  expect(directory.sessionIds()).toHaveLength(2);
  const imported = await importSource(directory, { source: streamSource("b", pieces()) });
  await removeSession(directory, imported.id);
  const report = await collectGarbage(directory);
  expect(report).toMatchObject({ sessions: 2, missingPayloads: 0 });
  expect(await verifySession(directory, id)).toMatchObject({ integrity: "intact", problems: [] });
  await directory.close();
  directory = await open();
  expect(directory.sessionIds()).toHaveLength(2);
  for (const path of paths) expect(fs.existsSync(path)).toBe(true);
});

test("folders of others keep nothing of a session that is removed, and stay", async () => {
  const folder = sessionFolder(directory.path, id);
  for (const path of [`${folder}/@eaDir`, `${folder}/snapshots/@eaDir`]) {
    fs.mkdirSync(path);
    fs.writeFileSync(`${path}/thumb.jpg`, "x");
  }
  await removeSession(directory, id);
  const left = fs.readdirSync(folder, { recursive: true }).sort();
  const thumbs = ["@eaDir", "@eaDir/thumb.jpg"];
  const below = ["snapshots", ...thumbs.map((name) => `snapshots/${name}`)];
  expect(left).toEqual([...thumbs, ...below, "tombstone"]);
  expect(await collectGarbage(directory)).toMatchObject({ sessions: 1, missingPayloads: 0 });
  await expect(removeSession(directory, id)).rejects.toMatchObject({ code: "GONE" });
});

test("nor do they keep a damaged journal from being recovered", async () => {
  const writer = directory.createSession();
  const bytes = new Uint8Array(3000).fill(7);
  for (let n = 0; n < 4; n++) {
    await writer.append({ kind: "emit", type: "x", time: 1, ref: null, form: "bytes", bytes })
      .durable;
  }
  directory.crash();
  leaveFiles();
  damageJournal();
  directory = await open();
  expect(directory.recovery?.damage).toHaveLength(1);
  expect(directory.recovery?.damage[0]?.entries).toBeUndefined();
});

/** Damages several groups in a row, so that nobody knows what the first of them held. */
function damageJournal(): void {
  const folder = journalFolder(directory.path);
  const name = fs.readdirSync(folder).find((one) => one.endsWith(".wal"));
  const file = fs.openSync(`${folder}/${name}`, "r+");
  const bytes = fs.readFileSync(file);
  const first = bytes.indexOf(Buffer.alloc(200, 7));
  for (let n = 0; n < 2; n++) fs.writeSync(file, Buffer.from([1]), 0, 1, first + 100 + n * 3000);
  fs.closeSync(file);
}

test("a name that is no id is no session, whatever it begins with", () => {
  fs.writeFileSync(`${directory.path}/sessions/notes`, "x");
  fs.mkdirSync(`${sessionFolder(directory.path, id)} copy`);
  expect(directory.sessionIds()).toHaveLength(2);
});
