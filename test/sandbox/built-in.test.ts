// What contexts have instead of the engine's own: UTF-8, dates, random numbers, spans of time. Each
// is compared with the engine or with the published vectors.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeValue, fromHex, toHex } from "../../src/base/index.ts";
import { durationMs } from "../../src/sandbox/inside/duration.ts";
import { chachaBlock, Randomness } from "../../src/sandbox/inside/randomness.ts";
import {
  TextDecoder as Decoder,
  TextEncoder as Encoder,
  lendText,
} from "../../src/sandbox/inside/text-codec.ts";
import { Play, steps } from "./play.ts";

const native = {
  encoder: new TextEncoder(),
  decoder: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }),
};

/** What `expression` is inside a context. */
function inside(expression: string): unknown {
  const play = new Play(steps(`return { done: ${expression} };`));
  const { ended, failed } = play.begin();
  if (failed) throw new Error(failed.message);
  return decodeValue(ended?.result as Uint8Array);
}

describe("UTF-8", () => {
  const text = fc.string({ unit: "binary", maxLength: 300 });

  test("of any text is that of the engine, and comes back", () => {
    fc.assert(
      fc.property(text, (value) => {
        const bytes = native.encoder.encode(value);
        expect(new Encoder().encode(value)).toEqual(bytes);
        const target = new Uint8Array(3 * value.length);
        const { written } = new Encoder().encodeInto(value, target);
        expect(target.subarray(0, written)).toEqual(bytes);
        expect(new Decoder().decode(bytes)).toBe(native.decoder.decode(bytes));
      }),
    );
    expect(new Encoder().encode("a\ud800b\udc00")).toEqual(native.encoder.encode("a\ud800b\udc00"));
    expect(new Decoder().decode(native.encoder.encode("\ufeffx"))).toBe("\ufeffx");
  });

  test("that is none is refused where the engine refuses it", () => {
    const outcome = (decode: () => string): string => {
      try {
        return decode();
      } catch {
        return "refused";
      }
    };
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 12 }),
      fc
        .array(
          fc.constantFrom(
            0x41,
            0x80,
            0xbf,
            0xc0,
            0xc2,
            0xe0,
            0xa0,
            0xed,
            0x9f,
            0xf0,
            0x90,
            0xf4,
            0x8f,
            0xf5,
            0xff,
          ),
          { maxLength: 8 },
        )
        .map((list) => Uint8Array.from(list)),
    );
    fc.assert(
      fc.property(bytes, (value) => {
        const expected = outcome(() => native.decoder.decode(value));
        expect(outcome(() => new Decoder().decode(value))).toBe(expected);
      }),
      { numRuns: 2_000 },
    );
  });

  test("with a text lent is the same, wherever it lies", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ max: 140, maxLength: 64 }),
        fc.nat(63),
        fc.nat(20),
        (...given) => {
          const [all, start, length] = given;
          const bytes = Uint8Array.from(all);
          const part = bytes.subarray(start, start + length);
          let expected: string | undefined;
          try {
            expected = native.decoder.decode(part);
          } catch {
            expected = undefined;
          }
          lendText(bytes.buffer, Buffer.from(bytes).toString("latin1"));
          try {
            if (expected === undefined) expect(() => new Decoder().decode(part)).toThrow(TypeError);
            else expect(new Decoder().decode(part)).toBe(expected);
          } finally {
            lendText(undefined, "");
          }
        },
      ),
    );
  });
});

describe("ChaCha20", () => {
  test("gives the block of RFC 8439, 2.3.2", () => {
    const input = new Uint32Array(16);
    input.set([0x61707865, 0x3320646e, 0x79622d32, 0x6b206574]);
    const key = Uint8Array.from({ length: 32 }, (_, i) => i);
    const view = new DataView(key.buffer);
    for (let i = 0; i < 8; i++) input[4 + i] = view.getUint32(4 * i, true);
    input.set([1, 0x09000000, 0x4a000000, 0], 12);
    const output = new Uint32Array(16);
    chachaBlock(input, output);
    expect(toHex(new Uint8Array(output.buffer))).toBe(
      "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e" +
        "d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e",
    );
  });

  test("is drawn word by word, block after block", () => {
    const source = new Randomness(new Uint8Array(32));
    const words = Uint32Array.from({ length: 32 }, () => source.word());
    expect(toHex(new Uint8Array(words.buffer))).toBe(
      // The key stream of an all-zero key and nonce, from block 0 (RFC 8439, A.1, vectors 1 and 2).
      "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7" +
        "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586" +
        "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed" +
        "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f",
    );
  });

  test("makes fractions below 1, and UUIDs of version 4 that do not repeat", () => {
    const source = new Randomness(fromHex("ab".repeat(32)) as Uint8Array);
    const fractions = Array.from({ length: 2_000 }, () => source.fraction());
    expect(fractions.every((fraction) => fraction >= 0 && fraction < 1)).toBe(true);
    const mean = fractions.reduce((sum, one) => sum + one, 0) / fractions.length;
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.03);
    const ids = new Set(Array.from({ length: 1_000 }, () => source.uuid()));
    expect(ids.size).toBe(1_000);
    for (const id of ids) {
      expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
    }
  });
});

describe("a span of time", () => {
  test.each([
    [0, 0],
    [1.2, 2],
    ["500ms", 500],
    ["1.5s", 1_500],
    ["1h30m", 5_400_000],
    ["3d", 259_200_000],
    ["2w1d", 1_296_000_000],
  ])("%j is %d ms", (span, ms) => expect(durationMs(span)).toBe(ms));

  test.each([
    "",
    "5",
    "h",
    "1x",
    "1h 30m",
    "-1s",
    "1..2s",
    " 1s",
    1e18,
    Number.POSITIVE_INFINITY,
    null,
    true,
    ["1s"],
  ])("%j is refused", (span) => expect(() => durationMs(span)).toThrow(/no span of time/));
});

describe("Date", () => {
  // `inside` runs in UTC whatever the machine: the engine's own is asked through its UTC methods.
  test.each([
    ["new Date('2024-03-05T06:07:08.009Z').toISOString()", "2024-03-05T06:07:08.009Z"],
    ["new Date('2024-03-05T06:07:08').toISOString()", "2024-03-05T06:07:08.000Z"],
    ["new Date('2024-03-05').getTime()", Date.UTC(2024, 2, 5)],
    ["new Date('2024-03-05T06:07+02:00').toISOString()", "2024-03-05T04:07:00.000Z"],
    ["new Date(2024, 2, 5, 6).toISOString()", "2024-03-05T06:00:00.000Z"],
    ["new Date(99, 0).getFullYear()", 1999],
    ["new Date(new Date(5)).getTime()", 5],
    ["new Date(2024, 5, 1).getTimezoneOffset()", 0],
    ["String(new Date(0))", "Thu Jan 01 1970 00:00:00 GMT+0000 (Coordinated Universal Time)"],
    ["new Date(0).toUTCString()", "Thu, 01 Jan 1970 00:00:00 GMT"],
    ["Date.parse(new Date(1e12).toUTCString())", 1e12],
    ["Date.parse(String(new Date(1e12)))", 1e12],
    ["Number.isNaN(Date.parse('March 7, 2024'))", true],
    ["Number.isNaN(new Date('soon').getTime())", true],
    ["String(new Date(NaN))", "Invalid Date"],
    [
      "(() => { const d = new Date(0); d.setHours(5, 6); return d.toISOString(); })()",
      "1970-01-01T05:06:00.000Z",
    ],
    ["[new Date(0).getHours(), new Date(0).getDay(), new Date(0).getMonth()]", [0, 4, 0]],
    ["new Date(1, undefined).getTime()", Number.NaN],
    ["JSON.stringify({ at: new Date(0) })", '{"at":"1970-01-01T00:00:00.000Z"}'],
    ["new (class extends Date { plus() { return this.getTime() + 1; } })(5).plus()", 6],
    [
      "[Date.name, Date.length, new Date(0) instanceof Date, new Date(0).constructor === Date]",
      ["Date", 7, true, true],
    ],
    ["typeof Date()", "string"],
    ["new Date(8.64e15 + 1).getTime()", Number.NaN],
    ["+new Date('0099-01-01').getFullYear()", 99],
    ["new Date(-1).toDateString()", "Wed Dec 31 1969"],
  ])("%s", (expression, value) => expect(inside(expression)).toEqual(value));
});

describe("Math and text", () => {
  test("that depend on no machine are there", () => {
    expect(
      inside(
        "['İ'.toLocaleLowerCase() === 'İ'.toLowerCase(), Math.max(1, 2), " +
          "'é'.normalize('NFD').length]",
      ),
    ).toEqual([true, 2, 2]);
    expect(
      inside("['ab'.toLocaleUpperCase(), [3, 1, 10].sort(), 'a-b'.replaceAll('-', '+')]"),
    ).toEqual(["AB", [1, 10, 3], "a+b"]);
    expect(
      inside(
        "(() => { /(b)/.exec('abc'); return [RegExp.$1, RegExp.lastMatch, RegExp.input]; })()",
      ),
    ).toEqual([undefined, undefined, undefined]);
  });
});
