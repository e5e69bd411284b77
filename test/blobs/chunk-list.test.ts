/** Whatever the number of chunks, their list gives them back, and a change stays local. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { limits, sha256, toHex, utf8 } from "../../src/base/index.ts";
import {
  blobContent,
  chunkRefs,
  heightOf,
  ListBuilder,
  nodeBytesMax,
  readBlobContent,
  refCount,
  sizeBelow,
} from "../../src/blobs/chunk-list.ts";

interface Chunk {
  readonly hash: Uint8Array;
  readonly size: number;
}

function chunks(count: number, seed = 0): Chunk[] {
  return Array.from({ length: count }, (_, i) => ({
    hash: sha256(utf8(`${seed}/${i}`)),
    size: 1 + (i % limits.chunkBytesMax),
  }));
}

function build(
  list: readonly Chunk[],
  headApart = false,
): { root: Uint8Array; nodes: Map<string, Uint8Array> } {
  const nodes = new Map<string, Uint8Array>();
  const builder = new ListBuilder((node) => {
    const hash = sha256(node);
    nodes.set(toHex(hash), node.slice());
    return hash;
  });
  for (const [i, { hash, size }] of list.entries()) {
    builder.add(hash, size);
    if (i === 0 && headApart) builder.setHeadApart();
  }
  return { root: builder.finish().slice(), nodes };
}

function leaves({ root, nodes }: ReturnType<typeof build>): string[] {
  const source = (hash: Uint8Array, height: number, size: number): Uint8Array => {
    const node = nodes.get(toHex(hash)) as Uint8Array;
    expect(heightOf(node)).toBe(height);
    expect(sizeBelow(node)).toBe(size);
    return node;
  };
  return Array.from(chunkRefs(root, source), ({ hash, size }) => `${toHex(hash)} ${size}`);
}

describe("a chunk list", () => {
  test("gives back its chunks in order, at any length", () => {
    const counts = fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 9000 }));
    fc.assert(
      fc.property(counts, fc.integer(), fc.boolean(), (count, seed, headApart) => {
        const list = chunks(count, seed);
        const built = build(list, headApart);
        expect(leaves(built)).toEqual(list.map(({ hash, size }) => `${toHex(hash)} ${size}`));
        for (const node of built.nodes.values()) {
          expect(node.length).toBeLessThanOrEqual(nodeBytesMax);
          expect(refCount(node)).toBeLessThanOrEqual(limits.chunkListRefsMax);
        }
      }),
      { numRuns: 40 },
    );
  });

  test("has as many levels as its length needs", () => {
    expect(heightOf(build(chunks(2)).root)).toBe(1);
    expect(heightOf(build(chunks(limits.chunkListRefsMax * 2)).root)).toBe(2);
    expect(heightOf(build(chunks(60_000)).root)).toBeGreaterThan(2);
  });

  test("that grew at its end shares all nodes but those along its edge", () => {
    const list = chunks(20_000);
    const before = build(list.slice(0, 19_990));
    const after = build(list);
    const fresh = [...after.nodes.keys()].filter((hash) => !before.nodes.has(hash));
    expect(before.nodes.size).toBeGreaterThan(100);
    expect(fresh.length).toBeLessThanOrEqual(4);
  });

  test("whose head changed shares all nodes but that of the head, and those above it", () => {
    const list = chunks(20_000);
    const before = build(list, true);
    const after = build([...chunks(1, 1), ...list.slice(1)], true);
    const fresh = [...after.nodes].filter(([hash]) => !before.nodes.has(hash));
    const heights = fresh.map(([, node]) => heightOf(node) as number).sort();
    expect(heights).toEqual([...new Set(heights)]);
    const [[, lowest]] = fresh as [[string, Uint8Array]];
    expect([heightOf(lowest), refCount(lowest)]).toEqual([1, 1]);
  });

  test("of a few chunks is one node, also with a head", () => {
    expect(build(chunks(5), true).nodes.size).toBe(0);
  });

  test("that changed in the middle shares the nodes on both sides", () => {
    const list = chunks(20_000);
    const before = build(list);
    const after = build([...list.slice(0, 9000), ...chunks(3, 1), ...list.slice(9001)]);
    const fresh = [...after.nodes.keys()].filter((hash) => !before.nodes.has(hash));
    expect(fresh.length).toBeLessThanOrEqual(12);
  });
});

describe("the content of a blob entry", () => {
  test("is its size and its root", () => {
    const { root } = build(chunks(50));
    const size = sizeBelow(root);
    expect(readBlobContent(blobContent(size, root))).toEqual({ size, root });
  });

  test("is refused when it is none, whatever the bytes", () => {
    const { root } = build(chunks(5));
    expect(readBlobContent(blobContent(sizeBelow(root) + 1, root))).toBeUndefined();
    expect(readBlobContent(new Uint8Array(8))).toBeUndefined();
    expect(readBlobContent(blobContent(0, root.subarray(0, -1)))).toBeUndefined();
    expect(
      readBlobContent(blobContent(0, new Uint8Array([200, ...root.subarray(1)]))),
    ).toBeUndefined();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const content = readBlobContent(bytes);
        if (content) expect(sizeBelow(content.root)).toBe(content.size);
      }),
    );
  });
});
