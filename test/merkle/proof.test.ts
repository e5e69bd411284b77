// What proofs promise: those that are made verify, they are the ones of the RFC's definitions, and
// changing one bit of anything makes them fail without ever throwing.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromHex, toHex } from "../../src/base/index.ts";
import {
  type ConsistencyClaim,
  computeHashes,
  emptyRoot,
  type InclusionClaim,
  planConsistency,
  planInclusion,
  proveConsistency,
  proveInclusion,
  readRange,
  rootAt,
  verifyConsistency,
  verifyInclusion,
} from "../../src/merkle/index.ts";
import { goldenTree } from "./golden.ts";
import {
  referenceClimb,
  referenceGrowth,
  referenceLeaves,
  referencePath,
  referenceProof,
} from "./reference-tree.ts";
import { logReader, treeLog } from "./stored-tree.ts";

const leaves = referenceLeaves(66_000);
const read = logReader(treeLog(leaves));

function inclusionClaim(index: number, size: number): InclusionClaim {
  const leafHash = leaves[index] as Uint8Array;
  return {
    index,
    size,
    leafHash,
    root: rootAt(size, read),
    proof: proveInclusion(index, size, read),
  };
}

function consistencyClaim(first: number, second: number): ConsistencyClaim {
  const firstRoot = rootAt(first, read);
  const secondRoot = rootAt(second, read);
  return { first, second, firstRoot, secondRoot, proof: proveConsistency(first, second, read) };
}

/** Every copy of `hashes` in which one bit of one of them is flipped. */
function* flips(hashes: readonly Uint8Array[]): Generator<Uint8Array[]> {
  for (let bit = 0; bit < hashes.length * 256; bit++) {
    const copy = hashes.map((hash) => Uint8Array.from(hash));
    const flipped = copy[Math.floor(bit / 256)] as Uint8Array;
    flipped[Math.floor((bit % 256) / 8)]! ^= 1 << (bit % 8);
    yield copy;
  }
}

/** Every pair of an index and a size up to `max`, those whose index is no leaf included. */
function claimsUpTo(max: number): [index: number, size: number][] {
  const numbers = Array.from({ length: max + 1 }, (_, i) => i);
  return numbers.flatMap((size) => numbers.map((index): [number, number] => [index, size]));
}

const hexes = (hashes: readonly Uint8Array[]): string[] => hashes.map(toHex);
const pairs = fc
  .tuple(fc.nat(65_999), fc.nat(65_999))
  .map(([a, b]) => [Math.min(a, b), Math.max(a, b) + 1]) as fc.Arbitrary<[number, number]>;

describe("an inclusion proof", () => {
  it("is the golden one, and verifies", () => {
    for (const { index, size, proof } of goldenTree.inclusion) {
      expect(hexes(proveInclusion(index, size, read))).toEqual(proof);
      expect(verifyInclusion(inclusionClaim(index, size))).toEqual({ ok: true });
    }
  });

  it("is the path of the definition for every leaf of every small tree, and verifies", () => {
    for (let size = 1; size <= 40; size++) {
      for (let index = 0; index < size; index++) {
        const claim = inclusionClaim(index, size);
        expect(hexes(claim.proof)).toEqual(hexes(referencePath(index, leaves.slice(0, size))));
        expect(verifyInclusion(claim)).toEqual({ ok: true });
      }
    }
  });

  it("verifies for leaves of large trees, with sizes of either kind", () => {
    fc.assert(
      fc.property(pairs, ([index, size]) => {
        const claim = inclusionClaim(index, size);
        expect(verifyInclusion(claim)).toEqual({ ok: true });
        const spelled = { ...claim, index: BigInt(index), size: BigInt(size) };
        expect(verifyInclusion(spelled)).toEqual({ ok: true });
      }),
    );
  });

  it("fails with any one bit of the proof, the leaf or the root flipped", () => {
    for (let size = 1; size <= 9; size++) {
      for (let index = 0; index < size; index++) {
        const claim = inclusionClaim(index, size);
        for (const flipped of flips([claim.leafHash, claim.root, ...claim.proof])) {
          const [leafHash, root, ...proof] = flipped as [Uint8Array, Uint8Array, ...Uint8Array[]];
          expect(verifyInclusion({ ...claim, leafHash, root, proof }).ok).toBe(false);
        }
      }
    }
  });

  it("fails for another index, and with a hash too few or too many", () => {
    fc.assert(
      fc.property(pairs, fc.nat(65_999), ([index, size], other) => {
        const claim = inclusionClaim(index, size);
        if (other !== index) expect(verifyInclusion({ ...claim, index: other }).ok).toBe(false);
        const longer = [...claim.proof, claim.root];
        expect(verifyInclusion({ ...claim, proof: longer }).ok).toBe(false);
        if (size === 1) return;
        expect(verifyInclusion({ ...claim, proof: claim.proof.slice(1) }).ok).toBe(false);
        expect(verifyInclusion({ ...claim, proof: claim.proof.slice(0, -1) }).ok).toBe(false);
      }),
    );
  });

  it("holds for another index or size exactly where a second way of checking says so", () => {
    let accepted = 0;
    for (const [index, size] of claimsUpTo(9)) {
      if (index >= size) continue;
      const claim = inclusionClaim(index, size);
      for (const [otherIndex, otherSize] of claimsUpTo(10)) {
        const verdict = verifyInclusion({ ...claim, index: otherIndex, size: otherSize });
        const root = referenceClimb(otherIndex, otherSize, claim.leafHash, claim.proof);
        expect(verdict.ok).toBe(root !== undefined && toHex(root) === toHex(claim.root));
        if (verdict.ok) accepted += 1;
      }
    }
    expect(accepted).toBeGreaterThan(45);
  });

  it("of a leaf cannot be turned into one of a smaller tree", () => {
    const [left, right] = leaves as [Uint8Array, Uint8Array];
    const root = rootAt(2, read);
    const claim = { index: 0, size: 1, leafHash: right, root, proof: [left] };
    expect(verifyInclusion(claim)).toEqual({ ok: false, reason: "the proof is too long" });
  });

  it("cannot be made for a leaf that is not there", () => {
    for (const [index, size] of [
      [0, 0],
      [5, 5],
      [-1, 5],
      [1.5, 5],
      [0, 2 ** 47 + 1],
    ] as const) {
      expect(() => planInclusion(index, size)).toThrow(expect.objectContaining({ code: "USAGE" }));
    }
  });
});

describe("a consistency proof", () => {
  it("is the golden one, and verifies", () => {
    for (const { first, second, proof } of goldenTree.consistency) {
      expect(hexes(proveConsistency(first, second, read))).toEqual(proof);
      expect(verifyConsistency(consistencyClaim(first, second))).toEqual({ ok: true });
    }
  });

  it("is the proof of the definition for all pairs of small sizes, and verifies", () => {
    for (let second = 1; second <= 40; second++) {
      for (let first = 1; first <= second; first++) {
        const claim = consistencyClaim(first, second);
        expect(hexes(claim.proof)).toEqual(hexes(referenceProof(first, leaves.slice(0, second))));
        expect(verifyConsistency(claim)).toEqual({ ok: true });
      }
    }
  });

  it("verifies between large trees, with sizes of either kind", () => {
    fc.assert(
      fc.property(pairs, ([first, second]) => {
        const claim = consistencyClaim(first, second);
        expect(verifyConsistency(claim)).toEqual({ ok: true });
        const spelled = { ...claim, first: BigInt(first), second: BigInt(second) };
        expect(verifyConsistency(spelled)).toEqual({ ok: true });
      }),
    );
  });

  it("fails with any one bit of the proof or of either root flipped", () => {
    for (let second = 1; second <= 9; second++) {
      for (let first = 0; first <= second; first++) {
        const claim = consistencyClaim(first, second);
        // From size 0 the second root is not part of the claim: every tree begins with nothing.
        const fixed = first === 0 && second > 0 ? [] : [claim.secondRoot];
        for (const flipped of flips([claim.firstRoot, ...claim.proof, ...fixed])) {
          const [firstRoot, ...rest] = flipped as [Uint8Array, ...Uint8Array[]];
          const proof = rest.slice(0, claim.proof.length);
          const secondRoot = rest[claim.proof.length] ?? claim.secondRoot;
          expect(verifyConsistency({ ...claim, firstRoot, secondRoot, proof }).ok).toBe(false);
        }
      }
    }
  });

  it("fails for a forked log, and with a hash too few or too many", () => {
    const forked = leaves.slice(0, 3000).map((leaf, i) => (i === 7 ? emptyRoot : leaf));
    const readForked = logReader(treeLog(forked));
    fc.assert(
      fc.property(fc.integer({ min: 8, max: 2999 }), fc.nat(2999), (first, more) => {
        const second = Math.min(3000, first + 1 + more);
        const claim = consistencyClaim(first, second);
        const proof = proveConsistency(first, second, readForked);
        const secondRoot = rootAt(second, readForked);
        expect(verifyConsistency({ ...claim, proof, secondRoot }).ok).toBe(false);
        expect(verifyConsistency({ ...claim, secondRoot }).ok).toBe(false);
        const longer = [...claim.proof, claim.secondRoot];
        expect(verifyConsistency({ ...claim, proof: longer }).ok).toBe(false);
        expect(verifyConsistency({ ...claim, proof: claim.proof.slice(1) }).ok).toBe(false);
        expect(verifyConsistency({ ...claim, proof: claim.proof.slice(0, -1) }).ok).toBe(false);
      }),
    );
  });

  it("holds for other sizes exactly where a second way of checking says so", () => {
    let accepted = 0;
    for (const [first, second] of claimsUpTo(9)) {
      if (first === 0 || first > second) continue;
      const claim = consistencyClaim(first, second);
      for (const [otherFirst, otherSecond] of claimsUpTo(10)) {
        if (otherFirst === 0) continue;
        const verdict = verifyConsistency({ ...claim, first: otherFirst, second: otherSecond });
        const grown = referenceGrowth(otherFirst, otherSecond, claim.firstRoot, claim.proof);
        const roots = [claim.firstRoot, claim.secondRoot];
        expect(verdict.ok).toBe(grown !== undefined && `${hexes(grown)}` === `${hexes(roots)}`);
        if (verdict.ok) accepted += 1;
      }
    }
    expect(accepted).toBeGreaterThan(45);
  });

  it("cannot be turned into one of another second size", () => {
    const claim = consistencyClaim(1, 2);
    expect(verifyConsistency({ ...claim, second: 4 })).toEqual({
      ok: false,
      reason: "the proof is too short",
    });
  });

  it("from the empty tree is empty, and holds for the empty tree's root alone", () => {
    const claim = consistencyClaim(0, 5);
    expect(claim.proof).toEqual([]);
    expect(verifyConsistency(claim)).toEqual({ ok: true });
    expect(verifyConsistency({ ...claim, firstRoot: claim.secondRoot }).ok).toBe(false);
    expect(verifyConsistency({ ...claim, proof: [claim.firstRoot] }).ok).toBe(false);
    expect(verifyConsistency({ ...claim, second: 0 }).ok).toBe(false);
  });

  it("cannot be made backwards", () => {
    expect(() => planConsistency(6, 5)).toThrow(expect.objectContaining({ code: "USAGE" }));
    expect(() => planConsistency(-1, 5)).toThrow(expect.objectContaining({ code: "USAGE" }));
  });
});

describe("a verifier given hostile claims", () => {
  const anything = fc.oneof(
    fc.anything(),
    fc.constant(emptyRoot),
    fc.array(fc.oneof(fc.constant(emptyRoot), fc.anything()), { maxLength: 70 }),
    fc.bigInt(),
    fc.constantFrom(Number.NaN, -1, 0.5, 2 ** 53, 2n ** 64n - 1n, 2n ** 64n),
  );

  it("says no and never throws, whatever the fields hold", () => {
    fc.assert(
      fc.property(anything, anything, anything, anything, anything, (a, b, c, d, proof) => {
        const inclusion = { index: a, size: b, leafHash: c, root: d, proof };
        expect(verifyInclusion(inclusion as unknown as InclusionClaim).ok).toBe(false);
        const consistency = { first: a, second: b, firstRoot: c, secondRoot: d, proof };
        const verdict = verifyConsistency(consistency as unknown as ConsistencyClaim);
        // Claims that hold trivially: equal sizes with equal roots, or from the empty tree.
        if (verdict.ok) expect(proof).toEqual([]);
      }),
      { numRuns: 2000 },
    );
  });

  it("knows 64-bit sizes and refuses larger ones", () => {
    const claim = { leafHash: emptyRoot, root: emptyRoot, proof: [] };
    const index = 2n ** 64n - 2n;
    expect(verifyInclusion({ ...claim, index, size: 2n ** 64n - 1n })).toEqual({
      ok: false,
      reason: "the proof is too short",
    });
    expect(verifyInclusion({ ...claim, index, size: 2n ** 64n })).toEqual({
      ok: false,
      reason: "a size is no 64-bit number",
    });
  });

  it("refuses holes in a proof, and proofs longer than any tree is high", () => {
    const claim = inclusionClaim(2, 5);
    const holes = new Array<Uint8Array>(claim.proof.length);
    expect(verifyInclusion({ ...claim, proof: holes }).ok).toBe(false);
    const endless = new Array<Uint8Array>(100_000).fill(emptyRoot);
    expect(verifyInclusion({ ...claim, proof: endless })).toEqual({
      ok: false,
      reason: "the proof is too long",
    });
  });
});

describe("a plan", () => {
  it("serves storage that must be awaited: plan, one read, compute", async () => {
    const plan = planConsistency(1000, 65_537);
    const stored = await Promise.resolve(read(plan.indexes));
    const golden = goldenTree.consistency.find(({ first }) => first === 1000);
    expect(hexes(computeHashes(plan, stored))).toEqual(golden?.proof);
  });

  it("asks for ascending positions, each once", () => {
    fc.assert(
      fc.property(pairs, ([first, second]) => {
        for (const plan of [planInclusion(first, second), planConsistency(first, second)]) {
          const sorted = [...new Set(plan.indexes)].sort((a, b) => a - b);
          expect(plan.indexes).toEqual(sorted);
        }
      }),
    );
  });

  it("takes what is known from memory and comes to the same proof", () => {
    fc.assert(
      fc.property(pairs, fc.boolean(), ([first, second], isFrontier) => {
        const known = readRange(isFrontier ? 0 : Math.floor(second / 2), second, read);
        expect(hexes(proveInclusion(first, second, read, known))).toEqual(
          hexes(proveInclusion(first, second, read)),
        );
        expect(hexes(proveConsistency(first, second, read, known))).toEqual(
          hexes(proveConsistency(first, second, read)),
        );
      }),
    );
  });

  it("reads nothing where nothing is needed", () => {
    const never = (): never => {
      throw new Error("nothing should be read");
    };
    expect(proveInclusion(0, 1, never)).toEqual([]);
    expect(proveConsistency(0, 9, never)).toEqual([]);
    expect(proveConsistency(9, 9, never)).toEqual([]);
    expect(toHex(rootAt(0, never))).toBe(toHex(fromHex(goldenTree.roots["0"] ?? "") as Uint8Array));
  });
});
