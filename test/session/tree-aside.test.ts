/**
 * A long import lets its tree grow in a thread: root, stored hashes and what is appended later are
 * those of a tree that grew in one place.
 */
import { existsSync, readFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, expect, test } from "vitest";
import { toHex } from "../../src/base/index.ts";
import { BatchWalk } from "../../src/event/index.ts";
import { leafHash, TreeWriter } from "../../src/merkle/index.ts";
import { type BulkWriter, Directory, verifySession } from "../../src/session/index.ts";
import { Scratch } from "./sample-session.ts";

let scratch = new Scratch();
afterEach(() => {
  scratch.remove();
  scratch = new Scratch();
});

const header = { kind: "emit", type: "test", time: 1, ref: null } as const;
const payload = new Uint8Array(4000).fill(7);
/** More than the bytes of a log from which on the tree grows elsewhere. */
const many = 2600;

function append(writer: BulkWriter, count: number): void {
  for (let i = 0; i < count; i++) writer.append(header, "bytes", payload);
}

/** What `tree.log` and the root are, computed from the events. */
function treeOf(directory: Directory, id: string): { root: string; stored: string } {
  const tree = new TreeWriter();
  const reader = directory.session(id);
  for (const batch of reader.batches()) {
    for (const walk = new BatchWalk(batch); walk.next(); ) tree.append(leafHash(walk.preimage()));
  }
  reader.close();
  return { root: toHex(tree.root()), stored: toHex(tree.take()) };
}

test("the tree of a long import is the one over its events, and grows on from there", async () => {
  const place = scratch.at("data");
  const directory = await Directory.open({ path: place, mode: "write" });
  const bulk = await directory.openBulk();
  const { id } = bulk;
  append(bulk, 1300);
  if (os.availableParallelism() > 1) {
    expect(() => bulk.tail.root()).toThrow("settled before its root");
  }
  await bulk.watermark();
  append(bulk, many - 1300);
  await directory.closeWriter(bulk);
  const imported = treeOf(directory, id);
  expect(toHex(bulk.tail.root())).toBe(imported.root);
  const treeLog = path.join(place, "sessions", id.slice(-2), id, "tree.log");
  expect(toHex(readFileSync(treeLog))).toBe(imported.stored);

  const again = await directory.openBulk({ id });
  append(again, 7);
  await directory.closeWriter(again);
  const continued = treeOf(directory, id);
  expect(toHex(readFileSync(treeLog))).toBe(continued.stored);
  const report = await verifySession(directory, id);
  expect(report.problems).toEqual([]);
  expect(report.events).toBe(many + 7);
  await directory.close();
});

test("a long import that is given up leaves nothing, also no thread", async () => {
  const place = scratch.at("data");
  const directory = await Directory.open({ path: place, mode: "write" });
  const bulk = await directory.openBulk();
  append(bulk, many);
  await directory.discardBulk(bulk);
  expect(existsSync(path.join(place, "sessions", bulk.id.slice(-2), bulk.id))).toBe(false);
  const threads = process.getActiveResourcesInfo().filter((kind) => kind === "MessagePort");
  await directory.close();
  expect(threads).toEqual([]);
});

test("a watermark is due after 8 MiB, and has to be waited for after 32", async () => {
  const directory = await Directory.open({ path: scratch.at("data"), mode: "write" });
  const bulk = await directory.openBulk();
  const asked = (): boolean[] => [bulk.watermarkDue, bulk.watermarkOverdue];
  const eventsOf = (mebibytes: number): number => Math.ceil((mebibytes * 1024 * 1024) / 4000);
  append(bulk, eventsOf(7.5));
  expect(asked()).toEqual([false, false]);
  append(bulk, eventsOf(0.6));
  expect(asked()).toEqual([true, false]);
  append(bulk, eventsOf(24));
  expect(asked()).toEqual([true, true]);
  await bulk.watermark();
  expect(asked()).toEqual([false, false]);
  await directory.discardBulk(bulk);
  await directory.close();
});
