// Backups of a directory that is being written, on simulated disks: a small part of what the slow
// suite does, so that a mistake shows at once.

import { describe, expect, it } from "vitest";
import { simulateBackups } from "./backup-simulation.ts";
import { reachDriver } from "./reach-driver.ts";

describe("a backup taken while the directory is written", () => {
  it("opens, verifies, has what was acknowledged before it began, and takes appends", async () => {
    const tally = await simulateBackups({ driver: reachDriver(), seed: 1, runs: 12 });
    expect(tally.completed).toBeGreaterThan(40);
    expect(tally.powerLosses).toBeGreaterThan(5);
  });
});
