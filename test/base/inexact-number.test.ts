import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { inexactNumber } from "../../src/base/index.ts";

describe("a number that JSON would change", () => {
  it.each([
    "9007199254740993",
    "-9007199254740993",
    "12345678901234567890",
    "18446744073709551616",
    "100000000000000000000000000000000001",
    `1${"0".repeat(400)}`,
    "1e400",
    "-1E+309",
    "17976931348623157e293",
    "123456789012345678e300",
    "1e-400",
    "-1.5e-0000400",
    `0.${"0".repeat(400)}1`,
  ])("is found: %s", (number) => {
    expect(inexactNumber(number)).toBe("$");
    expect(inexactNumber(` [ 1, {"a": {"b c": [[], {}, "x", ${number} ]}} ]`)).toBe(
      '$[1].a["b c"][3]',
    );
    expect(inexactNumber(`{"\\"[":"${number}","id":${number},"id2":0}`)).toBe("$.id");
    expect(inexactNumber(`{"${number}":"\\\\","x":[${number}]}`)).toBe("$.x[0]");
  });

  it.each([
    "0.1",
    "-0",
    "0e999",
    "0.000e-400",
    "9007199254740992",
    "12345678901234567000",
    "100000000000000000000000",
    "3.14159265358979323846264338327950288",
    "1e308",
    "5e-324",
    "0.000000000000000000000000000000000001",
    "1234567890123456789.5",
  ])("is none of those that come back, or are rounded by everybody: %s", (number) => {
    expect(inexactNumber(number)).toBeUndefined();
    expect(inexactNumber(`{"a":[${number},"1e400 12345678901234567890"]}`)).toBeUndefined();
  });

  it("is nothing that a program writes by JSON.stringify", () => {
    const leaf = fc.oneof(fc.double(), fc.maxSafeInteger(), fc.string({ unit: "binary" }));
    const value = fc.anything({ values: [leaf], maxDepth: 4 });
    void fc.assert(
      fc.property(value, (one) => {
        expect(inexactNumber(JSON.stringify([one]))).toBeUndefined();
      }),
    );
  });

  it("is found at its path, wherever it stands and whatever strings hold", () => {
    const key = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom('"', "\\", "{", "1e400"));
    const steps = fc.array(fc.oneof(key, fc.nat(3)), { maxLength: 6 });
    void fc.assert(
      fc.property(steps, key, (path, beside) => {
        let text = "12345678901234567890";
        let shown = "";
        for (const step of path.toReversed()) {
          const before = JSON.stringify(beside);
          if (typeof step === "number") text = `[${`${before},`.repeat(step)}${text}]`;
          else text = `{"before${before.slice(1)}:${before},${JSON.stringify(step)}:${text}}`;
        }
        for (const step of path) {
          const isName = typeof step === "string" && /^[A-Za-z_$][\w$]*$/.test(step);
          shown += isName ? `.${step}` : `[${JSON.stringify(step)}]`;
        }
        expect(inexactNumber(text)).toBe(`$${shown}`);
      }),
    );
  });
});
