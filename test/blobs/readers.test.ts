/** Other processes read while one writes: they find what is there, whatever the writer does. */
import { describe, expect, test } from "vitest";
import { concat, sha256 } from "../../src/base/index.ts";
import { PackBlobs } from "../../src/blobs/index.ts";
import { codeFrom, commit, holds } from "./blobs.cases.ts";
import { MemoryDisk } from "./memory-disk.ts";
import { noise } from "./samples.ts";

const folder = "blobs";

async function pair(
  options = {},
): Promise<{ disk: MemoryDisk; store: PackBlobs; reader: PackBlobs }> {
  const disk = new MemoryDisk();
  const reader = await PackBlobs.open(disk.sibling(), folder, "read", options);
  return { disk, store: await PackBlobs.open(disk, folder, "write", options), reader };
}

describe("a reader beside a writer", () => {
  test("that opened before there was anything finds each new blob", async () => {
    const disk = new MemoryDisk();
    const reader = await PackBlobs.open(disk.sibling(), folder, "read");
    expect(reader.has(sha256(noise(9, 9)))).toBe(false);
    const store = await PackBlobs.open(disk, folder, "write", { packBytesMax: 30_000 });
    const other = await PackBlobs.open(disk.sibling(), folder, "read");
    const writer = store.openBulk();
    for (let i = 0; i < 12; i++) {
      const bytes = [noise(9000, i), noise(9000, 100 + i)] as const;
      commit(store, store.stage(bytes[0]));
      writer.put(bytes[1]);
      await writer.sync();
      for (const blob of bytes) expect(holds(i % 2 ? reader : other, blob), `${i}`).toBe(true);
    }
    writer.close();
    store.close();
    for (let i = 0; i < 12; i++) expect(holds(reader, noise(9000, i))).toBe(true);
  });

  test("cannot write", async () => {
    const { reader } = await pair();
    expect(codeFrom(() => reader.stage(noise(9, 1)))).toBe("READ_ONLY");
    expect(codeFrom(() => reader.openBulk())).toBe("READ_ONLY");
    expect(codeFrom(() => reader.apply({ pack: 1, offset: 16, bytes: noise(9, 1) }))).toBe(
      "READ_ONLY",
    );
    await expect(reader.cut(1, 16)).rejects.toMatchObject({ code: "READ_ONLY" });
    await expect(reader.collect([])).rejects.toMatchObject({ code: "READ_ONLY" });
  });

  test("goes on reading while packs are collected, also in the middle of a stream", async () => {
    const { store, reader } = await pair({ packBytesMax: 100_000 });
    const kept = noise(700_000, 1);
    commit(store, store.stage(kept), store.stage(noise(90_000, 2)));
    for (let i = 0; i < 5; i++) commit(store, store.stage(noise(60_000, 10 + i)));
    expect(holds(reader, kept)).toBe(true);
    const stream = reader.stream(sha256(kept));
    let size = stream.next().value?.length ?? 0;
    const report = await store.collect([sha256(kept)]);
    expect(report.packsRemoved).toBeGreaterThan(3);
    for (const piece of stream) size += piece.length;
    expect(size).toBe(kept.length);
    expect(holds(reader, kept)).toBe(true);
    expect(reader.has(sha256(noise(60_000, 11)))).toBe(false);
  });

  test("finds what is written after a crash and a cut, under the same numbers", async () => {
    const { disk, store, reader } = await pair();
    const writer = store.openBulk();
    const start = writer.watermark;
    const [first, second] = [noise(20_000, 1), noise(20_000, 2)];
    writer.put(first);
    await writer.sync();
    expect(holds(reader, first)).toBe(true);
    const next = await PackBlobs.open(disk, folder, "write");
    await next.cut(start.pack, start.size);
    const again = next.openBulk();
    expect(again.watermark.pack).not.toBe(start.pack);
    again.put(second);
    await again.sync();
    expect(holds(reader, second)).toBe(true);
    expect(reader.has(sha256(first))).toBe(false);
  });

  test("finds what is appended to a pack that a recovery has filled up again", async () => {
    const options = { packBytesMax: 60_000 };
    const { disk, store } = await pair(options);
    const [durable, repeated, lost, later] = [1, 2, 3, 4].map((seed) => noise(9000, seed)) as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ];
    commit(store, store.stage(durable));
    const size = disk.bytesOf("blobs/00000001.pack").length;
    // The next pack begins while something waits for the first one, which is sealed after that.
    const staged = store.stage(repeated);
    const journal = [...staged.entries];
    store.stage(concat(lost, noise(31_000, 5)));
    commit(store, staged);
    expect(disk.exists("blobs/00000001.idx")).toBe(true);
    // The power fails: of the first pack a part was durable, of the second one nothing.
    disk.replace("blobs/00000001.pack", disk.bytesOf("blobs/00000001.pack").slice(0, size));
    disk.remove("blobs/00000002.pack");
    const next = await PackBlobs.open(disk.sibling(), folder, "write", options);
    for (const write of journal) next.apply(write);
    const reader = await PackBlobs.open(disk.sibling(), folder, "read", options);
    expect(holds(reader, durable) && holds(reader, repeated)).toBe(true);
    const appended = next.stage(later);
    expect(appended.entries[0]?.pack).toBe(1);
    commit(next, appended);
    expect(holds(reader, later)).toBe(true);
  });

  test("needs little memory for indexes, if it may not have more", async () => {
    const { store, reader } = await pair({ packBytesMax: 20_000, indexBytesMax: 0 });
    const blobs = Array.from({ length: 150 }, (_, i) => noise(15_000, i));
    for (const bytes of blobs) commit(store, store.stage(bytes));
    for (const bytes of [...blobs, ...blobs.reverse()]) expect(holds(reader, bytes)).toBe(true);
  });
});

describe("a writer that comes after another", () => {
  test("goes on in the open journaled pack, and in no bulk pack", async () => {
    const { disk, store } = await pair();
    commit(store, store.stage(noise(9000, 1)));
    const writer = store.openBulk();
    writer.put(noise(9000, 2));
    await writer.sync();
    writer.close();
    store.close();
    const next = await PackBlobs.open(disk, folder, "write");
    const staged = next.stage(noise(9000, 3));
    expect(staged.entries[0]?.pack).toBe(1);
    expect(next.openBulk().watermark.pack).toBe(3);
    commit(next, staged);
    for (let i = 1; i <= 3; i++) expect(holds(next, noise(9000, i))).toBe(true);
  });

  test("counts on blobs of older packs, but not on a bulk pack that a crash left", async () => {
    const { disk, store } = await pair();
    const [journaled, closed, left] = [noise(9000, 1), noise(9000, 2), noise(9000, 3)];
    commit(store, store.stage(journaled));
    for (const [bytes, end] of [
      [closed, true],
      [left, false],
    ] as const) {
      const writer = store.openBulk();
      writer.put(bytes);
      await writer.sync();
      if (end) writer.close();
    }
    const mark = store.packs().at(-1);
    // No close: the process died. Whoever looks closely finds all three blobs.
    const next = await PackBlobs.open(disk, folder, "write");
    for (const bytes of [journaled, closed, left]) expect(holds(next, bytes)).toBe(true);
    expect(next.stage(journaled).entries).toEqual([]);
    expect(next.stage(left).entries.length).toBe(1);
    await next.cut(mark?.pack ?? 0, mark?.size ?? 0);
    const third = await PackBlobs.open(disk, folder, "write");
    await third.cut(mark?.pack ?? 0, mark?.size ?? 0);
    expect(third.stage(left).entries).toEqual([]);
  });

  test("leaves at most one empty pack behind, however often nothing is imported", async () => {
    const { disk, store } = await pair();
    store.close();
    for (let i = 0; i < 5; i++) {
      const next = await PackBlobs.open(disk, folder, "write");
      const writer = next.openBulk();
      await writer.sync();
      writer.close();
      next.close();
    }
    expect(disk.list(folder).length).toBeLessThanOrEqual(2);
  });
});
