// An import whose threads die, or cannot be started, comes to the same without them; and so does
// verifying what it made. Where that cannot be, nothing of the import stays behind.

import { readdirSync } from "node:fs";
import os from "node:os";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { importSource, type Source } from "../../src/importers/index.ts";
import { Directory, exportOriginal, verifySession } from "../../src/session/index.ts";
import { Scratch } from "../session/sample-session.ts";
import { type Fate, fate } from "../threads/mortal-worker.ts";

vi.mock("node:worker_threads", async (actual) => {
  const { mortalThreads } = await import("../threads/mortal-worker.ts");
  return mortalThreads(await actual());
});

const mebibyte = 1024 * 1024;
const words = Array.from({ length: 3000 }, (_, i) => (i * i * 7919).toString(36)).join(" ");
/** One in a hundred goes to the store. */
const line = (i: number): string => {
  const size = i % 100 === 99 ? 16_000 : 2900;
  return `{"type":"kind-${i % 3}","text":"${words.slice(i % 1000, (i % 1000) + size)}"}\n`;
};
/** Enough for a thread that hashes and one that grows the tree, here and in `verify`. */
const content = Buffer.from(Array.from({ length: 6500 }, (_, i) => line(i)).join(""));

let scratch: Scratch;
let directory: Directory;
beforeEach(async () => {
  vi.spyOn(os, "availableParallelism").mockReturnValue(2);
  scratch = new Scratch();
  directory = await Directory.open({ path: scratch.at("data"), mode: "write" });
});
afterEach(async () => {
  vi.restoreAllMocks();
  Object.assign(fate, { of: "lives", file: "" });
  await directory.close();
  scratch.remove();
});

/** A source in memory, read like a file; `again` is what it holds when it is opened once more. */
function memorySource(bytes: Buffer, again = bytes): Source {
  let opened = 0;
  const open: Source["open"] = async function* (offset, take) {
    opened += 1;
    const now = opened === 1 ? bytes : again;
    for (let at = offset; at < now.length; ) {
      const memory = (await take?.()) ?? new Uint8Array(mebibyte);
      const size = now.copy(memory, 0, at, Math.min(at + memory.length, now.length));
      at += size;
      yield memory.subarray(0, size);
    }
  };
  return { name: "memory.jsonl", size: bytes.length, reopenable: true, open };
}

const fates: Fate[] = [
  "lives",
  "is slow",
  "is refused",
  "does not start",
  { killedAfter: 1 },
  { killedAfter: 9 },
];
const files = ["source-thread", "tree-thread"];
const cases = files.flatMap((file) => fates.map((of) => ({ file, of })));

describe("an import", () => {
  it.each(cases)("is the same whatever becomes of its thread: $file $of", async ({ file, of }) => {
    Object.assign(fate, { file, of, deaths: 0 });
    const source = memorySource(content);
    const { id, root, records } = await importSource(directory, { source });
    const deaths = of === "lives" ? 0 : 1;
    expect(fate.deaths).toBe(deaths);
    expect(records).toBe(6500);
    const reader = directory.session(id);
    const pieces: Uint8Array[] = [];
    await exportOriginal(reader, (bytes) => void pieces.push(Uint8Array.from(bytes)));
    reader.close();
    expect(Buffer.concat(pieces).equals(content)).toBe(true);
    for (const inThread of [false, true]) {
      const report = await verifySession(directory, id, { inThread });
      expect(report).toMatchObject({ root, problems: [], derived: "ok", completeness: "complete" });
    }
    expect(fate.deaths).toBe(file === "tree-thread" ? 2 * deaths : deaths);
  });

  it("of a source that changed while its thread died leaves nothing", async () => {
    Object.assign(fate, { file: "source-thread", of: { killedAfter: 9 } });
    const changed = Buffer.from(content);
    changed[100] = 0x79;
    for (const again of [changed, content.subarray(0, mebibyte), Buffer.alloc(0)]) {
      const source = memorySource(content, again);
      await expect(importSource(directory, { source })).rejects.toMatchObject({
        code: "SOURCE_UNREADABLE",
        hint: "nothing of it was kept; import it again",
      });
    }
    expect(directory.sessionIds()).toEqual([]);
    expect(readdirSync(scratch.at("data", "bulk"))).toEqual([]);
  });
});
