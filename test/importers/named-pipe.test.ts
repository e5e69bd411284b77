// Pipes with a name, as `<(zcat session.jsonl.gz)` is one: they have no places to read from, and
// can be read once only.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { afterEach, beforeEach, expect, it } from "vitest";
import { fileSource, importSource } from "../../src/importers/index.ts";
import {
  bundlePieces,
  Directory,
  exportOriginal,
  importBundle,
  verifyBundle,
} from "../../src/session/index.ts";
import { bundleOf } from "../session/bundle-sections.ts";
import { Scratch, writeSample } from "../session/sample-session.ts";

let scratch: Scratch;
let directory: Directory;
let pipe: string;
let writers: ChildProcess[] = [];
beforeEach(async () => {
  scratch = new Scratch();
  pipe = scratch.at("pipe");
  execFileSync("mkfifo", [pipe]);
  directory = await Directory.open({ path: scratch.at("data"), mode: "write" });
});
afterEach(async () => {
  for (const writer of writers) writer.kill("SIGKILL");
  writers = [];
  await directory.close();
  scratch.remove();
});

/** Writes into the pipe as soon as it is read: another process, which can be ended in any case. */
function feed(bytes: Uint8Array): void {
  const file = scratch.at("content");
  writeFileSync(file, bytes);
  writers.push(spawn("sh", ["-c", 'exec cat "$0" > "$1"', file, pipe]));
}

it("a pipe is imported, byte for byte, and never taken for what came before", async () => {
  const bytes = Buffer.alloc(1_500_000, `{"text":"${"x".repeat(500)}"}\n`);
  const ids = new Set<string>();
  for (let n = 0; n < 2; n++) {
    feed(bytes);
    const { id, unchanged } = await importSource(directory, { source: fileSource(pipe) });
    expect(unchanged).toBe(false);
    ids.add(id);
    const pieces: Uint8Array[] = [];
    const reader = directory.session(id);
    await exportOriginal(reader, (piece) => void pieces.push(Uint8Array.from(piece)));
    reader.close();
    expect(Buffer.concat(pieces).equals(bytes)).toBe(true);
  }
  expect(ids.size).toBe(2);
});

it("a bundle is verified and imported from a pipe", async () => {
  const id = await writeSample(directory, 30);
  const bundle = await bundleOf(directory, id);
  feed(bundle);
  expect(await verifyBundle(bundlePieces(pipe))).toMatchObject({
    id,
    events: 30,
    integrity: "intact",
  });
  const other = await Directory.open({ path: scratch.at("other"), mode: "write" });
  feed(bundle);
  expect(await importBundle(other, pipe)).toMatchObject({ id, events: 30 });
  await other.close();
});

it("a pipe that holds no bundle is none, and is left at once", async () => {
  feed(Buffer.alloc(100, "x"));
  await expect(verifyBundle(bundlePieces(pipe))).rejects.toMatchObject({ code: "BUNDLE_INVALID" });
});
