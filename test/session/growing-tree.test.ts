// The tree that verifying grows: whether a thread hashes nothing, the nodes, or everything, it says
// the same about every root that was claimed and about the stored hashes.

import * as fs from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type SessionId, sessionIdBytes, toHex } from "../../src/base/index.ts";
import { nodeDisk } from "../../src/disk/index.ts";
import { type Batch, BatchWalk } from "../../src/event/index.ts";
import { eventLogPath } from "../../src/log/index.ts";
import { leafHash, RangeBuilder } from "../../src/merkle/index.ts";
import { DerivedCheck } from "../../src/session/derived-check.ts";
import { GrowingTree } from "../../src/session/growing-tree.ts";
import { Directory, treePath } from "../../src/session/index.ts";
import { LogScan } from "../../src/session/log-scan.ts";
import { RootMarks } from "../../src/session/root-marks.ts";
import { Scratch, writeSample } from "./sample-session.ts";

const count = 1700;

let scratch: Scratch;
beforeEach(() => {
  scratch = new Scratch();
});
afterEach(() => scratch.remove());

/** A stored session whose `tree.log` is as it should be but for the leaf of one event. */
async function stored(changed: number | undefined): Promise<SessionId> {
  const directory = await Directory.open({ path: scratch.at("data"), mode: "write" });
  const id = await writeSample(directory, count);
  await directory.close();
  if (changed === undefined) return id;
  const file = treePath(scratch.at("data"), id);
  const bytes = fs.readFileSync(file);
  // Behind every 256 leaves one node is stored.
  const at = 32 * (changed + Math.floor(changed / 256));
  bytes[at] = (bytes[at] as number) ^ 1;
  fs.writeFileSync(file, bytes);
  return id;
}

/** The batches of a session with bytes of their own, and the root after each event. */
function read(id: SessionId): { batches: Batch[]; roots: Uint8Array[] } {
  const file = nodeDisk.open(eventLogPath(scratch.at("data"), id), "read");
  const scan = new LogScan(file, sessionIdBytes(id), file.size());
  const batches: Batch[] = [];
  const roots: Uint8Array[] = [];
  const tree = new RangeBuilder();
  for (let piece = scan.next(); piece && "batch" in piece; piece = scan.next()) {
    const batch = { ...piece.batch, bytes: piece.batch.bytes.slice() };
    batches.push(batch);
    for (const walk = new BatchWalk(batch); walk.next(); ) {
      tree.append(leafHash(walk.preimage()));
      roots.push(tree.root());
    }
  }
  file.close();
  return { batches, roots };
}

describe("a tree that grows", () => {
  it.each([
    ["here", false, "never"],
    ["in a thread that has not begun", true, "never"],
    ["in a thread that has begun", true, "first"],
    ["in a thread that begins on the way", true, "later"],
  ])("%s compares roots and stored hashes", async (_, inThread, waits) => {
    for (const changed of [undefined, 0, 1111]) {
      const id = await stored(changed);
      const { batches, roots } = read(id);
      const derived = new DerivedCheck(nodeDisk, scratch.at("data"), id, sessionIdBytes(id));
      const settled: string[] = [];
      const sizes = [1, 2, 255, 256, 257, 1000, 1000, 1112, count, count + 1];
      const marks = new RootMarks(
        sizes.map((size, i) => {
          const root = i % 3 === 1 ? new Uint8Array(32) : (roots[size - 1] as Uint8Array);
          return { size, root, settle: (holds) => settled.push(`${size} ${holds}`) };
        }),
      );
      const tree = new GrowingTree(marks, derived, inThread);
      const taken: boolean[] = [];
      try {
        for (const [i, batch] of batches.entries()) {
          if (waits === "first" || (waits === "later" && i === 10)) await tree.room(0);
          const whole = tree.takes(batch);
          taken.push(whole);
          for (const walk = new BatchWalk(batch); !whole && walk.next(); ) {
            tree.add(walk.preimage());
          }
          tree.endBatch();
        }
        await tree.settled();
        expect(toHex(tree.root())).toBe(toHex(roots.at(-1) as Uint8Array));
      } finally {
        await tree.close();
      }
      expect(taken).toEqual(
        batches.map((_, i) => waits === "first" || (waits === "later" && i >= 10)),
      );
      const expected = sizes.slice(0, -1).map((size, i) => `${size} ${i % 3 !== 1}`);
      expect(settled).toEqual(expected);
      expect(derived.verdict(count)).toBe(changed === undefined ? "ok" : "stale");
      derived.close();
      fs.rmSync(scratch.at("data"), { recursive: true });
    }
  });
});
