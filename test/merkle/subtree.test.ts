// Index arithmetic must hold for every size up to 2^53-1, where 32-bit operators quietly do not:
// it is compared with the same arithmetic in BigInt, above all around 2^31, 2^32 and 2^53.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decompose } from "../../src/merkle/index.ts";
import { levelAlignedAt, levelWithin, splitPoint } from "../../src/merkle/subtree.ts";

const max = Number.MAX_SAFE_INTEGER;
const nearPower = fc
  .tuple(fc.integer({ min: 0, max: 53 }), fc.integer({ min: -3, max: 3 }))
  .map(([level, offset]) => Math.min(max, Math.max(1, 2 ** level + offset)));
const size = fc.oneof(fc.integer({ min: 1, max: 5000 }), nearPower, fc.maxSafeNat());

describe("index arithmetic up to 2^53-1", () => {
  it("finds the largest power of two within a size", () => {
    fc.assert(
      fc.property(
        size.filter((n) => n > 0),
        (n) => {
          expect(levelWithin(n)).toBe(BigInt(n).toString(2).length - 1);
        },
      ),
    );
  });

  it("finds the largest subtree that can begin at a leaf", () => {
    fc.assert(
      fc.property(
        size.filter((n) => n > 0),
        (n) => {
          expect(levelAlignedAt(n)).toBe(/0*$/.exec(BigInt(n).toString(2))?.[0].length);
        },
      ),
    );
  });

  it("splits a tree at the largest power of two below its size", () => {
    for (const n of [2, 3, 4, 5, 2 ** 31, 2 ** 31 + 1, 2 ** 32, 2 ** 32 + 1, 2 ** 53 - 1]) {
      const split = BigInt(splitPoint(n));
      expect(split < BigInt(n) && split * 2n >= BigInt(n)).toBe(true);
      expect(split & (split - 1n)).toBe(0n);
    }
  });

  it("decomposes a range into adjacent aligned subtrees that cannot be joined", () => {
    fc.assert(
      fc.property(size, size, (one, other) => {
        const begin = BigInt(Math.min(one, other));
        const end = BigInt(Math.max(one, other));
        let position = begin;
        let before: [level: bigint, index: bigint] | undefined;
        for (const { level, index } of decompose(Number(begin), Number(end))) {
          const width = 1n << BigInt(level);
          expect(BigInt(index) * width).toBe(position);
          const isTwin = before?.[0] === BigInt(level) && BigInt(index) === before[1] + 1n;
          expect(isTwin && index % 2 === 1).toBe(false);
          before = [BigInt(level), BigInt(index)];
          position += width;
        }
        expect(position).toBe(end);
      }),
    );
  });

  it("covers everything that can be counted with 53 subtrees, and less with at most 104", () => {
    expect(decompose(0, max)).toHaveLength(53);
    expect(decompose(1, max)).toHaveLength(104);
    expect(decompose(0, 2 ** 52)).toEqual([{ level: 52, index: 0 }]);
    expect(decompose(max, max)).toEqual([]);
  });
});
