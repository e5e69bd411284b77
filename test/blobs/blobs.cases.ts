/**
 * What every driver of the blob store must do, as one suite of cases. A driver is given as a
 * function that opens an empty store; stores that outlive a process have more tests of their own.
 */
import { describe, expect, test } from "vitest";
import { codeOf, concat, equalBytes, limits, sha256, toHex, utf8 } from "../../src/base/index.ts";
import type { BlobProblem, BlobStore, BulkPackWriter, StagedBlob } from "../../src/blobs/index.ts";
import { modelCalls, noise } from "./samples.ts";

/** Opens an empty store. */
export type OpenStore = () => Promise<BlobStore>;

/** The code that `work` fails with. */
export function codeFrom(work: () => unknown): string | undefined {
  try {
    work();
  } catch (error) {
    return codeOf(error);
  }
  return undefined;
}

/** Stands for the journal: what was staged is durable, and goes to its place. */
export function commit(store: BlobStore, ...all: StagedBlob[]): void {
  for (const write of new Set(all.flatMap(({ entries }) => entries))) store.apply(write);
}

/** Whether a store gives back exactly these bytes, whole and in pieces. */
export function holds(store: BlobStore, bytes: Uint8Array): boolean {
  const name = sha256(bytes);
  if (!store.has(name) || store.sizeOf(name) !== bytes.length) return false;
  if (store.problemsOf(name).length > 0) return false;
  return equalBytes(store.get(name), bytes) && equalBytes(concat(...store.stream(name)), bytes);
}

/** Everything that is wrong in a store, or with the blobs that it should have. */
export function problems(store: BlobStore, ...blobs: Uint8Array[]): BlobProblem[] {
  return [...store.verifyAll(blobs.map((bytes) => sha256(bytes)))];
}

async function bulk(store: BlobStore, ...blobs: Uint8Array[]): Promise<BulkPackWriter> {
  const writer = store.openBulk();
  for (const bytes of blobs) writer.put(bytes);
  await writer.sync();
  return writer;
}

/** Sizes around every boundary: nothing, one chunk, several, more than a list node holds. */
const sizes = [0, 1, 511, 512, 513, 4097, 8192, 8193, 100_000, limits.blobJournalBytesMax];

function journaledCases(open: OpenStore): void {
  test("a committed blob is read back, whatever its size", async () => {
    const store = await open();
    for (const size of sizes) {
      const bytes = noise(size, size);
      const staged = store.stage(bytes);
      expect(toHex(staged.ref.sha256)).toBe(toHex(sha256(bytes)));
      expect(staged.ref.size).toBe(size);
      commit(store, staged);
      expect(holds(store, bytes), `${size} bytes`).toBe(true);
    }
    expect(problems(store, ...sizes.map((size) => noise(size, size)))).toEqual([]);
  });

  test("a blob larger than the reader takes is refused, and no other", async () => {
    const store = await open();
    for (const size of sizes) {
      const staged = store.stage(noise(size, size));
      commit(store, staged);
      const { sha256: name } = staged.ref;
      expect(equalBytes(store.get(name, size), noise(size, size)), `${size} bytes`).toBe(true);
      const refused = size === 0 ? undefined : "BLOB_TOO_LARGE";
      expect(codeFrom(() => store.get(name, Math.max(0, size - 1)))).toBe(refused);
    }
  });

  test("what is only staged is not there", async () => {
    const store = await open();
    const bytes = noise(10_000, 1);
    const staged = store.stage(bytes);
    expect(store.has(staged.ref.sha256)).toBe(false);
    expect(codeFrom(() => store.get(staged.ref.sha256))).toBe("BLOB_MISSING");
    expect(store.problemsOf(staged.ref.sha256).map(({ code }) => code)).toEqual(["BLOB_MISSING"]);
  });

  test("a blob that is stored already needs no entry", async () => {
    const store = await open();
    const bytes = noise(50_000, 2);
    const first = store.stage(bytes);
    expect(first.entries.length).toBeGreaterThan(0);
    commit(store, first);
    expect(first.entries).toEqual([]);
    expect(store.stage(bytes).entries).toEqual([]);
  });

  test("a write may be applied any number of times", async () => {
    const store = await open();
    const bytes = noise(20_000, 3);
    const { entries } = store.stage(bytes);
    for (const write of [...entries, ...entries]) store.apply(write);
    expect(holds(store, bytes)).toBe(true);
    expect(problems(store, bytes)).toEqual([]);
  });

  test("blobs staged at the same time can be committed in any order, or alone", async () => {
    const bytes = noise(60_000, 4);
    for (const first of [0, 1]) {
      const store = await open();
      const staged = [store.stage(bytes), store.stage(bytes)] as const;
      commit(store, staged[first] as StagedBlob);
      expect(holds(store, bytes)).toBe(true);
      expect(staged[1 - first]?.entries).toEqual([]);
    }
  });

  test("an abandoned blob takes nothing with it that another needs", async () => {
    const store = await open();
    const calls = modelCalls(6, 8000, 1);
    const staged = calls.map((call) => store.stage(call));
    store.abandon(staged[0] as StagedBlob);
    store.abandon(staged[3] as StagedBlob);
    store.abandon(staged[3] as StagedBlob);
    commit(store, ...staged.filter((_, i) => i !== 0 && i !== 3));
    for (const i of [1, 2, 4, 5]) expect(holds(store, calls[i] as Uint8Array)).toBe(true);
    expect(problems(store, ...calls.filter((_, i) => i !== 0 && i !== 3))).toEqual([]);
    const again = store.stage(calls[3] as Uint8Array);
    commit(store, again);
    expect(holds(store, calls[3] as Uint8Array)).toBe(true);
  });

  test("an abandoned blob is forgotten: staging it again stores it again", async () => {
    const store = await open();
    const bytes = noise(30_000, 5);
    store.abandon(store.stage(bytes));
    const again = store.stage(bytes);
    expect(again.entries.length).toBeGreaterThan(0);
    commit(store, again);
    expect(holds(store, bytes)).toBe(true);
  });

  test("what is read or stored is a copy: later changes of it change nothing", async () => {
    const store = await open();
    const writer = store.openBulk();
    for (const original of [noise(10_000, 6), Buffer.from(noise(10_000, 7))]) {
      const bytes = original.subarray();
      const kept = new Uint8Array(original);
      const staged = store.stage(bytes);
      writer.put(bytes);
      bytes.fill(0);
      commit(store, staged);
      await writer.sync();
      store.get(sha256(kept)).fill(0);
      for (const piece of store.stream(sha256(kept))) piece.fill(0);
      expect(holds(store, kept)).toBe(true);
    }
    writer.close();
  });
}

function bulkCases(open: OpenStore): void {
  test("what a bulk writer put is there once it has synced", async () => {
    const store = await open();
    const blobs = sizes.map((size) => noise(size, size + 1));
    const writer = await bulk(store, ...blobs);
    for (const bytes of blobs) expect(holds(store, bytes)).toBe(true);
    writer.close();
    expect(problems(store, ...blobs)).toEqual([]);
  });

  test("a blob in pieces is the same blob, and is stored once", async () => {
    const store = await open();
    const bytes = noise(300_000, 8);
    const writer = await bulk(store, bytes);
    const before = writer.storedBytes;
    const stream = writer.putStream();
    for (let at = 0; at < bytes.length; at += 7001) stream.push(bytes.subarray(at, at + 7001));
    expect(toHex(stream.finish().sha256)).toBe(toHex(sha256(bytes)));
    expect(writer.storedBytes).toBe(before);
    const empty = writer.putStream().finish();
    await writer.sync();
    expect(store.get(empty.sha256).length).toBe(0);
    writer.close();
  });

  test("a watermark covers what was put before, and grows", async () => {
    const store = await open();
    const writer = store.openBulk();
    const start = writer.watermark;
    writer.put(utf8("first"));
    const first = await writer.sync();
    expect(first.pack).toBe(start.pack);
    expect(first.size).toBeGreaterThan(start.size);
    expect(writer.watermark).toEqual(first);
    writer.put(utf8("second"));
    expect((await writer.sync()).size).toBeGreaterThan(first.size);
    expect(store.packs().find(({ pack }) => pack === first.pack)?.kind).toBe("bulk");
    writer.close();
  });

  test("recovery cuts to a watermark: what lies below stays, the rest is gone", async () => {
    const store = await open();
    const [kept, lost] = [noise(40_000, 9), noise(40_000, 10)];
    const writer = await bulk(store, kept);
    const mark = writer.watermark;
    writer.put(lost);
    await writer.sync();
    writer.abandon();
    await store.cut(mark.pack, mark.size);
    expect(holds(store, kept)).toBe(true);
    expect(store.has(sha256(lost))).toBe(false);
    expect(problems(store, kept)).toEqual([]);
    expect(problems(store, kept, lost).map(({ code }) => code)).toEqual(["BLOB_MISSING"]);
    await store.cut(mark.pack, mark.size);
    expect(holds(store, kept)).toBe(true);
  });

  test("a cut to the beginning leaves nothing, and cutting what is gone is nothing", async () => {
    const store = await open();
    const writer = store.openBulk();
    const mark = writer.watermark;
    writer.put(noise(40_000, 11));
    await writer.sync();
    writer.abandon();
    await store.cut(mark.pack, mark.size);
    for (const { size } of store.packs()) expect(size).toBe(mark.size);
    await store.cut(mark.pack, mark.size);
    await store.cut(99, mark.size);
  });

  test("nobody counts on a bulk writer whose watermark is not on record", async () => {
    const store = await open();
    const bytes = noise(40_000, 12);
    const start = store.openBulk();
    const mark = start.watermark;
    start.put(bytes);
    await start.sync();
    const staged = store.stage(bytes);
    const other = await bulk(store, bytes);
    start.abandon();
    await store.cut(mark.pack, mark.size);
    commit(store, staged);
    expect(holds(store, bytes)).toBe(true);
    other.close();
  });

  test("a bulk writer does not count on what is only staged", async () => {
    const store = await open();
    const bytes = noise(40_000, 13);
    const staged = store.stage(bytes);
    const writer = await bulk(store, bytes);
    writer.close();
    store.abandon(staged);
    expect(holds(store, bytes)).toBe(true);
  });

  test("a writer that has ended takes nothing more", async () => {
    const store = await open();
    for (const end of ["close", "abandon"] as const) {
      const writer = store.openBulk();
      writer[end]();
      expect(codeFrom(() => writer.put(utf8("late")))).toBe("CLOSED");
      await expect(writer.sync()).rejects.toMatchObject({ code: "CLOSED" });
      writer[end]();
    }
  });
}

function collectCases(open: OpenStore): void {
  test("collection keeps what is live and gives back the rest", async () => {
    const store = await open();
    const kept = [noise(0, 0), noise(100, 1), noise(200_000, 14)];
    const dead = noise(900_000, 15);
    for (const bytes of kept) commit(store, store.stage(bytes));
    const writer = await bulk(store, dead);
    writer.close();
    const report = await store.collect(kept.map((bytes) => sha256(bytes)));
    expect(report.bytesFreed).toBeGreaterThan(dead.length);
    for (const bytes of kept) expect(holds(store, bytes)).toBe(true);
    expect(store.has(sha256(dead))).toBe(false);
    expect(problems(store, ...kept)).toEqual([]);
    commit(store, store.stage(dead));
    expect(holds(store, dead)).toBe(true);
  });

  test("collection refuses when something live is missing, and removes nothing", async () => {
    const store = await open();
    const bytes = noise(50_000, 16);
    commit(store, store.stage(bytes));
    const collected = store.collect([sha256(utf8("never stored"))]);
    await expect(collected).rejects.toMatchObject({ code: "BLOB_MISSING" });
    expect(holds(store, bytes)).toBe(true);
  });

  test("collection of an empty store, or of everything, leaves a store that works", async () => {
    const store = await open();
    await store.collect([]);
    const bytes = noise(50_000, 17);
    commit(store, store.stage(bytes));
    const highest = Math.max(...store.packs().map(({ pack }) => pack));
    await store.collect([]);
    expect(store.has(sha256(bytes))).toBe(false);
    const [write] = store.stage(bytes).entries;
    expect(write?.pack).toBeGreaterThan(highest);
  });
}

/** The suite. */
export function blobCases(driver: string, open: OpenStore): void {
  describe(`${driver}: journaled`, () => journaledCases(open));
  describe(`${driver}: bulk`, () => bulkCases(open));
  describe(`${driver}: collection`, () => collectCases(open));
}
