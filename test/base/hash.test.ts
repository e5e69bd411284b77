// Hashes: the native functions and the portable ones give the same results, and those of the
// standards.

import { createHash } from "node:crypto";
import { crc32 as zlibCrc32 } from "node:zlib";
import { sha256 as nobleSha256 } from "@noble/hashes/sha2.js";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import {
  concat,
  crc32,
  crc32Portable,
  sha256,
  sha256Into,
  sha256Stream,
  toHex,
  utf8,
} from "../../src/base/index.ts";

const byteStrings = fc.uint8Array({ maxLength: 300 });

describe("SHA-256", () => {
  it.each([
    ["", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    ["abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
  ])("of %j is that of FIPS 180-4", (text, hex) => {
    expect(toHex(sha256(utf8(text)))).toBe(hex);
  });

  it("is the same natively and in JavaScript, wherever the bytes lie", () => {
    fc.assert(
      fc.property(byteStrings, fc.nat(9), (bytes, offset) => {
        const inside = concat(new Uint8Array(offset), bytes).subarray(offset);
        expect(toHex(sha256(inside))).toBe(toHex(nobleSha256(bytes)));
        const target = new Uint8Array(42).fill(7);
        sha256Into(inside, target, offset);
        const around = [target.subarray(0, offset), target.subarray(offset + 32)];
        expect(concat(...around).every((byte) => byte === 7)).toBe(true);
        expect(toHex(target.subarray(offset, offset + 32))).toBe(toHex(nobleSha256(bytes)));
      }),
    );
  });

  it("of a stream can be asked for at any time, and goes on", () => {
    fc.assert(
      fc.property(fc.array(byteStrings, { maxLength: 6 }), (parts) => {
        const stream = sha256Stream();
        for (const [i, part] of parts.entries()) {
          stream.update(part);
          const soFar = concat(...parts.slice(0, i + 1));
          expect(toHex(stream.digest())).toBe(toHex(sha256(soFar)));
          expect(toHex(stream.digest())).toBe(createHash("sha256").update(soFar).digest("hex"));
        }
        expect(toHex(stream.digest())).toBe(toHex(sha256(concat(...parts))));
      }),
    );
  });
});

describe("CRC-32", () => {
  it("of 123456789 is cbf43926", () => {
    expect(crc32(utf8("123456789"))).toBe(0xcbf43926);
    expect(crc32Portable(utf8("123456789"))).toBe(0xcbf43926);
    expect(crc32(new Uint8Array(0))).toBe(0);
  });

  it("is the same natively and in JavaScript, also where it goes on", () => {
    fc.assert(
      fc.property(byteStrings, byteStrings, fc.nat(0xffffffff), (a, b, seed) => {
        expect(crc32Portable(a, seed)).toBe(crc32(a, seed));
        expect(crc32(a)).toBe(zlibCrc32(a));
        expect(crc32(b, crc32(a))).toBe(crc32(concat(a, b)));
        expect(crc32Portable(b, crc32Portable(a))).toBe(crc32(concat(a, b)));
      }),
    );
  });
});

describe("without the modules of Node, as in a browser", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.resetModules();
  });

  it("all results are the same", async () => {
    vi.stubGlobal("process", undefined);
    vi.resetModules();
    const portable = await import("../../src/base/hash.ts");
    vi.unstubAllGlobals();
    expect(portable.sha256).toBe(nobleSha256);
    expect(portable.crc32).toBe(portable.crc32Portable);
    const stream = portable.sha256Stream();
    stream.update(utf8("ab"));
    const first = toHex(stream.digest());
    stream.update(utf8("c"));
    expect(first).toBe(toHex(sha256(utf8("ab"))));
    expect(toHex(stream.digest())).toBe(toHex(sha256(utf8("abc"))));
  });
});
