// When a path leads nowhere, the error says which arrays there are.

import { Buffer } from "node:buffer";
import { describe, expect, it } from "vitest";
import { noArrayError, outlineDocument, outlineText } from "../../src/importers/outline.ts";
import { fixture } from "./memory-sink.ts";

function* chunks(source: Uint8Array | string, size: number): Generator<Uint8Array> {
  const bytes = Buffer.from(source);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

describe("the outline of a document", () => {
  it("lists its arrays with paths and lengths, of elements only the first", async () => {
    for (const size of [1, 7, 100_000]) {
      expect(await outlineDocument(chunks(fixture("document.json"), size))).toEqual({
        arrays: [
          { path: "samples", depth: 1, length: 2, ofObjects: true },
          { path: "samples[0].messages", depth: 3, length: 2, ofObjects: true },
          { path: "tags", depth: 1, length: 2, ofObjects: false },
          { path: "empty", depth: 1, length: 0, ofObjects: false },
        ],
        cutShort: false,
      });
    }
  });

  it("counts elements of every kind", async () => {
    const source = '\ufeff{"a":[1,"two",null,true,false,{},[],{"b":[1]}]}';
    const { arrays } = await outlineDocument(chunks(source, 3));
    expect(arrays).toEqual([{ path: "a", depth: 1, length: 8, ofObjects: false }]);
    const nested = await outlineDocument(chunks("[[[1],[2]],[]]", 100));
    expect(nested.arrays.map(({ path, length }) => [path, length])).toEqual([
      ["$", 2],
      ["[0]", 2],
      ["[0][0]", 1],
    ]);
  });

  it("ends where the document is broken, and says so", async () => {
    const outline = await outlineDocument(chunks('{"a":[1,2],"b":[1;', 4));
    expect(outline.arrays.map(({ path }) => path)).toEqual(["a", "b"]);
    expect(outline.cutShort).toBe(true);
    expect((await outlineDocument(chunks('{"a":[1', 4))).cutShort).toBe(true);
  });

  it("is bounded in bytes, depth, nesting and number of arrays", async () => {
    let given = 0;
    function* endless(): Generator<Uint8Array> {
      yield Buffer.from('{"a":[0');
      for (;;) {
        given += 1;
        yield Buffer.from(",1".repeat(500));
      }
    }
    const long = await outlineDocument(endless(), { sourceBytesMax: 100_000 });
    expect(long.cutShort).toBe(true);
    expect(given).toBeLessThan(110);
    const deep = await outlineDocument(chunks("[".repeat(1_000_000), 65_536), { depthMax: 3 });
    expect(deep.arrays.map(({ path }) => path)).toEqual(["$", "[0]", "[0][0]"]);
    expect(deep.cutShort).toBe(true);
    const wide = `{${Array.from({ length: 200 }, (_, i) => `"k${i}":[]`).join(",")}}`;
    const { arrays } = await outlineDocument(chunks(wide, 999), { arraysMax: 10 });
    expect(arrays).toHaveLength(10);
  });

  it("does not hide an error of the source itself", async () => {
    function* failing(): Generator<Uint8Array> {
      yield Buffer.from("[");
      throw new Error("disk gone");
    }
    await expect(outlineDocument(failing())).rejects.toThrow("disk gone");
  });
});

describe("the error for a path", () => {
  it("names the arrays, those at the top first", async () => {
    const outline = await outlineDocument(chunks(fixture("document.json"), 50));
    const error = noArrayError("a.b", outline);
    expect(error).toMatchObject({
      code: "USAGE",
      message:
        "no array at `a.b`; this document has: " +
        "samples (2), tags (2), empty (0), samples[0].messages (2)",
    });
  });

  it("says when there is none, and when not all are named", async () => {
    const none = await outlineDocument(chunks('{"a":1}', 50));
    expect(noArrayError("a", none).message).toBe("no array at `a`; this document has no arrays");
    const wide = `{${Array.from({ length: 20 }, (_, i) => `"k${i}":[]`).join(",")}}`;
    const text = outlineText(await outlineDocument(chunks(wide, 999)));
    expect(text).toMatch(/^k0 \(0\), .*k11 \(0\), …$/);
  });
});
