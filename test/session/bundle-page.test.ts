// A page that holds a bundle gives it back byte for byte, in whatever pieces either is read and
// written; one that is cut off, damaged or empty says so.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { codeOf } from "../../src/base/index.ts";
import { bundleOfPage, bundlePageMagic, writeBundlePage } from "../../src/session/bundle-page.ts";
import { randomFrom } from "./sample-session.ts";

const frame = { before: `${bundlePageMagic}<title>x</title>`, after: "<p>behind</p>" };

async function* inPieces(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  for (let at = 0, n = 0; at < bytes.length; n++) {
    const size = sizes[n % sizes.length] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

async function pageOf(bundle: Uint8Array, sizes: readonly number[]): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  const sink = async (piece: Uint8Array): Promise<void> => {
    parts.push(piece.slice());
  };
  const answer = await writeBundlePage(sink, frame, async (to) => {
    for await (const piece of inPieces(bundle, sizes)) await to(piece);
    return "what produce says";
  });
  expect(answer).toBe("what produce says");
  return Buffer.concat(parts);
}

async function bundleIn(page: Uint8Array, sizes: readonly number[] = [65_536]): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const piece of bundleOfPage(inPieces(page, sizes))) parts.push(piece);
  return Buffer.concat(parts);
}

function noise(size: number, seed: number): Uint8Array {
  const random = randomFrom(seed);
  return Uint8Array.from({ length: size }, () => Math.floor(random() * 256));
}

const sizes = fc.array(fc.integer({ min: 1, max: 200_000 }), { minLength: 1, maxLength: 4 });

describe("a page with a bundle", () => {
  it("gives it back, however it is cut", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(300_000), fc.nat(), sizes, sizes, async (size, seed, write, read) => {
        const bundle = noise(size, seed);
        const page = await pageOf(bundle, write);
        expect(page.subarray(0, frame.before.length).toString()).toBe(frame.before);
        expect(page.subarray(-frame.after.length).toString()).toBe(frame.after);
        expect((await bundleIn(page, read)).equals(bundle)).toBe(true);
      }),
      { numRuns: 25 },
    );
  });

  it("is read a byte at a time as well", async () => {
    const bundle = noise(3000, 1);
    expect((await bundleIn(await pageOf(bundle, [7]), [1])).equals(bundle)).toBe(true);
  });

  it("lets everything pass that is no page", async () => {
    for (const size of [0, 1, 14, 15, 16, 5000]) {
      const bytes = noise(size, size);
      for (const read of [1, 7, 5000]) {
        expect((await bundleIn(bytes, [read])).equals(bytes), `${size}`).toBe(true);
      }
    }
  });

  it("says so when it is cut off anywhere inside, or damaged", async () => {
    const bundle = noise(20_000, 3);
    const page = await pageOf(bundle, [4096]);
    const from = frame.before.length;
    const to = page.length - frame.after.length - "</script>".length;
    for (let at = from; at < to; at += 997) {
      const error = await bundleIn(page.subarray(0, at)).catch(codeOf);
      expect(error, `${at}`).toBe("BUNDLE_INVALID");
    }
    const damaged = Buffer.from(page);
    const middle = (from + to) >> 1;
    damaged[middle] = damaged[middle] === 65 ? 66 : 65;
    const outcome = await bundleIn(damaged).catch(codeOf);
    expect(outcome === "BUNDLE_INVALID" || !(outcome as Buffer).equals(bundle)).toBe(true);
    expect(await bundleIn(Buffer.from(`${bundlePageMagic}<p>hello`)).catch(codeOf)).toBe(
      "BUNDLE_INVALID",
    );
  });

  it("ends with what broke the writing of it", async () => {
    const broken = new Error("the disk is full");
    const writing = writeBundlePage(
      async () => {},
      frame,
      async (to) => {
        await to(noise(300_000, 1));
        throw broken;
      },
    );
    await expect(writing).rejects.toBe(broken);
    const refused = writeBundlePage(
      async (piece) => {
        if (piece.length > 1000) throw broken;
      },
      frame,
      async (to) => {
        for (let n = 0; n < 100; n++) await to(noise(100_000, n));
      },
    );
    await expect(refused).rejects.toBe(broken);
  });
});
