/**
 * Ranges, tiles and proofs: one form each, and a proof holds exactly when the recursion says so.
 */
import { equalBytes, fromUtf8, readU64, utf8, writeU64 } from "../../../src/base/index.ts";
import {
  decodeEntryBundle,
  decodeRange,
  emptyRange,
  encodeEntryBundle,
  encodeRange,
  mergeRanges,
  parseTilePath,
  RangeBuilder,
  rangeRoot,
  tilePath,
  tilesOf,
  verifyConsistency,
  verifyInclusion,
} from "../../../src/merkle/index.ts";
import {
  referenceClimb,
  referenceGrowth,
  referenceLeaves,
  referencePath,
  referenceProof,
  referenceRoot,
} from "../../merkle/reference-tree.ts";
import { attempt, choicesOf, type FuzzTarget, promise } from "../fuzz-target.ts";
import { hashOf } from "./values.ts";

/** Compact ranges. */
export const range: FuzzTarget = {
  name: "range",
  weight: 6,
  seeds() {
    const seeds = [0, 1, 2, 3, 100, 255, 256, 1000].flatMap((count) =>
      [0, 5, 64].map((begin) => {
        const builder = new RangeBuilder(emptyRange(begin));
        for (let i = 0; i < count; i++) builder.append(hashOf(`leaf ${i}`));
        return encodeRange(builder.range());
      }),
    );
    return seeds;
  },
  check(input) {
    const found = attempt("decodeRange", ["PROOF_INVALID"], () => decodeRange(input));
    if (!found) return;
    promise(equalBytes(encodeRange(found), input), "a range has one form");
    promise(found.begin <= found.end && found.hashes.length <= 105, "a range is small");
    const joined = mergeRanges(emptyRange(found.begin), found);
    promise(equalBytes(encodeRange(joined), input), "joined to nothing it is the same");
    if (found.begin === 0) promise(rangeRoot(found).length === 32, "from leaf 0 it has a root");
    if (found.end >= Number.MAX_SAFE_INTEGER) return;
    const builder = new RangeBuilder(found);
    builder.append(hashOf("next"));
    const grown = decodeRange(encodeRange(builder.range()));
    promise(grown.end === found.end + 1, "a range can grow");
  },
};

/** Bundles of entries, and the paths of tiles. */
export const tiles: FuzzTarget = {
  name: "tiles",
  weight: 8,
  words: ["tile/", "entries", "/", "x", ".p/", "000", "256", "255", "0", "x999", "64", "..", "\n"],
  seeds(random) {
    const bundles = [0, 1, 2, 10, 256].map((count) => {
      const size = (): number => random.int(count > 100 ? 8 : 200);
      return encodeEntryBundle(Array.from({ length: count }, () => random.bytes(size())));
    });
    const paths = [...tilesOf(70_000)].filter(() => random.chance(0.1)).map(tilePath);
    const far = tilePath({ level: 63, index: 2 ** 53 - 1, width: 3 });
    return [...bundles, ...[...paths, far].map(utf8)];
  },
  check(input) {
    const entries = attempt("a bundle", ["CORRUPT"], () => decodeEntryBundle(input));
    if (entries) {
      promise(entries.length <= 256, "a bundle has at most 256 entries");
      promise(equalBytes(encodeEntryBundle(entries), input), "a bundle has one form");
    }
    const path = fromUtf8(input);
    const tile = parseTilePath(path);
    if (!tile) return;
    promise(tilePath(tile) === path, "a tile has one path");
    promise(tile.width >= 1 && tile.width <= 256, "a tile has 1 to 256 items");
    promise(Number.isSafeInteger(tile.index) && tile.index >= 0, "an index is a count");
  },
};

const leaves = referenceLeaves(40);
const headBytes = 1 + 8 + 8 + 32 + 32;

interface Claim {
  readonly consistency: boolean;
  readonly first: number;
  readonly second: number;
  readonly one: Uint8Array;
  readonly two: Uint8Array;
  readonly proof: Uint8Array[];
}

function encodeClaim({ consistency, first, second, one, two, proof }: Claim): Uint8Array {
  const bytes = new Uint8Array(headBytes + 32 * proof.length);
  bytes[0] = consistency ? 1 : 0;
  writeU64(bytes, 1, first);
  writeU64(bytes, 9, second);
  bytes.set(one, 17);
  bytes.set(two, 49);
  for (const [i, hash] of proof.entries()) bytes.set(hash, headBytes + 32 * i);
  return bytes;
}

function decodeClaim(input: Uint8Array): Claim | undefined {
  if (input.length < headBytes) return undefined;
  const proof: Uint8Array[] = [];
  for (let at = headBytes; at < input.length; at += 32) proof.push(input.slice(at, at + 32));
  return {
    consistency: (input[0] as number) % 2 === 1,
    first: readU64(input, 1),
    second: readU64(input, 9),
    one: input.slice(17, 49),
    two: input.slice(49, 81),
    proof,
  };
}

const oddValues: readonly unknown[] = [
  ...[undefined, null, Number.NaN, -1, 0.5, "5", 2n ** 64n, -1n, 2n ** 64n - 1n, 5n],
  ...[{}, [], new Array(3), "hash", new Uint8Array(31), new Uint8Array(33), [undefined]],
];

/** Whether a claim holds by the recursive definitions of RFC 9162. */
function holds({ consistency, first, second, one, two, proof }: Claim): boolean {
  if (![first, second].every(Number.isSafeInteger)) return false;
  if (proof.some((hash) => hash.length !== 32)) return false;
  if (!consistency) {
    const root = referenceClimb(first, second, one, proof);
    return root !== undefined && equalBytes(root, two);
  }
  if (first === 0) {
    const empty = equalBytes(one, referenceRoot([])) && proof.length === 0;
    return empty && (second > 0 || equalBytes(one, two));
  }
  const roots = referenceGrowth(first, second, one, proof);
  return roots !== undefined && equalBytes(roots[0], one) && equalBytes(roots[1], two);
}

/** Inclusion and consistency proofs. */
export const proofs: FuzzTarget = {
  name: "proofs",
  weight: 6,
  seeds(random) {
    return Array.from({ length: 40 }, () => {
      const second = 1 + random.int(leaves.length);
      const tree = leaves.slice(0, second);
      const root = referenceRoot(tree);
      const first = random.int(second);
      if (random.chance(0.5)) {
        const proof = referencePath(first, tree);
        const one = leaves[first] as Uint8Array;
        return encodeClaim({ consistency: false, first, second, one, two: root, proof });
      }
      const one = referenceRoot(tree.slice(0, first));
      const proof = first === 0 ? [] : referenceProof(first, tree);
      return encodeClaim({ consistency: true, first, second, one, two: root, proof });
    });
  },
  check(input) {
    const claim = decodeClaim(input);
    if (!claim) return;
    const { first, second, one, two, proof } = claim;
    const consistency = { first, second, firstRoot: one, secondRoot: two, proof };
    const inclusion = { index: first, size: second, leafHash: one, root: two, proof };
    const verdict = claim.consistency ? verifyConsistency(consistency) : verifyInclusion(inclusion);
    promise(verdict.ok === holds(claim), `${verdict.ok} is the verdict of the recursion`);
    const random = choicesOf(input);
    const odd = (): unknown => random.pick(oddValues);
    for (const key of Object.keys(inclusion)) {
      const hostile = { ...inclusion, [key]: odd() } as typeof inclusion;
      promise(typeof verifyInclusion(hostile).ok === "boolean", "checking never throws");
    }
    for (const key of Object.keys(consistency)) {
      const hostile = { ...consistency, [key]: odd() } as typeof consistency;
      promise(typeof verifyConsistency(hostile).ok === "boolean", "checking never throws");
    }
  },
};
