// Plain values as bytes and back: what goes in comes out, to the last bit, and the same value is
// always the same bytes.

import { readFileSync } from "node:fs";
import vm from "node:vm";
import { Decoder, Encoder } from "cbor-x";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkWellFormed, decodeValue, encodeValue, fromHex, toHex } from "../../src/base/index.ts";
import { suitePath, withSuite } from "../merkle/outside-suites.ts";
import { firstDifference } from "./exact.ts";
import { keys, objectOf, plainValues, texts } from "./plain-values.ts";

/** Where the value differs from what its bytes give, in both modes. */
function lostBy(value: unknown): string | undefined {
  const bytes = encodeValue(value);
  const again = encodeValue(value, "refuse");
  if (toHex(bytes) !== toHex(again)) return "the modes write different bytes";
  return checkWellFormed(bytes) ?? firstDifference(value, decodeValue(bytes));
}

describe("what goes in comes out", () => {
  it("any plain value", () => {
    fc.assert(
      fc.property(plainValues, (value) => {
        expect(lostBy(value)).toBeUndefined();
      }),
      { numRuns: 1500 },
    );
  });

  it("any text, as value and as key, alone and among others", () => {
    fc.assert(
      fc.property(texts, texts, (text, other) => {
        expect(lostBy(text)).toBeUndefined();
        expect(lostBy([text, other, "plain", { [other]: text }])).toBeUndefined();
        expect(lostBy(objectOf([[text, other]]))).toBeUndefined();
      }),
      { numRuns: 1000 },
    );
  });

  it("keys whose bytes are the characters of another key, however they meet in the cache", () => {
    for (let i = 0; i < 20_000; i++) {
      for (const key of [`Ã¤${i}`, `ä${i}`]) {
        expect(Object.keys(decodeValue(encodeValue({ [key]: i })) as object)).toEqual([key]);
      }
    }
  });

  it("texts at every edge of a length, in one, two, three and four bytes a character", () => {
    for (const length of [0, 1, 19, 20, 22, 23, 24, 25, 85, 86, 254, 255, 256, 257]) {
      for (const character of ["a", "ä", "€", "😀", "\ud83d", "\ufeff", "\u0000"]) {
        const text = character.repeat(length);
        for (const value of [text, `x${text}`, `${text}x`, `${"y".repeat(length)}${character}`]) {
          expect(lostBy(value)).toBeUndefined();
          expect(lostBy({ [value]: value })).toBeUndefined();
        }
      }
    }
    for (const length of [21_845, 32_767, 32_768, 65_535, 65_536, 65_537, 300_000]) {
      for (const character of ["a", "ä", "€", "\ud83d"]) {
        expect(lostBy(character.repeat(length))).toBeUndefined();
      }
    }
  });

  it("a text that begins with a byte order mark keeps it, of any length", () => {
    for (let length = 0; length < 200; length++) {
      const text = `\ufeff${"x".repeat(length)}`;
      expect(decodeValue(encodeValue(text))).toBe(text);
    }
  });

  it("integers and other numbers around every edge, of both signs", () => {
    const edges = [0, 23, 24, 255, 256, 65_535, 65_536];
    const powers = [31, 32, 33, 40, 48, 52, 53, 54, 62, 63, 64, 65, 100, 1023].map((n) => 2 ** n);
    for (const edge of [...edges, ...powers, Number.MAX_SAFE_INTEGER, Number.MAX_VALUE]) {
      for (const number of [edge - 2, edge - 1, edge, edge + 1, edge + 2, edge + 0.5, 1 / edge]) {
        expect(lostBy(number)).toBeUndefined();
        expect(lostBy(-number)).toBeUndefined();
      }
    }
    for (const number of [-0, Number.NaN, Number.POSITIVE_INFINITY, 5e-324, -5e-324, 0.1]) {
      expect(lostBy([number, -number])).toBeUndefined();
    }
  });

  it("bigints of any size, which stay bigints", () => {
    for (const bits of [0, 1, 7, 8, 9, 31, 32, 53, 63, 64, 65, 127, 128, 1000, 100_000]) {
      const edge = 2n ** BigInt(bits);
      for (const number of [edge - 1n, edge, edge + 1n]) {
        expect(lostBy(number)).toBeUndefined();
        expect(lostBy([-number])).toBeUndefined();
      }
    }
    expect(decodeValue(encodeValue(5n))).toBe(5n);
    expect(toHex(encodeValue(5n))).not.toBe(toHex(encodeValue(5)));
  });

  it("undefined, as a value, as a member and as an item", () => {
    for (const value of [undefined, { a: undefined }, [undefined], [undefined, { b: undefined }]]) {
      expect(lostBy(value)).toBeUndefined();
    }
  });

  it("keys that mean something to JavaScript", () => {
    const names = ["__proto__", "constructor", "prototype", "toJSON", "length", "toString"];
    const odd = ["hasOwnProperty", "__defineGetter__", "valueOf", "then", "0", "1", "-1", ""];
    for (const name of [...names, ...odd, "\ud800", "\ufeff", "a".repeat(300)]) {
      for (const value of [1, null, { [name]: [] }, objectOf([["x", { y: 1 }]])]) {
        expect(lostBy(objectOf([[name, value]]))).toBeUndefined();
        expect(
          lostBy([
            objectOf([
              ["before", 1],
              [name, value],
              ["after", 2],
            ]),
          ]),
        ).toBeUndefined();
      }
    }
    expect(lostBy(objectOf([...names, ...odd].map((name) => [name, name])))).toBeUndefined();
  });

  it("objects and arrays of every size of head", () => {
    for (const size of [0, 1, 11, 12, 23, 24, 127, 128, 255, 256, 32_768, 65_535, 65_536]) {
      const items = Array.from({ length: size }, (_, i) => i % 10);
      expect(lostBy(items)).toBeUndefined();
      expect(lostBy(objectOf(items.map((item, i) => [`k${i}`, item])))).toBeUndefined();
      const withPairs = objectOf([...items.map((n, i) => [`k${i}`, n] as const), ["__proto__", 1]]);
      expect(lostBy([withPairs, "behind"])).toBeUndefined();
    }
  });

  it("bytes, which are a Uint8Array with memory of its own", () => {
    for (const size of [0, 1, 23, 24, 255, 256, 65_535, 65_536, 100_000]) {
      const bytes = Uint8Array.from({ length: size }, (_, i) => i * 7);
      expect(lostBy([bytes, { bytes: bytes.slice() }])).toBeUndefined();
    }
    const source = Buffer.from(encodeValue({ a: Buffer.from("abc") }));
    const { a } = decodeValue(source) as { a: Uint8Array };
    expect(Object.getPrototypeOf(a)).toBe(Uint8Array.prototype);
    source.fill(0);
    expect([...a]).toEqual([97, 98, 99]);
  });

  it("nesting down to the limit, in every mixture", () => {
    const wraps: ((inner: unknown) => unknown)[] = [
      (inner) => [inner],
      (inner) => ({ a: inner }),
      (inner) => ({ constructor: inner }),
      (inner) => objectOf([["\ud800", inner]]),
    ];
    for (const leaf of [1, -0, 2n, "\ud800", [], {}, new Uint8Array(3)]) {
      const container = typeof leaf === "object" && !(leaf instanceof Uint8Array);
      let value: unknown = leaf;
      for (let i = container ? 1 : 0; i < 512; i++) value = wraps[i % wraps.length]?.(value);
      expect(lostBy(value)).toBeUndefined();
      expect(() => encodeValue([value])).toThrow(/deeper than 512/);
    }
  });

  it("values of another realm, which come out as those of this one", () => {
    const foreign: unknown = vm.runInNewContext(
      `({ list: [1, [2]], text: "x", none: null, bytes: new Uint8Array([1, 2]),
          deep: { a: { b: 1 } }, bare: Object.assign(Object.create(null), { constructor: 1 }) })`,
    );
    expect(lostBy(foreign)).toBeUndefined();
    const own = {
      list: [1, [2]],
      text: "x",
      none: null,
      bytes: new Uint8Array([1, 2]),
      deep: { a: { b: 1 } },
      bare: { constructor: 1 },
    };
    expect(toHex(encodeValue(foreign))).toBe(toHex(encodeValue(own)));
    expect(toHex(encodeValue(vm.runInNewContext("[1, 2]")))).toBe("820102");
  });

  it("objects without a prototype, which get the usual one", () => {
    const bare = Object.assign(Object.create(null), { a: 1, b: Object.create(null) });
    expect(lostBy(bare)).toBeUndefined();
    expect(toHex(encodeValue(bare))).toBe(toHex(encodeValue({ a: 1, b: {} })));
  });

  withSuite("naughty-strings/blns.json", () => {
    it("every string of the list of naughty ones, as value and as key", () => {
      const text = readFileSync(suitePath("naughty-strings/blns.json"), "utf8");
      const naughty = JSON.parse(text) as string[];
      expect(naughty.length).toBeGreaterThan(400);
      for (const string of naughty) {
        expect(lostBy(string)).toBeUndefined();
        expect(lostBy(objectOf([[string, string]]))).toBeUndefined();
      }
      const entries = naughty.map((string, i) => [string, i] as const);
      expect(lostBy([naughty, objectOf(entries)])).toBeUndefined();
    });
  });
});

describe("the same value is the same bytes", () => {
  it("whatever was encoded before, and whether it ended well", () => {
    fc.assert(
      fc.property(plainValues, fc.array(plainValues, { maxLength: 4 }), (value, others) => {
        const first = toHex(encodeValue(value));
        for (const other of others) {
          encodeValue(other);
          expect(() => encodeValue([other, other, () => 1])).toThrow(/a function at \$\[2\]/);
        }
        expect(toHex(encodeValue(value))).toBe(first);
      }),
      { numRuns: 500 },
    );
  });

  it("in whatever way the objects were made", () => {
    const made = { b: 1, a: [undefined] };
    const grown: Record<string, unknown> = { gone: 1 };
    grown["b"] = 1;
    grown["a"] = [undefined];
    delete grown["gone"];
    const parsed: unknown = JSON.parse('{"b":1,"a":[null]}', (_, v) =>
      v === null ? undefined : v,
    );
    expect(toHex(encodeValue(grown))).toBe(toHex(encodeValue(made)));
    expect(toHex(encodeValue({ ...(parsed as object), a: [undefined] }))).toBe(
      toHex(encodeValue(made)),
    );
    expect(toHex(encodeValue("a\u00e4".repeat(3)))).toBe(
      toHex(encodeValue(["aäa", "äaä"].join(""))),
    );
  });

  it("also when a NaN has other bits", () => {
    const bits = new DataView(new ArrayBuffer(8));
    bits.setBigUint64(0, 0xfff8_0000_0000_1234n);
    expect(toHex(encodeValue(bits.getFloat64(0)))).toBe("fb7ff8000000000000");
  });

  it("and earlier results are not written over by later ones", () => {
    const results = Array.from({ length: 3000 }, (_, i) => encodeValue({ i, text: "x".repeat(i) }));
    for (const [i, bytes] of results.entries()) {
      expect(decodeValue(bytes)).toEqual({ i, text: "x".repeat(i) });
    }
  });

  it("also while another value is being encoded", () => {
    const inside: string[] = [];
    const handler: ProxyHandler<object> = {
      ownKeys: (target) => {
        inside.push(toHex(encodeValue({ inner: "x".repeat(100) })));
        return Reflect.ownKeys(target);
      },
    };
    const outer = { before: "b".repeat(50), proxy: new Proxy({ a: 1 }, handler), after: 2 };
    const plain = { ...outer, proxy: { a: 1 } };
    expect(toHex(encodeValue(outer))).toBe(toHex(encodeValue(plain)));
    expect(new Set(inside)).toEqual(new Set([toHex(encodeValue({ inner: "x".repeat(100) }))]));
  });

  it("and the bytes of version 1 stay what they are", () => {
    const golden: [unknown, string][] = [
      [0, "00"],
      [-1, "20"],
      [24, "1818"],
      [-(2 ** 32) - 1, "3b0000000100000000"],
      [2 ** 53 - 1, "1b001fffffffffffff"],
      [2 ** 53, "fb4340000000000000"],
      [52.5, "fb404a400000000000"],
      [-0, "fb8000000000000000"],
      [Number.NaN, "fb7ff8000000000000"],
      [0n, "c240"],
      [-1n, "c340"],
      [2n ** 64n, "c249010000000000000000"],
      [[null, undefined, true, false], "84f6f7f5f4"],
      ["ä€😀", "69c3a4e282acf09f9880"],
      ["\ud83d", "da52454101423dd8"],
      [new Uint8Array([1, 2]), "420102"],
      [{ b: 1, a: [] }, "a26162016161 80".replace(" ", "")],
      [objectOf([["constructor", {}]]), "da52454102826b636f6e7374727563746f72a0"],
    ];
    for (const [value, hex] of golden) {
      expect(toHex(encodeValue(value))).toBe(hex);
      expect(firstDifference(value, decodeValue(fromHex(hex) as Uint8Array))).toBeUndefined();
    }
  });
});

describe("what comes out", () => {
  it("owns all its keys and changes nothing else", () => {
    const hostile = '{"__proto__":{"x":1,"polluted":true},"constructor":{"prototype":{"x":1}}}';
    const value = decodeValue(encodeValue([JSON.parse(hostile)])) as Record<string, unknown>[];
    expect(Object.keys(value[0] as object)).toEqual(["__proto__", "constructor"]);
    expect(Object.getPrototypeOf(value[0])).toBe(Object.prototype);
    expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });

  it("keeps its keys also where Object.prototype is frozen", () => {
    const names = ["toString", "constructor", "valueOf", "__proto__", "hasOwnProperty"];
    const value = objectOf(names.map((name) => [name, name]));
    const getOwn = Object.getOwnPropertyDescriptor(Object.prototype, "toString");
    const bytes = encodeValue(value);
    Object.defineProperty(Object.prototype, "toString", { ...getOwn, writable: false });
    try {
      expect(firstDifference(value, decodeValue(bytes))).toBeUndefined();
    } finally {
      Object.defineProperty(Object.prototype, "toString", getOwn as PropertyDescriptor);
    }
  });

  it("leaves the bytes it came from as they were, own properties included", () => {
    const bytes = new Uint8Array(encodeValue({ a: [1, 2.5, "text", new Uint8Array(3)] }));
    const before = Reflect.ownKeys(bytes).length;
    decodeValue(bytes);
    expect(Reflect.ownKeys(bytes)).toHaveLength(before);
  });

  it("does not depend on where the bytes lie", () => {
    fc.assert(
      fc.property(plainValues, fc.nat(40), fc.nat(40), (value, before, after) => {
        const bytes = encodeValue(value);
        const buffer = Buffer.alloc(before + bytes.length + after, 0x81);
        buffer.set(bytes, before);
        const inside = buffer.subarray(before, before + bytes.length);
        expect(firstDifference(value, decodeValue(inside))).toBeUndefined();
        const plain = new Uint8Array(buffer.buffer, buffer.byteOffset + before, bytes.length);
        expect(firstDifference(value, decodeValue(plain))).toBeUndefined();
      }),
      { numRuns: 500 },
    );
  });

  it("is what another reader of CBOR gets, but for the forms of our own", () => {
    const options = { useRecords: false, mapsAsObjects: true, int64AsNumber: true };
    const reader = new Decoder(options);
    const writer = new Encoder({ useRecords: false, variableMapSize: true, tagUint8Array: false });
    const leaf = fc.oneof(
      fc.string({ unit: "binary-ascii" }),
      fc.integer({ min: 1 - 2 ** 31, max: 2 ** 32 - 1 }).map((n) => n + 0),
      fc.double({ noNaN: true, noInteger: true }),
      fc.boolean(),
      fc.constant(null),
    );
    const json = fc.letrec((tie) => ({
      value: fc.oneof({ depthSize: "small" }, leaf, fc.array(tie("value")), tie("object")),
      object: fc.dictionary(
        keys.map((key) => `k${key}`.toWellFormed()),
        tie("value"),
      ),
    })).value;
    fc.assert(
      fc.property(json, (value) => {
        const bytes = encodeValue(value);
        expect(reader.decode(Buffer.from(bytes))).toEqual(decodeValue(bytes));
        expect(toHex(writer.encode(value))).toBe(toHex(bytes));
      }),
      { numRuns: 1000 },
    );
  });
});
