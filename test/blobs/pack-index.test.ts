/** Where entries lie: every index finds all of them, also those whose hashes begin alike. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sha256, toHex, utf8, writeU32 } from "../../src/base/index.ts";
import { KnownChunks } from "../../src/blobs/known-chunks.ts";
import {
  buildFilter,
  collectCandidates,
  encodeIndex,
  mayHold,
  readIndexEntries,
  readIndexHead,
  sortEntries,
} from "../../src/blobs/pack-index.ts";
import { TailIndex } from "../../src/blobs/tail-index.ts";
import { MemoryDisk } from "./memory-disk.ts";
import { seeded } from "./samples.ts";

interface Place {
  readonly high: number;
  readonly low: number;
  readonly offset: number;
}

/** Entries with few different prefixes, at both ends of the numbers, so that many collide. */
const word = fc.oneof(fc.constantFrom(0, 1, 0x7fffffff, 0x80000000, 0xffffffff), fc.nat());
const places = fc.uniqueArray(
  fc.record({ high: word, low: word, offset: fc.integer({ min: 16, max: 2 ** 26 }) }),
  { selector: ({ offset }) => offset, maxLength: 300 },
);

function expected(all: readonly Place[], { high, low }: Place): number[] {
  const same = all.filter((place) => place.high === high && place.low === low);
  return same.map(({ offset }) => offset).sort((a, b) => a - b);
}

function sorted(all: readonly Place[]): ReturnType<typeof sortEntries> {
  const column = (key: keyof Place): number[] => all.map((place) => place[key]);
  return sortEntries(column("high"), column("low"), column("offset"));
}

describe("the index of a pack", () => {
  test("in memory and on disk finds all entries of a prefix, and no others", () => {
    fc.assert(
      fc.property(places, (all) => {
        const entries = sorted(all);
        const filter = buildFilter(entries);
        const count = all.length;
        const head = { covered: 99, sealed: true, lastOffset: 1, lastCrc: 2, count, filter };
        const disk = new MemoryDisk();
        disk.replace("index", encodeIndex(7, head, entries));
        const file = disk.open("index", "read");
        expect(readIndexHead(file, 7)).toEqual(head);
        expect(readIndexHead(file, 8)).toBeUndefined();
        expect(readIndexEntries(file, head)).toEqual(entries);
        const tail = new TailIndex();
        for (const { high, low, offset } of all) tail.add(high, low, offset);
        for (const { high, low, offset } of all) tail.add(high, low, offset);
        expect(tail.count).toBe(count);
        for (const place of all) {
          const found: number[] = [];
          collectCandidates(entries, place.high, place.low, found);
          expect(found).toEqual(expected(all, place));
          expect(mayHold(filter, place.high, place.low)).toBe(true);
          const inTail: number[] = [];
          tail.candidates(place.high, place.low, inTail);
          expect(inTail.sort((a, b) => a - b)).toEqual(expected(all, place));
        }
        const none: number[] = [];
        collectCandidates(entries, 12_345, 67_890, none);
        tail.candidates(12_345, 67_890, none);
        expect(none).toEqual(expected(all, { high: 12_345, low: 67_890, offset: 0 }));
      }),
    );
  });

  test("of more entries than a pack should have is sorted all the same", () => {
    const random = seeded(1);
    const all = Array.from({ length: 2 ** 21 + 10 }, (_, i) => i + 16);
    const highs = Uint32Array.from(all, () => Math.floor(random() * 2 ** 32));
    const lows = Uint32Array.from(all, () => 0);
    const entries = sortEntries(highs, lows, all);
    for (let i = 1; i < all.length; i++) {
      if ((entries.highs[i - 1] as number) > (entries.highs[i] as number)) throw new Error(`${i}`);
    }
    expect(new Set(entries.offsets).size).toBe(all.length);
  });

  test("lets few absent hashes past its filter", () => {
    const random = seeded(2);
    const any = (): number => Math.floor(random() * 2 ** 32);
    const all = Array.from({ length: 30_000 }, (_, i) => ({
      high: any(),
      low: any(),
      offset: i + 16,
    }));
    const filter = buildFilter(sorted(all));
    let passed = 0;
    for (let i = 0; i < 100_000; i++) if (mayHold(filter, any(), any())) passed += 1;
    expect(passed / 100_000).toBeLessThan(0.02);
  });
});

function hashOf(i: number): Uint8Array {
  return new Uint8Array(sha256(utf8(String(i))));
}

describe("the memory of deduplication", () => {
  test("remembers the newest place of a hash, and forgets what it is told to forget", () => {
    const known = new KnownChunks();
    known.add(hashOf(1), 1, 100);
    known.add(hashOf(1), 2, 200);
    const slot = known.find(hashOf(1));
    expect([known.packAt(slot), known.offsetAt(slot)]).toEqual([2, 200]);
    known.forget(hashOf(1), 1, 100);
    expect(known.find(hashOf(1))).toBe(slot);
    known.forget(hashOf(1), 2, 200);
    expect(known.find(hashOf(1))).toBe(-1);
  });

  test("stays within its bounds, and is never wrong about what it still knows", () => {
    const known = new KnownChunks(4096);
    for (let i = 0; i < 20_000; i++) known.add(hashOf(i), i, i + 16);
    let left = 0;
    for (let i = 0; i < 20_000; i++) {
      const slot = known.find(hashOf(i));
      if (slot < 0) continue;
      left += 1;
      expect([known.packAt(slot), known.offsetAt(slot)]).toEqual([i, i + 16]);
    }
    expect(left).toBeGreaterThan(3000);
    expect(left).toBeLessThanOrEqual(4096);
  });

  test("keeps all but a few while there is room", () => {
    const known = new KnownChunks();
    for (let i = 0; i < 30_000; i++) known.add(hashOf(i), 1, i + 16);
    const lost = Array.from({ length: 30_000 }, (_, i) => i).filter(
      (i) => known.find(hashOf(i)) < 0,
    );
    expect(lost.length).toBeLessThan(150);
  });

  test("tells hashes apart that differ in one bit only", () => {
    const known = new KnownChunks();
    const hash = hashOf(1);
    known.add(hash, 1, 16);
    for (let bit = 0; bit < 256; bit++) {
      const other = hash.slice();
      other[bit >> 3] = (other[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(known.find(other), toHex(other)).toBe(-1);
    }
    const alike = hash.slice();
    writeU32(alike, 28, 0);
    known.add(alike, 2, 32);
    expect(known.packAt(known.find(hash))).toBe(1);
    expect(known.packAt(known.find(alike))).toBe(2);
  });
});
