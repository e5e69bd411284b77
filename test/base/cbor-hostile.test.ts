// Bytes from strangers: whatever they are, reading them ends soon, with plain data or with
// `CORRUPT`; the check lets through exactly what the encoder writes.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  checkWellFormed,
  codeOf,
  concat,
  decodeValue,
  encodeValue,
  fromHex,
  toHex,
} from "../../src/base/index.ts";
import { firstDifference } from "./exact.ts";
import { plainValues } from "./plain-values.ts";

const bytesOf = (hex: string): Uint8Array => fromHex(hex.replaceAll(" ", "")) as Uint8Array;

/** Reads what may be anything; returns whether it was read, fails on any error but `CORRUPT`. */
function reads(bytes: Uint8Array): boolean {
  try {
    decodeValue(bytes);
    return true;
  } catch (error) {
    expect(codeOf(error)).toBe("CORRUPT");
    return false;
  }
}

/** What the check promises: what it lets through is read, and is the only form of that value. */
function holds(bytes: Uint8Array): void {
  const read = reads(bytes);
  if (checkWellFormed(bytes) !== undefined) return;
  expect(read).toBe(true);
  expect(toHex(encodeValue(decodeValue(bytes)))).toBe(toHex(bytes));
}

describe("any bytes", () => {
  it("random ones are read or refused", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), holds), { numRuns: 3000 });
  });

  it("random ones behind a head that promises something are read or refused", () => {
    const heads = fc.constantFrom(
      "82",
      "a1",
      "da52454102 82",
      "da52454101",
      "c2",
      "c3",
      "5820",
      "78",
    );
    const two = fc.tuple(heads, fc.uint8Array({ maxLength: 60 }));
    fc.assert(
      fc.property(two, ([head, rest]) => holds(concat(bytesOf(head), rest))),
      { numRuns: 3000 },
    );
  });

  it("with one byte changed, moved, or added they are read or refused", () => {
    const change = fc.tuple(fc.nat(), fc.nat(255), fc.constantFrom("set", "insert", "remove"));
    fc.assert(
      fc.property(
        plainValues,
        fc.array(change, { minLength: 1, maxLength: 3 }),
        (value, changes) => {
          const bytes = [...encodeValue(value)];
          for (const [at, byte, what] of changes) {
            const removed = what === "insert" ? 0 : 1;
            bytes.splice(at % (bytes.length + 1), removed, ...(what === "remove" ? [] : [byte]));
          }
          holds(Uint8Array.from(bytes));
        },
      ),
      { numRuns: 1000 },
    );
  });

  it("cut short they are refused, at every length", () => {
    const small = encodeValue({
      a: [1, -500, 2.5, -0, 300n],
      "\ud83d": ["ä€😀", new Uint8Array(3)],
    });
    for (let length = 0; length < small.length; length++) {
      expect(reads(small.subarray(0, length))).toBe(false);
    }
    fc.assert(
      fc.property(plainValues, (value) => {
        const bytes = encodeValue(value);
        const step = Math.ceil(bytes.length / 100);
        for (let length = 0; length < bytes.length; length += step) {
          const cut = bytes.subarray(0, length);
          if (checkWellFormed(cut) === undefined || reads(cut)) expect.fail(`at ${length}`);
        }
      }),
      { numRuns: 100 },
    );
  });

  it("with bytes behind the end they are refused", () => {
    fc.assert(
      fc.property(plainValues, fc.uint8Array({ minLength: 1, maxLength: 9 }), (value, rest) => {
        expect(reads(concat(encodeValue(value), rest))).toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  it("with any single bit flipped they are another value or refused, never the same", () => {
    const value = {
      text: "aä€😀",
      list: [1, -5, 2.5, -0, 300n, -1n, null],
      "\ud83d": new Uint8Array(3),
    };
    const bytes = encodeValue(value);
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const flipped = bytes.slice();
      flipped[bit >>> 3] = (flipped[bit >>> 3] as number) ^ (1 << (bit & 7));
      holds(flipped);
      if (checkWellFormed(flipped) !== undefined) continue;
      expect(firstDifference(value, decodeValue(flipped))).toBeDefined();
    }
  });
});

describe("lengths that lie", () => {
  const claims = ["9a0fffffff", "ba07ffffff", "5a7fffffff", "7a7fffffff", "9b00000fffffffffff"];
  const larger = [
    "bb00000fffffffffff",
    "5b001fffffffffffff",
    "7b001fffffffffffff",
    "dbffffffffffffffff",
  ];

  it("are refused before memory is taken for them", () => {
    const before = process.memoryUsage().rss;
    for (const claim of [...claims, ...larger]) {
      for (const inside of ["", "82 00", "da52454102 82 61 61", "a1 61 61"]) {
        const bytes = concat(bytesOf(inside), bytesOf(claim), new Uint8Array(100));
        expect(reads(bytes)).toBe(false);
        expect(checkWellFormed(bytes)).toBeDefined();
      }
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
  });

  it("one inside the other claim no more than the bytes hold", () => {
    // Each array claims all that follows: together they would be a thousand times the bytes.
    const parts = Array.from({ length: 500 }, () => bytesOf("9a00100000"));
    const bytes = concat(...parts, new Uint8Array(0x100000));
    const before = process.memoryUsage().rss;
    expect(reads(bytes)).toBe(false);
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 * 1024);
  });
});

describe("nesting without end is refused, whatever nests", () => {
  it.each(["81", "a1 61 61", "da52454102 82 61 61", "da52454102", "c2", "d90106"])(
    "%s",
    (opening) => {
      const unit = bytesOf(opening);
      const bytes = new Uint8Array(1_000_000);
      for (let at = 0; at + unit.length <= bytes.length; at += unit.length) bytes.set(unit, at);
      expect(reads(bytes)).toBe(false);
      expect(checkWellFormed(bytes)).toBeDefined();
    },
  );

  it("one level below the limit it is accepted, one beyond it is not", () => {
    const nested = (depth: number): Uint8Array =>
      concat(new Uint8Array(depth).fill(0x81), bytesOf("00"));
    expect(checkWellFormed(nested(512))).toBeUndefined();
    expect(checkWellFormed(nested(513))).toContain("nesting too deep");
  });
});

describe("of CBOR only what Reach writes is read", () => {
  it.each([
    ["an array without a length", "9f00ff"],
    ["a map without a length", "bfff"],
    ["text in pieces", "7f6161ff"],
    ["a break that ends nothing", "ff"],
    ["a half-precision float", "f93c00"],
    ["a single-precision float", "fa3f800000"],
    ["an unknown simple value", "f0"],
    ["a simple value in two bytes", "f814"],
    ["a date", "c11a00000000"],
    ["a regular expression", "d81b83665265674578706161 60"],
    ["a set", "d9010280"],
    ["a shared structure", "d9dfff82 19e000 8161 61"],
    ["a typed array", "d84043010203"],
    ["a packed reference", "c600"],
    ["embedded JSON inside a value", "81d90106427b7d"],
    ["a blob reference inside a value", "81da524541008341000100"],
    ["an integer above 2^53 - 1", "1b0020000000000000"],
    ["an integer below -(2^53 - 1)", "3b001fffffffffffff"],
    ["a number as key", "a10001"],
    ["null as key", "a1f601"],
    ["an array as key", "a1820102f6"],
    ["bytes as key", "a1416101"],
    ["a number as key of pairs", "da52454102820102"],
    ["half a pair", "da52454102816161"],
    ["a map for pairs", "da52454102a0"],
    ["half a UTF-16 unit", "da5245410143000000"],
    ["text for units", "da524541016161"],
    ["a bignum of text", "c26101"],
    ["text that is no UTF-8", "61ff"],
    ["a surrogate as UTF-8", "63eda0bd"],
    ["an overlong form", "62c080"],
    ["a long text that is no UTF-8", `7818${"61".repeat(23)}ff`],
    ["a key that is no UTF-8", "a161ff00"],
    ["nothing", ""],
  ])("%s is refused", (_name, hex) => {
    expect(reads(bytesOf(hex))).toBe(false);
    expect(checkWellFormed(bytesOf(hex))).toBeDefined();
  });

  it.each([
    ["a long head", "1817"],
    ["a longer head of a text", "790001 61"],
    ["the same key twice", "a2 6161 01 6161 02"],
    [
      "the same key twice among pairs",
      "da52454102 84 6b636f6e7374727563746f72 01 6b636f6e7374727563746f72 02",
    ],
    ["pairs where a map would do", "da52454102 82 6161 01"],
    ["a map where pairs are needed", "a1 695f5f70726f746f5f5f 01"],
    ["units of text that is well-formed", "da52454101 42 6100"],
    ["a float that is an integer", "fb3ff0000000000000"],
    ["another NaN", "fb7ff8000000000001"],
    ["a bignum with a zero in front", "c2420001"],
    ["positions as keys out of order", "a2 6132 00 6131 00"],
  ])("%s is read, but no stranger may write it", (_name, hex) => {
    expect(reads(bytesOf(hex))).toBe(true);
    expect(checkWellFormed(bytesOf(hex))).toContain("another form than Reach writes");
  });
});
