/** Values for the seeds of targets: plain data of every kind that CBOR has a form for. */
import { sha256, utf8 } from "../../../src/base/index.ts";
import type { Random } from "../../sim/random.ts";

const texts = ["", "a", "type", "ä€😀", "\ud83d", "\ufeff", "x".repeat(30), "__proto__", "0", "1"];
const numbers = [0, -0, 1, -1, 23, 24, 255, 256, 65_536, 2 ** 32, 2 ** 53 - 1, 1 - 2 ** 53, 0.5];
const odd = [Number.NaN, Number.POSITIVE_INFINITY, 1e300, -1.5];

/** Plain data of a few dozen items at most. */
export function valueOf(random: Random, depth = 0): unknown {
  switch (random.int(depth > 3 ? 8 : 11)) {
    case 0:
      return random.pick([null, undefined, true, false]);
    case 1:
    case 2:
      return random.pick(texts);
    case 3:
    case 4:
      return random.pick(numbers);
    case 5:
      return random.pick(odd);
    case 6:
      return random.bytes(random.int(40));
    case 7:
      return random.pick([0n, -1n, 2n ** 64n, -(2n ** 70n), BigInt(random.next())]);
    case 8:
      return Array.from({ length: random.int(6) }, () => valueOf(random, depth + 1));
    default:
      return Object.fromEntries(
        Array.from({ length: random.int(6) }, () => [
          random.pick(["constructor", "seq", "data", "k", ...texts]),
          valueOf(random, depth + 1),
        ]),
      );
  }
}

/** 32 bytes that depend on `word`. */
export function hashOf(word: string): Uint8Array {
  return new Uint8Array(sha256(utf8(word)));
}
