/**
 * What exports promise while another process writes the session: they hold what there was when they
 * began, and what is signed of more events meanwhile does not get into them.
 */
import * as fs from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type SessionId, utf8 } from "../../src/base/index.ts";
import { checkpointPath, eventLogPath } from "../../src/log/index.ts";
import { openCheckpoint } from "../../src/merkle/index.ts";
import {
  Directory,
  exportBundle,
  exportTlogTiles,
  importBundle,
  treePath,
} from "../../src/session/index.ts";
import { inPieces, verified } from "./bundle-sections.ts";
import { Scratch, writeSample } from "./sample-session.ts";

const events = 300;

let scratch: Scratch;
let reading: Directory;
let id: SessionId;
/** What the process that writes does once: one more event, signed. */
let grow: () => void;

beforeEach(async () => {
  scratch = new Scratch();
  const path = scratch.at("data");
  const directory = await Directory.open({ path, mode: "write" });
  id = await writeSample(directory, events);
  const files = [eventLogPath(path, id), checkpointPath(path, id)];
  const before = files.map((file) => fs.readFileSync(file));
  const writer = directory.appendTo(id);
  const header = { kind: "emit", type: "late", time: 1, ref: null } as const;
  await writer.append({ ...header, form: "json", bytes: utf8("1") }).durable;
  await directory.closeWriter(writer);
  await directory.signSession(id);
  await directory.close();
  const after = files.map((file) => fs.readFileSync(file));
  const put = (contents: readonly Buffer[]): void => {
    for (const [i, file] of files.entries()) fs.writeFileSync(file, contents[i] as Buffer);
  };
  put(before);
  // So that roots are computed, which takes turns.
  fs.rmSync(treePath(path, id), { force: true });
  grow = () => put(after);
  reading = await Directory.open({ path, mode: "read" });
});
afterEach(async () => {
  await reading.close();
  scratch.remove();
});

test("a bundle is complete, of as many events as there were", async () => {
  const pieces: Uint8Array[] = [];
  const summary = await exportBundle(reading, id, async (bytes) => void pieces.push(bytes), {
    get signal() {
      grow();
      return new AbortController().signal;
    },
  });
  expect(summary).toMatchObject({ events, signedSize: events });
  const bundle = Buffer.concat(pieces);
  expect(await verified(bundle)).toMatchObject({ completeness: "complete", signedSize: events });
  const other = await Directory.open({ path: scratch.at("other"), mode: "write" });
  expect(await importBundle(other, inPieces(bundle))).toMatchObject({ events });
  await other.close();
});

test("the checkpoint beside tiles is the one of these tiles", async () => {
  const reader = reading.session(id);
  const summary = await exportTlogTiles(reader, scratch.at("log"), { onProgress: grow });
  reader.close();
  expect(summary).toMatchObject({ events });
  const note = fs.readFileSync(scratch.at("log", "checkpoint"));
  expect(openCheckpoint(note, [reading.identity.verifier]).size).toBe(events);
});
