// Numbers have the digits that JSON.stringify gives them, whatever way they are written.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { writeFloat, writeInteger } from "../../../src/server/pages/json-numbers.ts";

function written(write: typeof writeFloat, value: number): string {
  const out = new Uint8Array(40);
  const end = write(out, 3, value);
  return Buffer.from(out.subarray(3, end)).toString("latin1");
}

/** Decimals as people write them, and the doubles beside them. */
const decimals = fc
  .tuple(fc.maxSafeInteger(), fc.integer({ min: 0, max: 22 }), fc.constantFrom(0, 1, -1))
  .map(([digits, places, step]) => beside(Number(`${digits}e-${places}`), step));

function beside(value: number, step: number): number {
  const bits = new BigInt64Array(new Float64Array([value]).buffer);
  bits[0] = (bits[0] as bigint) + BigInt(step);
  return new Float64Array(bits.buffer)[0] as number;
}

describe("a number", () => {
  it("is written as JSON.stringify writes it", () => {
    const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
    const numbers = fc
      .oneof(finite, decimals, fc.integer())
      .filter((value) => Number.isFinite(value) && !Object.is(value, -0));
    fc.assert(
      fc.property(numbers, (value) => {
        expect(written(writeFloat, value)).toBe(JSON.stringify(value));
      }),
      { numRuns: 20_000 },
    );
  });

  it.each([
    0,
    0.1,
    0.2,
    0.3,
    0.1 + 0.2,
    1.5,
    -1.5,
    -0.000001,
    0.000001,
    0.0000001,
    1e-7,
    5e-324,
    1e21,
    123456789.123456,
    999999999.999999,
    1000000000.000001,
    2 ** 52 + 0.5,
    0.9999995,
    999999999999999,
    1e15,
    2 ** 53,
    1.7976931348623157e308,
    33.333333,
    1 / 3,
    100.25,
  ])("%d", (value) => {
    expect(written(writeFloat, value)).toBe(JSON.stringify(value));
    expect(written(writeFloat, 0 - value)).toBe(JSON.stringify(0 - value));
  });

  it("that is whole and not negative is written digit by digit", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        expect(written(writeInteger, value)).toBe(String(value));
      }),
      { numRuns: 5_000 },
    );
    for (let e = 0; e < 54; e++) {
      for (const value of [2 ** e - 1, 2 ** e, 2 ** e + 1].filter(Number.isSafeInteger)) {
        expect(written(writeInteger, value)).toBe(String(value));
      }
    }
  });
});
