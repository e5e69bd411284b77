// Byte strings: joining, comparing, hexadecimal, numbers at their edges.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  codeOf,
  compareBytes,
  concat,
  equalBytes,
  fromHex,
  fromUtf8,
  fromUtf8Strict,
  parseJson,
  readU16,
  readU32,
  readU64,
  toHex,
  utf8,
  writeU16,
  writeU32,
  writeU64,
} from "../../src/base/index.ts";
import { texts } from "./plain-values.ts";

const byteStrings = fc.uint8Array({ maxLength: 60 });

describe("byte strings", () => {
  it("are joined, compared and ordered as Node's own are", () => {
    fc.assert(
      fc.property(byteStrings, byteStrings, (a, b) => {
        expect(toHex(concat(a, b))).toBe(Buffer.concat([a, b]).toString("hex"));
        expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(a, b));
        expect(equalBytes(a, b)).toBe(Buffer.compare(a, b) === 0);
        expect(equalBytes(a, concat(a))).toBe(true);
      }),
    );
  });

  it("become hexadecimal and back, however long", () => {
    for (const size of [0, 1, 2, 1023, 1024, 1025, 5000]) {
      const bytes = Uint8Array.from({ length: size }, (_, i) => i * 7);
      expect(toHex(bytes)).toBe(Buffer.from(bytes).toString("hex"));
      expect(fromHex(toHex(bytes))).toEqual(bytes);
      expect(fromHex(toHex(bytes).toUpperCase())).toEqual(bytes);
    }
    for (const text of ["0", "0g", "0x00", " 00", "00 ", "é0", "00\n"]) {
      expect(fromHex(text)).toBeUndefined();
    }
  });
});

describe("text", () => {
  it("that is well-formed comes back from UTF-8, byte order marks included", () => {
    fc.assert(
      fc.property(texts, (text) => {
        const wellFormed = text.toWellFormed();
        expect(fromUtf8(utf8(wellFormed))).toBe(wellFormed);
        expect(fromUtf8Strict(utf8(wellFormed))).toBe(wellFormed);
      }),
    );
    expect(fromUtf8(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61))).toBe("\ufeffa");
  });

  it("that is no UTF-8 is replaced where that is allowed, and refused where not", () => {
    for (const bytes of [[0xff], [0xed, 0xa0, 0xbd], [0xc0, 0x80], [0xe2, 0x82]]) {
      expect(fromUtf8(Uint8Array.from(bytes))).toContain("\ufffd");
      expect(() => fromUtf8Strict(Uint8Array.from(bytes))).toThrow(TypeError);
      expect(() => parseJson(Uint8Array.of(0x22, ...bytes, 0x22))).toThrow(SyntaxError);
    }
  });

  it("of JSON is parsed as JSON.parse does, and owns its keys", () => {
    const parsed = parseJson(utf8('{"__proto__":{"x":1},"n":52.0,"s":"\\ud83d"}'));
    expect(Object.keys(parsed as object)).toEqual(["__proto__", "n", "s"]);
    expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
    expect(() => parseJson(utf8('{"a":}'))).toThrow(SyntaxError);
    expect(() => parseJson(new Uint8Array(0))).toThrow(SyntaxError);
  });
});

describe("numbers in bytes", () => {
  it("are little-endian, at any offset, and touch nothing beside them", () => {
    const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer);
    fc.assert(
      fc.property(fc.nat(0xffff), fc.nat(0xffffffff), fc.maxSafeInteger(), (small, middle, any) => {
        const large = Math.abs(any);
        const bytes = new Uint8Array(20).fill(0xaa);
        writeU16(bytes, 1, small);
        writeU32(bytes, 4, middle);
        writeU64(bytes, 9, large);
        expect(view(bytes).getUint16(1, true)).toBe(small);
        expect(view(bytes).getUint32(4, true)).toBe(middle);
        expect(view(bytes).getBigUint64(9, true)).toBe(BigInt(large));
        expect([readU16(bytes, 1), readU32(bytes, 4), readU64(bytes, 9)]).toEqual([
          small,
          middle,
          large,
        ]);
        expect([0, 3, 8, 17, 18, 19].every((i) => bytes[i] === 0xaa)).toBe(true);
      }),
    );
  });

  it("above 2^53 - 1 are not a number, since no valid file has one", () => {
    const bytes = new Uint8Array(8);
    for (const value of [2n ** 53n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n]) {
      new DataView(bytes.buffer).setBigUint64(0, value, true);
      expect(readU64(bytes, 0)).toBeNaN();
    }
    writeU64(bytes, 0, Number.MAX_SAFE_INTEGER);
    expect(readU64(bytes, 0)).toBe(Number.MAX_SAFE_INTEGER);
  });

  it.each([-1, 0.5, 2 ** 53, Number.NaN])("%d is not written in 64 bits", (value) => {
    try {
      writeU64(new Uint8Array(8), 0, value);
    } catch (error) {
      expect(codeOf(error)).toBe("BUG");
      return;
    }
    expect.fail("it was written");
  });
});
