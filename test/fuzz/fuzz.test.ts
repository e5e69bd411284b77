// A few thousand mutated inputs for everything that takes bytes from strangers; the slow suite has
// a million. And the fuzzer has teeth: it finds what is planted, and shows it again.

import { describe, expect, it } from "vitest";
import type { FuzzTarget } from "./fuzz-target.ts";
import { checkInput, FuzzFailure, fuzz, PreparedTarget } from "./fuzzer.ts";
import { targets } from "./targets.ts";

describe("whatever the bytes are", () => {
  it("every reader keeps its promise", async () => {
    const figures = await fuzz({ seed: 1, inputs: 6000, targets });
    expect(figures.inputs).toBeGreaterThanOrEqual(5900);
    expect(figures.targets).toHaveLength(targets.length);
  });
});

/** A reader that is wrong for one input in some thousands. */
const careless: FuzzTarget = {
  name: "careless",
  weight: 1,
  words: ["LONG"],
  seeds: () => [Uint8Array.of(4, 0, 0, 0, 1, 2, 3, 4)],
  check(input) {
    const length = new DataView(input.buffer).getUint32(0, true);
    if (length > input.length - 4 && length < 0x10000) throw new RangeError("out of bounds");
  },
};

async function failureOf(target: FuzzTarget, seed: number): Promise<FuzzFailure> {
  try {
    await fuzz({ seed, inputs: 5000, targets: [target] });
  } catch (error) {
    if (error instanceof FuzzFailure) return error;
    throw error;
  }
  throw new Error("nothing was found");
}

describe("the fuzzer", () => {
  it("finds a length that lies, and its input shows the failure again", async () => {
    const failure = await failureOf({ ...careless, check: guarded }, 1);
    expect(failure.message).toContain("out of bounds");
    expect(failure.message).toContain(Buffer.from(failure.input).toString("base64"));
    const again = checkInput({ ...careless, check: guarded }, failure.input, "again");
    await expect(again).rejects.toThrow("out of bounds");
  });

  it("makes the same inputs from the same seed, and others from another", async () => {
    const inputs = async (seed: number): Promise<string> => {
      const prepared = await PreparedTarget.prepare({ ...careless, check: guarded }, seed);
      const all = Array.from({ length: 200 }, (_, i) => Buffer.from(prepared.input(i)));
      return Buffer.concat(all).toString("hex");
    };
    expect(await inputs(1)).toBe(await inputs(1));
    expect(await inputs(1)).not.toBe(await inputs(2));
  });

  it("does not take a reader that knows nothing of its own seeds", async () => {
    const refusing = { ...careless, check: () => Promise.reject(new Error("no")) };
    await expect(fuzz({ seed: 1, inputs: 1, targets: [refusing] })).rejects.toThrow("valid input");
  });
});

function guarded(input: Uint8Array): void {
  if (input.length >= 4) void careless.check(input);
}
