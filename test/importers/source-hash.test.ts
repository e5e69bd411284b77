// The hash of a large source is taken in a thread, from the very memory the source was read into:
// it is the hash of the source, and the memory is used again only when the thread is done with it.

import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sha256Stream, toHex } from "../../src/base/index.ts";
import { fileSource, type Source, streamSource } from "../../src/importers/index.ts";
import { hashPrefixes, SourceHash } from "../../src/importers/source-hash.ts";

const nothing: Source = {
  name: "nothing",
  size: 0,
  reopenable: true,
  async *open() {
    yield await Promise.resolve(new Uint8Array(0));
  },
};
const mebibyte = 1024 * 1024;
let folder: string;
let hash: SourceHash;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "reach-hash-"));
  hash = new SourceHash(nothing, true);
});

afterEach(async () => {
  await hash.close();
  rmSync(folder, { recursive: true, force: true });
});

function expected(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

describe("the hash of a source in a thread", () => {
  it("is that of its bytes, with few buffers that are used again", async () => {
    const bytes = randomBytes(40 * mebibyte + 12_345);
    const file = path.join(folder, "source");
    writeFileSync(file, bytes);
    const buffers = new Set<ArrayBufferLike>();
    for await (const piece of fileSource(file).open(0, hash.take)) {
      buffers.add(piece.buffer);
      hash.update(piece);
    }
    expect(toHex(await hash.digest())).toBe(expected(bytes));
    expect(buffers.size).toBeLessThanOrEqual(5);
    for (const buffer of buffers) expect(buffer).toBeInstanceOf(SharedArrayBuffer);
  });

  it("is that of pieces that lie elsewhere and change afterwards", async () => {
    const bytes = randomBytes(3000);
    const piece = new Uint8Array(1000);
    for (let at = 0; at < bytes.length; at += piece.length) {
      piece.set(bytes.subarray(at, at + piece.length));
      hash.update(piece);
    }
    expect(toHex(await hash.digest())).toBe(expected(bytes));
  });

  it("has memory for whoever holds all of it and hands none on", async () => {
    const held: Uint8Array[] = [];
    for (let i = 0; i < 10; i++) held.push((await hash.take?.()) ?? new Uint8Array(0));
    expect(new Set(held.map(({ buffer }) => buffer)).size).toBe(10);
    for (const piece of held) hash.update(piece.subarray(0, 10));
    expect(toHex(await hash.digest())).toBe(expected(new Uint8Array(100)));
  });

  it("is that of the bytes so far, whenever it is asked for", async () => {
    expect(toHex(await hash.digest())).toBe(expected(new Uint8Array(0)));
    hash.update(new Uint8Array(10));
    expect(toHex(await hash.digest())).toBe(expected(new Uint8Array(10)));
    hash.update(new Uint8Array(5));
    expect(toHex(await hash.digest())).toBe(expected(new Uint8Array(15)));
  });

  it("is an error where the thread is gone, and no wrong hash", async () => {
    hash.update(Uint8Array.of(1));
    const digest = hash.digest();
    const closed = hash.close();
    await expect(digest).rejects.toMatchObject({ code: "WORKER_FAILED" });
    await closed;
  });
});

describe("the hash of a small source, or of a stream,", () => {
  it("is taken without a thread", async () => {
    const file = path.join(folder, "small");
    writeFileSync(file, "small");
    async function* stream(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(Buffer.from("small"));
    }
    for (const source of [fileSource(file), streamSource("stdin", stream())]) {
      const one = SourceHash.of(source);
      expect(one.take).toBeUndefined();
      for await (const piece of source.open(0, one.take)) one.update(piece);
      expect(toHex(await one.digest())).toBe(expected(Buffer.from("small")));
    }
  });
});

describe("the hashes of the beginnings of a source", () => {
  it("are those of its first bytes, however it is cut, and none behind its end", async () => {
    const sizesOf = fc.array(fc.nat(45), { maxLength: 6 });
    const cutsOf = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 });
    const bytes = randomBytes(40);
    await fc.assert(
      fc.asyncProperty(sizesOf, cutsOf, async (some, cuts) => {
        const sizes = some.sort((a, b) => a - b);
        async function* open() {
          for (let at = 0, i = 0; at < bytes.length; i++) {
            const end = at + (cuts[i % cuts.length] as number);
            yield await Promise.resolve(bytes.subarray(at, end));
            at = end;
          }
        }
        const stream = sha256Stream();
        const hashes = await hashPrefixes({ ...nothing, open }, sizes, stream);
        const there = sizes.filter((size) => size <= bytes.length);
        expect(hashes.map(toHex)).toEqual(there.map((size) => expected(bytes.subarray(0, size))));
        const last = there.at(-1);
        if (there.length < sizes.length || last === undefined) return;
        expect(toHex(stream.digest())).toBe(expected(bytes.subarray(0, last)));
      }),
    );
  });
});

describe.each([false, true])("a source that has a beginning, in a thread: %s", (inThread) => {
  const bytes = randomBytes(100);
  const piece = (start: number, end: number): Uint8Array => {
    const memory = new Uint8Array(new SharedArrayBuffer(1000)).subarray(0, end - start);
    memory.set(bytes.subarray(start, end));
    return memory;
  };

  it.each([10, 35, 40, 100])("has to have the %i bytes of it", async (size) => {
    for (const holds of [true, false]) {
      const one = new SourceHash(nothing, inThread);
      const sha256 = createHash("sha256").update(bytes.subarray(0, size)).digest();
      one.begins({ size, sha256: holds ? sha256 : new Uint8Array(32) });
      const read = async (): Promise<string> => {
        for (let at = 0; at < 100; at += 20) one.update(piece(at, at + 20));
        return toHex(await one.digest());
      };
      if (holds) expect(await read()).toBe(expected(bytes));
      else await expect(read()).rejects.toMatchObject({ code: "SOURCE_UNREADABLE" });
      await one.close();
    }
  });
});
