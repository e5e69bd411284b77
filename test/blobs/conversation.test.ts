/** A conversation that is sent again with every model call is stored about once. */
import { expect, test } from "vitest";
import { concat, equalBytes, sha256, utf8 } from "../../src/base/index.ts";
import { PackBlobs } from "../../src/blobs/index.ts";
import { commit, problems } from "./blobs.cases.ts";
import { MemoryDisk } from "./memory-disk.ts";
import { modelCalls } from "./samples.ts";

/** 100 requests that grow to 200,000 tokens, at about 4 bytes each. */
const calls = modelCalls(100, 8000, 1);
const conversation = calls.at(-1)?.length as number;
const sent = calls.reduce((sum, call) => sum + call.length, 0);

test("100 model calls with a growing conversation take at most 1.45 times its bytes", async () => {
  expect(conversation).toBeGreaterThan(780_000);
  expect(sent).toBeGreaterThan(40_000_000);
  const disk = new MemoryDisk();
  const store = await PackBlobs.open(disk, "blobs", "write");
  for (const call of calls) commit(store, store.stage(call));
  expect(disk.packBytes / conversation).toBeLessThan(1.45);
  for (const call of calls) expect(equalBytes(store.get(sha256(call)), call)).toBe(true);
  expect(problems(store, ...calls)).toEqual([]);
});

test("also in bulk, and nothing more when another process sends them again", async () => {
  const disk = new MemoryDisk();
  const store = await PackBlobs.open(disk, "blobs", "write");
  const writer = store.openBulk();
  for (const call of calls) writer.put(call);
  await writer.sync();
  writer.close();
  expect(writer.storedBytes / conversation).toBeLessThan(1.45);
  store.close();
  const next = await PackBlobs.open(disk, "blobs", "write");
  for (const call of calls) expect(next.stage(call).entries).toEqual([]);
  const again = next.openBulk();
  for (const call of calls) again.put(call);
  expect(again.storedBytes).toBe(0);
  again.abandon();
  next.close();
});

test("less where what stands in front of the conversation differs with each call", async () => {
  const disk = new MemoryDisk();
  const store = await PackBlobs.open(disk, "blobs", "write");
  const differing = calls.map((call, i) => concat(utf8(`{"n":${1000 + i},"request":`), call));
  for (const call of differing) commit(store, store.stage(call));
  expect(disk.packBytes / conversation).toBeLessThan(1.4);
  expect(problems(store, ...differing)).toEqual([]);
  // In a stream it is cut the same.
  const writer = store.openBulk();
  for (const call of differing) {
    const stream = writer.putStream();
    stream.push(call.subarray(0, 100));
    stream.push(call.subarray(100));
    stream.finish();
  }
  expect(writer.storedBytes).toBe(0);
  writer.abandon();
  store.close();
});

test("also when all calls are under way at once", async () => {
  const disk = new MemoryDisk();
  const store = await PackBlobs.open(disk, "blobs", "write");
  const staged = calls.slice(0, 30).map((call) => store.stage(call));
  const writes = new Set(staged.flatMap(({ entries }) => entries));
  const journaled = [...writes].reduce((sum, { bytes }) => sum + bytes.length, 0);
  expect(journaled / (calls[29] as Uint8Array).length).toBeLessThan(1.6);
  commit(store, ...staged);
  expect(problems(store, ...calls.slice(0, 30))).toEqual([]);
});
