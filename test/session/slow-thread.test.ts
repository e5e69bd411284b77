// Where the thread that grows the tree is slow, whoever appends much waits for it now and then:
// what the thread has yet to see takes bounded memory.

import os from "node:os";
import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { SessionId } from "../../src/base/index.ts";
import {
  type BulkWriter,
  Directory,
  exportBundle,
  forkSession,
  importBundle,
  verifySession,
} from "../../src/session/index.ts";
import { SideThread } from "../../src/threads/index.ts";
import { fate } from "../threads/mortal-worker.ts";
import { Scratch } from "./sample-session.ts";

vi.mock("node:worker_threads", async (actual) => {
  const { mortalThreads } = await import("../threads/mortal-worker.ts");
  return mortalThreads(await actual());
});

const header = { kind: "emit", type: "test", time: 1, ref: null } as const;
const payload = new Uint8Array(4000).fill(7);
/** 40 MiB, 80 orders. */
const many = 10_000;

let scratch: Scratch;
let directory: Directory;
/** Memory that is shared with threads. */
let shared: Set<Uint8Array>;
beforeEach(async () => {
  vi.spyOn(os, "availableParallelism").mockReturnValue(2);
  shared = new Set();
  const { take } = SideThread.prototype;
  vi.spyOn(SideThread.prototype, "take").mockImplementation(function (
    this: SideThread<unknown, unknown>,
  ) {
    const memory = take.call(this);
    if (memory) shared.add(memory);
    // Nobody looks at it any more: neither the thread nor who lent it.
    return memory?.fill(0xff);
  });
  scratch = new Scratch();
  directory = await Directory.open({ path: scratch.at("data"), mode: "write" });
});
afterEach(async () => {
  fate.of = "lives";
  vi.restoreAllMocks();
  await directory.close();
  scratch.remove();
});

function append(writer: BulkWriter, count: number): void {
  for (let i = 0; i < count; i++) writer.append(header, "bytes", payload);
}

async function recorded(): Promise<SessionId> {
  const writer = await directory.openBulk();
  for (let i = 0; i < many; i += 2000) {
    append(writer, 2000);
    await writer.watermark();
  }
  await directory.closeWriter(writer);
  shared.clear();
  return writer.id;
}

async function isRightAndBounded(id: SessionId): Promise<void> {
  expect(shared.size).toBeGreaterThan(1);
  expect(shared.size).toBeLessThan(40);
  fate.of = "lives";
  const report = await verifySession(directory, id, { inThread: true });
  expect(report).toMatchObject({ problems: [], derived: "ok", completeness: "complete" });
}

describe("memory for a slow thread is bounded", () => {
  it("in a bulk import", async () => {
    fate.of = "is slow";
    const writer = await directory.openBulk();
    for (let i = 0; i < many; i += 1000) {
      append(writer, 1000);
      await writer.room();
    }
    await directory.closeWriter(writer);
    await isRightAndBounded(writer.id);
  });

  it.each([
    ["that shares all events", new Map()],
    ["with an event replaced", new Map([[2, "other"]])],
  ])("in a fork %s", async (_, overrides) => {
    const source = await recorded();
    fate.of = "is slow";
    const { id, events } = await forkSession(directory, source, { at: many, overrides });
    expect(events).toBe(many + 1);
    await isRightAndBounded(id);
  });

  it("in the import of a bundle", async () => {
    const source = await recorded();
    const pieces: Uint8Array[] = [];
    await exportBundle(directory, source, (bytes) => void pieces.push(Uint8Array.from(bytes)));
    await directory.close();
    directory = await Directory.open({ path: scratch.at("other"), mode: "write" });
    fate.of = "is slow";
    const { id } = await importBundle(directory, Readable.from(pieces));
    await isRightAndBounded(id);
  });
});
