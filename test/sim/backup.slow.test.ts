// Many backups of directories that are being written, on simulated disks.

import { expect, it } from "vitest";
import { simulateBackups } from "./backup-simulation.ts";
import { reachDriver } from "./reach-driver.ts";

it("backups beside a writer, and of it at any moment", { timeout: 900_000 }, async () => {
  for (const anywhere of [false, true]) {
    const options = { driver: reachDriver(), seed: 11, runs: 150, anywhere };
    expect((await simulateBackups(options)).completed).toBeGreaterThan(600);
  }
});
