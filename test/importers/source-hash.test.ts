// The SHA-256 of a source is the same wherever it is taken, in whatever pieces the source comes.

import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { toHex } from "../../src/base/index.ts";
import { sourceHash } from "../../src/importers/source-hash.ts";

const large = 64 * 1024 * 1024;

describe("the hash of a source", () => {
  it.each([
    ["in this thread", null],
    ["in a thread of its own", large],
  ])("%s is that of its bytes", async (_, size) => {
    const mebibyte = 1024 * 1024;
    for (const pieces of [
      [],
      [1],
      [mebibyte],
      [5, mebibyte - 5, mebibyte, 7],
      Array(40).fill(mebibyte + 1),
    ]) {
      const hash = sourceHash(size);
      const expected = createHash("sha256");
      try {
        for (const [i, length] of pieces.entries()) {
          const piece = new Uint8Array(length).fill(i + 1);
          piece[length >> 1] = 99;
          expected.update(piece);
          await hash.update(piece);
          piece.fill(0);
        }
        expect(toHex(await hash.digest())).toBe(expected.digest("hex"));
      } finally {
        await hash.close();
      }
    }
  });
});
