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
/** Room for two batches or three, so that there are more windows than are shared with a thread. */
const windowBytes = 20_000;

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

/** The batches of a session, each valid until the next, out of windows of about `windowBytes`. */
function* batchesOf(
  id: SessionId,
  memory: (() => Uint8Array) | undefined,
  windowBytes: number,
): Generator<Batch> {
  const file = nodeDisk.open(eventLogPath(scratch.at("data"), id), "read");
  const narrow = memory && (() => memory().subarray(0, windowBytes));
  const scan = new LogScan(file, sessionIdBytes(id), file.size(), narrow);
  for (let piece = scan.next(); piece && "batch" in piece; piece = scan.next()) yield piece.batch;
  file.close();
}

/** The root after each event of a session. */
function rootsOf(id: SessionId): Uint8Array[] {
  const roots: Uint8Array[] = [];
  const tree = new RangeBuilder();
  for (const batch of batchesOf(id, undefined, 0)) {
    for (const walk = new BatchWalk(batch); walk.next(); ) {
      tree.append(leafHash(walk.preimage()));
      roots.push(tree.root());
    }
  }
  return roots;
}

describe("a tree that grows", () => {
  it.each([
    ["here", false, "never"],
    ["in a thread that keeps up", true, "always"],
    ["in a thread that falls behind", true, "never"],
    ["in a thread that catches up", true, "later"],
  ])("%s compares roots and stored hashes", async (_, inThread, waits) => {
    for (const changed of [undefined, 0, 1111]) {
      const id = await stored(changed);
      const roots = rootsOf(id);
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
        let i = 0;
        for (const batch of batchesOf(id, tree.memory, windowBytes)) {
          if (waits === "always" || (waits === "later" && i >= 10)) await tree.room(0);
          i += 1;
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
      // How far a thread is behind that nobody waits for is its own affair.
      expect(taken[0]).toBe(inThread);
      if (!inThread) expect(taken).not.toContain(true);
      if (waits === "always") expect(taken).not.toContain(false);
      const expected = sizes.slice(0, -1).map((size, i) => `${size} ${i % 3 !== 1}`);
      expect(settled).toEqual(expected);
      expect(derived.verdict(count)).toBe(changed === undefined ? "ok" : "stale");
      derived.close();
      fs.rmSync(scratch.at("data"), { recursive: true });
    }
  });
});
