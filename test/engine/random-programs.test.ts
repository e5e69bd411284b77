// A hundred programs made at random, run, replayed and resumed from each of their events;
// `random-programs.slow.test.ts` does ten thousand. REACH_SEED repeats a failure, REACH_PROGRAMS
// says how many.

import process from "node:process";
import { afterAll, expect, test } from "vitest";
import { closeWorkers } from "../../src/runtime/index.ts";
import { checkPrograms } from "./random-sessions.ts";

afterAll(() => closeWorkers());

test("random programs replay to the bit and go on from every event", {
  timeout: 300_000,
}, async () => {
  const programs = Number(process.env["REACH_PROGRAMS"] ?? 100);
  const tally = await checkPrograms(programs);
  expect(tally.resumed).toBeGreaterThan(5 * programs);
  // They are worth something: most of what can happen has happened.
  if (programs < 100) return;
  for (const outcome of ["done", "failed", "cancelled"]) {
    expect(tally.ended[outcome], outcome).toBeGreaterThan(programs / 50);
  }
  expect(tally.withStates).toBeGreaterThan(programs / 10);
  expect(tally.withLeftOver).toBeGreaterThan(programs / 20);
  expect(tally.withLastWords).toBeGreaterThan(programs / 20);
});
