// The simulation catches each of five mistakes planted in the engine that ships, and names the seed
// and the run with which to see it again; without them it passes.

import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { bundleSimulation, type PlantedBug, plantedBugs } from "./planted-bugs.ts";

// Below the project, so that the bundles find its packages.
const project = fileURLToPath(new URL("../../..", import.meta.url));
const output = path.join(project, "node_modules", ".cache", `planted-${process.pid}`);
mkdirSync(output, { recursive: true });
afterAll(() => rmSync(output, { recursive: true, force: true }));

async function simulated(
  seed: number,
  crashes: number,
  bug?: PlantedBug,
): Promise<{ status: number | null; text: string }> {
  const program = path.join(output, `${bug === undefined ? "none" : plantedBugs.indexOf(bug)}.mjs`);
  await bundleSimulation(program, bug);
  const options = ["--seed", String(seed), "--crashes", String(crashes)];
  const run = spawnSync(process.execPath, [program, ...options], { encoding: "utf8" });
  return { status: run.status, text: `${run.stdout}${run.stderr}` };
}

describe("an engine that", () => {
  it.each(plantedBugs)("$name is caught", async (bug) => {
    const { status, text } = await simulated(bug.seed, 20_000, bug);
    expect(status, text).toBe(1);
    expect(text).toMatch(new RegExp(`broken promise, seed ${bug.seed}, run \\d+: `));
  });
});

describe("the engine as it is", () => {
  it("keeps its promises through the same simulation", async () => {
    const { status, text } = await simulated(1, 2000);
    expect(status, text).toBe(0);
  });
});
