// The hash of a large source is taken in a thread, from the very memory the source was read into:
// it is the hash of the source, and the memory is used again only when the thread is done with it.

import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { toHex } from "../../src/base/index.ts";
import { fileSource, streamSource } from "../../src/importers/index.ts";
import { SourceHash } from "../../src/importers/source-hash.ts";

const mebibyte = 1024 * 1024;
let folder: string;
let hash: SourceHash;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "reach-hash-"));
  hash = new SourceHash(true);
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
