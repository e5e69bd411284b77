// Backups of a directory that is being written, on simulated disks: a small part of what the slow
// suite does, so that a mistake shows at once.

import { describe, expect, it } from "vitest";
import { simulateBackups } from "./backup-simulation.ts";
import { reachDriver } from "./reach-driver.ts";

describe("a backup taken while the directory is written", () => {
  it("has what was acknowledged before it began, verifies, and takes appends", async () => {
    const tally = await simulateBackups({ driver: reachDriver(), seed: 1, runs: 6 });
    expect(tally.completed).toBeGreaterThan(20);
    expect(tally.powerLosses).toBeGreaterThan(2);
  });

  it("wherever the writer is between any two calls of it", async () => {
    const options = { driver: reachDriver(), seed: 5, runs: 20, anywhere: true };
    expect((await simulateBackups(options)).completed).toBeGreaterThan(60);
  });
});
