// A blob that another thread has cut and hashed is stored as if it had been cut here.

import fc from "fast-check";
import { expect, it } from "vitest";
import { sha256, toHex } from "../../src/base/index.ts";
import { type EntrySink, encodeBlob } from "../../src/blobs/blob-encoder.ts";
import { cutBlob } from "../../src/blobs/index.ts";

/** A store that writes down what it is asked to add. */
class Recorded implements EntrySink {
  readonly added: string[] = [];
  readonly #known = new Set<string>();

  knowsBytes(hash: Uint8Array): boolean {
    return this.#known.has(toHex(hash));
  }
  knowsBlob(name: Uint8Array): boolean {
    return this.#known.has(`blob ${toHex(name)}`);
  }
  knowsEntry(name: Uint8Array): boolean {
    return this.knowsBlob(name);
  }
  add(kind: number, hash: Uint8Array, content: Uint8Array): void {
    this.#known.add(toHex(hash));
    this.added.push(`${kind} ${toHex(hash)} ${toHex(sha256(content))} ${content.length}`);
  }
}

/** Bytes in which stretches come again. */
const blobOf = fc
  .tuple(fc.array(fc.nat(30), { maxLength: 60 }), fc.nat(3000))
  .map(([stretches, rest]) => {
    const stretch = (seed: number, size: number): Uint8Array =>
      Uint8Array.from(
        { length: size },
        (_, i) => (Math.imul(i + 1, 2654435761 + seed) >>> 11) & 255,
      );
    return Buffer.concat([...stretches.map((seed) => stretch(seed, 1500)), stretch(31, rest)]);
  });

it("a blob cut elsewhere becomes the same entries", () => {
  fc.assert(
    fc.property(fc.array(blobOf, { minLength: 1, maxLength: 3 }), (blobs) => {
      const here = new Recorded();
      const elsewhere = new Recorded();
      for (const bytes of blobs) {
        const cut = structuredClone(cutBlob(bytes));
        const name = encodeBlob(bytes, elsewhere, cut);
        expect(name).toEqual(encodeBlob(bytes, here));
        expect(name).toEqual({ sha256: sha256(bytes), size: bytes.length });
      }
      expect(elsewhere.added).toEqual(here.added);
    }),
    { numRuns: 60 },
  );
});

it("a cut covers its blob, and names each chunk", () => {
  fc.assert(
    fc.property(blobOf, (bytes) => {
      const { sha256: name, ends, hashes } = cutBlob(bytes);
      expect(name).toEqual(sha256(bytes));
      expect(ends.at(-1)).toBe(bytes.length);
      expect(hashes.length).toBe(32 * ends.length);
      let start = 0;
      ends.forEach((end, i) => {
        expect(hashes.subarray(32 * i, 32 * i + 32)).toEqual(sha256(bytes.subarray(start, end)));
        start = end;
      });
    }),
    { numRuns: 60 },
  );
});
