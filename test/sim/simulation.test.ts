// The simulation has teeth: it passes an engine that is right and catches each of five classic
// mistakes, tells how to see them again, and comes out the same every time.

import { describe, expect, it } from "vitest";
import { Coverage } from "./coverage.ts";
import { sweepFaults } from "./fault-sweep.ts";
import { crashesPerRun, payloadSizes, simulateMany } from "./harness.ts";
import { SimulationFailure, simulate } from "./simulation.ts";
import { mistakes, toyDriver } from "./toy-engine.ts";

/** Runs an engine until it fails; the failure, or how many crashes it survived. */
async function failureOf(
  mistake: (typeof mistakes)[number],
  seed: number,
): Promise<SimulationFailure | number> {
  try {
    const coverage = await simulateMany({ driver: toyDriver(mistake), seed, crashes: 5000 });
    return coverage.crashes;
  } catch (error) {
    if (error instanceof SimulationFailure) return error;
    throw error;
  }
}

describe("an engine that is right", () => {
  it("survives thousands of power failures in every situation", async () => {
    const coverage = await simulateMany({ driver: toyDriver(), seed: 1, crashes: 4000 });
    expect(coverage.crashes).toBeGreaterThanOrEqual(4000);
    const situations = [
      ...["opening", "append", "bulk", "checkpoint", "full disk", "journal retirement"],
      ...["journal recycling", "recovery", "after recovery", "fault in recovery"],
      ...["recovered twice", "recovered twice alike", "recovery on a full disk"],
    ];
    for (const situation of situations) {
      expect(coverage.count(situation), situation).toBeGreaterThan(5);
      expect(coverage.table()).toContain(`| ${situation}`);
    }
  });

  it("survives each of its operations failing in each way", async () => {
    const coverage = new Coverage();
    const options = { driver: toyDriver(), seed: 1, payloads: payloadSizes, coverage };
    const count = await sweepFaults(options);
    expect(count).toBeGreaterThan(500);
    expect(coverage.crashes).toBe(3 * count);
  });
});

describe("an engine that", () => {
  it.each(mistakes)("%s is caught", async (mistake) => {
    for (const seed of [1, 2, 3]) {
      const failure = await failureOf(mistake, seed);
      expect(failure, `seed ${seed}`).toBeInstanceOf(SimulationFailure);
    }
  });
});

describe("a failure", () => {
  it("comes again from its seed and run, word for word, and tells what led to it", async () => {
    const failure = await failureOf("forgets the folder sync", 7);
    if (typeof failure === "number") throw new Error("the mistake was not caught");
    const driver = toyDriver("forgets the folder sync");
    const { seed, run } = failure;
    const options = { driver, seed, crashesPerRun, payloads: payloadSizes };
    const again = simulate({ ...options, coverage: new Coverage() }, run);
    await expect(again).rejects.toThrow(failure.message);
    expect(failure.message).toMatch(/power failure before #\d+ \w+/);
    expect(failure.message).toContain("syncedFolder /toy");
  });

  it("is not made by chance: the same seed hits the same things", async () => {
    const table = async (): Promise<string> =>
      (await simulateMany({ driver: toyDriver(), seed: 9, crashes: 600 })).table();
    expect(await table()).toBe(await table());
  });
});
