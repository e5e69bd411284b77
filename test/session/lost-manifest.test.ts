/**
 * What is promised of a session whose manifest is lost: its events are still there, so nobody gets
 * its id for anything else, and nothing that fails takes them away.
 */
import * as fs from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type SessionId, utf8 } from "../../src/base/index.ts";
import { importSource, streamSource } from "../../src/importers/index.ts";
import { eventLogPath, manifestPath, sessionFolder } from "../../src/log/index.ts";
import { Directory, importBundle } from "../../src/session/index.ts";
import { bundleOf, inPieces } from "./bundle-sections.ts";
import { filesBelow, Scratch, writeSample } from "./sample-session.ts";

let scratch: Scratch;
let directory: Directory;
let id: SessionId;
let bundle: Uint8Array;
let before: [string, Buffer][];

beforeEach(async () => {
  scratch = new Scratch();
  const path = scratch.at("data");
  directory = await Directory.open({ path, mode: "write" });
  id = await writeSample(directory, 100);
  bundle = await bundleOf(directory, id);
  await directory.close();
  fs.rmSync(manifestPath(path, id));
  directory = await Directory.open({ path, mode: "write" });
  before = contents();
});
afterEach(async () => {
  await directory.close();
  scratch.remove();
});

/** Names and bytes of the session's files. */
function contents(): [string, Buffer][] {
  const folder = sessionFolder(directory.path, id);
  return filesBelow(folder).map((name) => [name, fs.readFileSync(`${folder}/${name}`)]);
}

async function* pieces(): AsyncGenerator<Uint8Array> {
  yield utf8('{"n":1}\n{"n":2}\n');
}

test("a bundle of it restores it and is refused otherwise, whole or cut off", async () => {
  for (const bytes of [bundle.subarray(0, -1), bundle]) {
    await expect(importBundle(directory, inPieces(bytes))).rejects.toMatchObject({
      code: "CORRUPT",
      hint: expect.stringContaining("--restore"),
    });
    expect(contents()).toEqual(before);
  }
  const restored = await importBundle(directory, inPieces(bundle), { restore: true });
  expect(restored).toMatchObject({ events: 100, restoredFrom: 100 });
});

test("with its events lost as well, what was signed of them is there and minded", async () => {
  fs.rmSync(eventLogPath(directory.path, id));
  before = contents();
  for (const bytes of [bundle.subarray(0, -1), bundle]) {
    await expect(importBundle(directory, inPieces(bytes))).rejects.toMatchObject({
      hint: expect.stringContaining("--restore"),
    });
    expect(contents()).toEqual(before);
  }
  expect(() => directory.createSession({ id })).toThrow(/there is a session/);
  const restored = await importBundle(directory, inPieces(bundle), { restore: true });
  expect(restored).toMatchObject({ events: 100 });
});

test("an import gets another id", async () => {
  const source = streamSource("a", pieces());
  await expect(importSource(directory, { source, id })).rejects.toMatchObject({
    code: "CONFLICT",
  });
  expect(contents()).toEqual(before);
});

test("a session that is recorded gets another id", async () => {
  expect(() => directory.createSession({ id })).toThrow(/there is a session/);
  await expect(directory.openBulk({ id })).rejects.toMatchObject({ code: "CORRUPT" });
  expect(contents()).toEqual(before);
});
