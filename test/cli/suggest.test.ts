import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { closest, didYouMean, editDistance } from "../../src/cli/suggest.ts";

describe("the edit distance", () => {
  it("counts insertions, deletions, other letters and swapped neighbours", () => {
    expect(editDistance("import", "import")).toBe(0);
    expect(editDistance("improt", "import")).toBe(1);
    expect(editDistance("imprt", "import")).toBe(1);
    expect(editDistance("imports", "import")).toBe(1);
    expect(editDistance("verify", "replay")).toBe(4);
    expect(editDistance("", "abc")).toBe(3);
  });

  it("is the same in both directions, and at most the longer length", () => {
    void fc.assert(
      fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
        const distance = editDistance(a, b);
        expect(distance).toBe(editDistance(b, a));
        expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
        expect(distance === 0).toBe(a === b);
      }),
    );
  });
});

describe("a suggestion", () => {
  const words = ["claude-code", "codex", "json", "ndjson"];
  it("is what comes closest, and nothing where all is far away", () => {
    expect(closest("claud-code", words)).toEqual(["claude-code"]);
    expect(closest("CODEX", words)).toEqual(["codex"]);
    expect(closest("ndjosn", words)).toEqual(["ndjson"]);
    expect(closest("temporal", words)).toEqual([]);
    expect(closest("x", words)).toEqual([]);
  });

  it("names a few", () => {
    expect(didYouMean([])).toBeUndefined();
    expect(didYouMean(["a", "b"])).toBe("did you mean a or b?");
  });
});
