// A million inputs, in one process whose memory stays small.

import { expect, it } from "vitest";
import { fuzz, inputMsMax, rssBytesMax } from "./fuzzer.ts";
import { targets } from "./targets.ts";

it("a million mutated inputs break no promise", async () => {
  const figures = await fuzz({ seed: 20_261_120, inputs: 1_000_000, targets });
  expect(figures.inputs).toBeGreaterThanOrEqual(1_000_000);
  expect(figures.rssMax).toBeLessThan(rssBytesMax);
  for (const { name, slowestMs } of figures.targets) {
    expect(slowestMs, name).toBeLessThan(inputMsMax);
  }
});
