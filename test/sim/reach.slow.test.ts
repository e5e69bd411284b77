// Every operation of a workload fails once in every way: not done, done but reported as failed,
// done in part, with an I/O error and for want of room.

import { describe, expect, it } from "vitest";
import { Coverage } from "./coverage.ts";
import { sweepFaults } from "./fault-sweep.ts";
import { payloadSizes } from "./harness.ts";
import { reachDriver } from "./reach-driver.ts";

describe("nothing acknowledged is lost", () => {
  it("whichever operation fails, and however", async () => {
    const coverage = new Coverage();
    const options = { driver: reachDriver(), seed: 2, payloads: payloadSizes, coverage };
    expect(await sweepFaults(options)).toBeGreaterThan(3000);
  });
});
