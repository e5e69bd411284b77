/** Encoded values: what `decodeValue` accepts has one meaning, and memory of its own. */
import {
  checkWellFormed,
  decodeValue,
  encodeValue,
  equalBytes,
  parseJson,
} from "../../../src/base/index.ts";
import { firstDifference } from "../../base/exact.ts";
import { attempt, type FuzzTarget, promise } from "../fuzz-target.ts";
import { valueOf } from "./values.ts";

function nested(depth: number): unknown {
  return depth === 0 ? 1 : depth % 2 === 0 ? [nested(depth - 1)] : { a: nested(depth - 1) };
}

/** CBOR. */
export const cbor: FuzzTarget = {
  name: "cbor",
  weight: 20,
  words: [
    ...[0x80, 0x9f, 0xa0, 0xbf, 0xff, 0xf6, 0xf7, 0xf9, 0xfa, 0xfb].map((b) => Uint8Array.of(b)),
    Uint8Array.of(0x9b, 0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
    Uint8Array.of(0x5a, 0xff, 0xff, 0xff, 0xff),
    Uint8Array.of(0xc2, 0x42, 0, 1),
    Uint8Array.of(0xda, 0x52, 0x45, 0x41, 0x01),
    Uint8Array.of(0xda, 0x52, 0x45, 0x41, 0x02, 0x82, 0x60, 0x60),
    Uint8Array.of(0xda, 0x52, 0x45, 0x41, 0x03, 0xf6),
    new Uint8Array(600).fill(0x81),
    "a__proto__",
  ],
  seeds(random) {
    const values = Array.from({ length: 60 }, () => valueOf(random));
    return [...values, nested(20), nested(512)].map((value) => encodeValue(value));
  },
  check(input) {
    const scratch = input.slice();
    const decoded = attempt("decodeValue", ["CORRUPT"], () => ({ value: decodeValue(scratch) }));
    scratch.fill(0xee);
    const fault = checkWellFormed(input);
    attemptJson(input);
    if (!decoded) {
      promise(fault !== undefined, "what cannot be decoded is not well-formed");
      return;
    }
    const { value } = decoded;
    const encoded = encodeValue(value);
    promise(encoded.length <= 2 * input.length + 16, "a value is no larger than its bytes");
    promise(equalBytes(encoded, input) === (fault === undefined), "well-formed is one form");
    const again = decodeValue(encoded);
    const difference = firstDifference(value, again);
    promise(difference === undefined, `a value comes back as it was, also at ${difference}`);
    promise(equalBytes(encodeValue(again), encoded), "the same value has the same bytes");
  },
};

function attemptJson(input: Uint8Array): void {
  try {
    parseJson(input);
  } catch (error) {
    promise(error instanceof SyntaxError, "what is no JSON is a SyntaxError");
  }
}
