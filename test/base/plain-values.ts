// Plain values as people and models make them, and as nobody should: what the tests of encoding
// draw from.

import fc from "fast-check";

const units = fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit));
const surrogates = fc
  .integer({ min: 0xd800, max: 0xdfff })
  .map((unit) => String.fromCharCode(unit));
const edges = [0, 1, 19, 20, 23, 24, 31, 32, 63, 64, 255, 256, 257, 4095, 4096, 4097];

/** Texts: ASCII, Unicode, any 16-bit units, lone surrogates, byte order marks, edges of lengths. */
export const texts: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.string({ maxLength: 40 }) },
  { weight: 4, arbitrary: fc.string({ unit: "binary", maxLength: 80 }) },
  { weight: 2, arbitrary: fc.string({ unit: units, maxLength: 80 }) },
  { weight: 2, arbitrary: fc.string({ unit: surrogates, maxLength: 5 }) },
  fc
    .tuple(fc.constantFrom(...edges), fc.constantFrom("a", "ä", "€", "😀", "\ud83d", "\ufeff"))
    .map(([length, unit]) => unit.repeat(length)),
  fc.tuple(fc.constantFrom(...edges), texts1()).map(([length, end]) => "x".repeat(length) + end),
  fc.string({ maxLength: 200 }).map((text) => `\ufeff${text}`),
);

function texts1(): fc.Arbitrary<string> {
  return fc.constantFrom("ä", "€", "😀", "\ud83d", "\ude00", "\u0000", "\u2028", "\u202e");
}

const near = [0, 23, 24, 255, 256, 65_535, 65_536, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 63, 2 ** 64];

/** Numbers: every double, and integers around the edges of the encoding, of both signs. */
export const numbers: fc.Arbitrary<number> = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.maxSafeInteger(),
  fc
    .tuple(fc.constantFrom(...near), fc.integer({ min: -3, max: 3 }), fc.constantFrom(1, -1))
    .map(([edge, distance, sign]) => sign * (edge + distance)),
  fc.constantFrom(-0, 0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
);

/** Keys of objects, those included that libraries lose. */
export const keys: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: texts },
  fc.constantFrom("__proto__", "constructor", "prototype", "toJSON", "length", "toString", ""),
  fc.constantFrom("0", "1", "-1", "01", "4294967295", "hasOwnProperty", "valueOf", "then"),
);

const leaves: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 5, arbitrary: texts },
  { weight: 4, arbitrary: numbers },
  fc.boolean(),
  fc.constantFrom(null, undefined),
  fc.bigInt(),
  fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }),
  fc.uint8Array({ maxLength: 70 }).map((bytes) => new Uint8Array(bytes)),
);

/** An object with these own properties, whatever their names. */
export function objectOf(entries: readonly (readonly [string, unknown])[]): object {
  const object = {};
  for (const [key, value] of entries) {
    Object.defineProperty(object, key, {
      value,
      configurable: true,
      enumerable: true,
      writable: true,
    });
  }
  return object;
}

/** Any plain value. */
export const plainValues: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "medium", withCrossShrink: true },
    leaves,
    fc.array(tie("value"), { maxLength: 6 }),
    fc.array(fc.tuple(keys, tie("value")), { maxLength: 6 }).map(objectOf),
  ),
})).value;
