/** Where blobs are cut decides what is stored once: nothing but the bytes may matter for it. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concat, equalBytes, limits, sha256, toHex } from "../../src/base/index.ts";
import { firstCut, gear, isHead, nextCut, StreamChunker } from "../../src/blobs/chunker.ts";
import { noise } from "./samples.ts";

function cutsOf(bytes: Uint8Array): number[] {
  const cuts: number[] = [];
  for (let start = 0; start < bytes.length; ) {
    start = nextCut(bytes, start, bytes.length);
    cuts.push(start);
  }
  return cuts;
}

function chunksOf(bytes: Uint8Array): string[] {
  let start = 0;
  return cutsOf(bytes).map((cut) => {
    const chunk = bytes.subarray(start, cut);
    start = cut;
    return toHex(sha256(chunk));
  });
}

/** Bytes with something to cut: noise, and stretches that repeat. */
const content = fc
  .record({ seed: fc.integer(), size: fc.integer({ min: 0, max: 60_000 }), flat: fc.boolean() })
  .map(({ seed, size, flat }) => (flat ? new Uint8Array(size).fill(seed) : noise(size, seed)));

describe("cutting", () => {
  test("the gear table and the cuts are frozen: they decide what is shared on disk", () => {
    const table = toHex(sha256(new Uint8Array(gear.buffer)));
    expect(table).toBe("75efca33faa93ba8f9ced98f9e96f3f6309ce6375e2970f2af31e4ec3f012867");
    expect(cutsOf(noise(20_000, 1))).toEqual([
      2108, 4517, 7040, 9886, 10902, 13498, 16045, 18985, 20000,
    ]);
  });

  test("chunks cover the blob and keep to the limits, but for the last", () => {
    fc.assert(
      fc.property(content, (bytes) => {
        const cuts = cutsOf(bytes);
        expect(cuts.at(-1) ?? 0).toBe(bytes.length);
        const sizes = cuts.map((cut, i) => cut - (cuts[i - 1] ?? 0));
        expect(Math.max(0, ...sizes)).toBeLessThanOrEqual(limits.chunkBytesMax);
        for (const size of sizes.slice(0, -1)) expect(size).toBeGreaterThan(limits.chunkBytesMin);
      }),
    );
  });

  test("a blob in pieces is cut like the whole, whatever the pieces", () => {
    const pieces = fc.array(fc.integer({ min: 1, max: 20_000 }), { minLength: 1, maxLength: 9 });
    fc.assert(
      fc.property(content, pieces, (bytes, sizes) => {
        const chunks: Uint8Array[] = [];
        const chunker = new StreamChunker((chunk) => chunks.push(chunk.slice()));
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = sizes[i % sizes.length] as number;
          chunker.push(bytes.subarray(at, at + size));
          at += size;
        }
        chunker.finish();
        expect(equalBytes(concat(...chunks), bytes)).toBe(true);
        expect(chunks.map((chunk) => toHex(sha256(chunk)))).toEqual(chunksOf(bytes));
      }),
    );
  });

  test("a blob that is larger than a chunk begins with a short one; the cut is frozen", () => {
    expect(firstCut(noise(20_000, 1), 20_000)).toBe(97);
    fc.assert(
      fc.property(content, (bytes) => {
        const cut = firstCut(bytes, bytes.length);
        const { chunkBytesMax: largest } = limits;
        if (bytes.length < largest) expect(cut).toBe(nextCut(bytes, 0, bytes.length));
        else expect(isHead(cut)).toBe(true);
        // The bytes behind the largest chunk do not matter: a stream may not have them yet.
        if (bytes.length >= largest)
          expect(firstCut(bytes.subarray(0, largest), largest)).toBe(cut);
        for (const size of cutsOf(bytes).slice(0, -1)) expect(isHead(size)).toBe(false);
      }),
    );
  });

  test("an insertion changes the chunks around it and no others", () => {
    const size = 200_000;
    const place = fc.integer({ min: 0, max: size });
    fc.assert(
      fc.property(fc.integer(), place, fc.integer({ min: 1, max: 400 }), (seed, at, length) => {
        const bytes = noise(size, seed);
        const longer = concat(bytes.subarray(0, at), noise(length, seed + 1), bytes.subarray(at));
        const before = new Set(chunksOf(bytes));
        const fresh = chunksOf(longer).filter((chunk) => !before.has(chunk));
        expect(fresh.length).toBeLessThanOrEqual(12);
      }),
      { numRuns: 40 },
    );
  });

  test("chunks of noise are about 2 KiB on average", () => {
    const bytes = noise(4_000_000, 7);
    const average = bytes.length / cutsOf(bytes).length;
    expect(average).toBeGreaterThan(0.9 * limits.chunkBytesAverage);
    expect(average).toBeLessThan(1.3 * limits.chunkBytesAverage);
  });
});
