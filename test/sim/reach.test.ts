// The storage engine of Reach under simulated power failures and failing operations: a small part
// of what `npm run sim` and the slow suite do, so that a mistake shows at once.

import { describe, expect, it } from "vitest";
import { Coverage } from "./coverage.ts";
import { sweepFaults } from "./fault-sweep.ts";
import { payloadSizes, simulateMany } from "./harness.ts";
import { reachDriver } from "./reach-driver.ts";

describe("nothing acknowledged is lost", () => {
  it("when the power fails at any moment, also in and after recoveries", async () => {
    const coverage = await simulateMany({ driver: reachDriver(), seed: 5, crashes: 300 });
    expect(coverage.crashes).toBeGreaterThanOrEqual(300);
  });

  it("when an operation fails once in any way", async () => {
    const coverage = new Coverage();
    const options = { driver: reachDriver(), seed: 2, payloads: payloadSizes, coverage };
    expect(await sweepFaults({ ...options, stride: 61 })).toBeGreaterThan(40);
  });
});
