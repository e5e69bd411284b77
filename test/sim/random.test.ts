// The simulation is only as good as its randomness: it must come again, and it must cover.

import { describe, expect, it } from "vitest";
import { Random } from "./random.ts";

const draws = (random: Random, count: number): number[] =>
  Array.from({ length: count }, () => random.next());

describe("randomness with a seed", () => {
  it("draws the same numbers on every machine, for ever", () => {
    // Written down on 2026-11-20 with Node 20.20: a change makes every reported seed worthless.
    expect(draws(new Random(1), 4)).toEqual([2511957522, 2161547584, 1541246325, 1844817883]);
    expect(draws(new Random("crash", 7, 0), 2)).toEqual([2668994173, 1031940234]);
  });

  it("draws other numbers for every other seed, and for a fork", () => {
    const seeds = [
      [0],
      [1],
      [2],
      ["1"],
      [1, 0],
      [0, 1],
      [1, 1],
      ["a", "b"],
      ["ab"],
      [-1],
      [2 ** 40],
    ];
    const sources = seeds.map((seed) => new Random(...seed));
    const firsts = new Set(
      [...sources, ...sources.map((one) => one.fork())].map((one) => one.next()),
    );
    expect(firsts.size).toBe(2 * seeds.length);
  });

  it("spreads evenly, also between the first numbers of neighbouring seeds", () => {
    const buckets = new Array<number>(16).fill(0);
    for (let seed = 0; seed < 16_000; seed++) {
      const bucket = new Random(seed).int(16);
      buckets[bucket] = (buckets[bucket] as number) + 1;
    }
    for (const count of buckets) expect(Math.abs(count - 1000)).toBeLessThan(160);
  });

  it("keeps to its bounds", () => {
    const random = new Random("bounds");
    const seen = new Set<number>();
    for (let round = 0; round < 1000; round++) {
      seen.add(random.between(3, 5));
      expect(random.chance(0)).toBe(false);
      expect(random.chance(1)).toBe(true);
      expect(random.int(1)).toBe(0);
      expect(["a", "b"]).toContain(random.pick(["a", "b"]));
      expect(random.weighted({ never: 0, often: 2 })).toBe("often");
    }
    expect([...seen].sort()).toEqual([3, 4, 5]);
    expect(() => random.pick([])).toThrow(RangeError);
  });

  it("fills bytes of any length", () => {
    const random = new Random("bytes");
    expect(random.bytes(0)).toHaveLength(0);
    expect(new Set(random.bytes(10_000)).size).toBe(256);
  });
});
