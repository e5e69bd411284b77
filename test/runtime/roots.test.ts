// Roots out of what workers send: ranges that they joined, or leaves that are joined here, in any
// order and however the stretches were cut, are those of the tree.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concat, toHex } from "../../src/base/index.ts";
import { emptyRange, encodeRange, leafHash, RangeBuilder } from "../../src/merkle/index.ts";
import { Roots } from "../../src/runtime/integrity.ts";

const size = 5000;
const leaves = Array.from({ length: size }, (_, i) => leafHash(Uint8Array.of(0, i & 255, i >>> 8)));
const expected = new Map<number, string>();
const whole = new RangeBuilder();
for (const leaf of leaves) {
  whole.append(leaf);
  expected.set(whole.end, toHex(whole.root()));
}

function ranges(from: number, cuts: readonly number[]): Uint8Array[] {
  let begin = from;
  return cuts.map((cut) => {
    const builder = new RangeBuilder(emptyRange(begin));
    for (const leaf of leaves.slice(begin, cut)) builder.append(leaf);
    begin = cut;
    return encodeRange(builder.range());
  });
}

describe("roots", () => {
  it("are known at every cut, from leaves and from ranges, whatever comes first", async () => {
    const cut = fc.integer({ min: 1, max: size - 1 });
    const shares = fc.array(fc.tuple(cut, fc.array(cut, { maxLength: 5 }), fc.boolean()), {
      maxLength: 6,
    });
    await fc.assert(
      fc.asyncProperty(shares, fc.boolean(), fc.boolean(), async (parts, backwards, waits) => {
        const starts = [...new Set([0, ...parts.map(([start]) => start)])].sort((a, b) => a - b);
        const jobs = starts.map((from, i) => {
          const to = starts[i + 1] ?? size;
          const [, inside = [], asLeaves = true] = parts.find(([start]) => start === from) ?? [];
          const between = [...new Set(inside)].filter((at) => at > from && at < to);
          return { from, to, asLeaves, cuts: [...between.sort((a, b) => a - b), to] };
        });
        const roots = new Roots();
        for (const { from, to, asLeaves, cuts } of backwards ? [...jobs].reverse() : jobs) {
          if (asLeaves) roots.addLeaves(from, concat(...leaves.slice(from, to)), cuts);
          else roots.add(from, ranges(from, cuts));
          if (waits) await new Promise((resolve) => setImmediate(resolve));
        }
        roots.merge();
        for (const at of jobs.flatMap(({ cuts }) => cuts)) {
          expect(toHex(roots.at(at) as Uint8Array)).toBe(expected.get(at));
        }
      }),
      { numRuns: 30 },
    );
  });

  it("are not known behind a gap", () => {
    const roots = new Roots();
    roots.addLeaves(0, concat(...leaves.slice(0, 100)), [100]);
    roots.addLeaves(101, concat(...leaves.slice(101, 200)), [200]);
    roots.merge();
    expect(toHex(roots.at(100) as Uint8Array)).toBe(expected.get(100));
    expect(roots.at(200)).toBeUndefined();
  });
});
