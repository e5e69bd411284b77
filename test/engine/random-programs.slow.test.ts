// Ten thousand programs made at random, run, replayed and resumed from each of their events.
// REACH_SEED repeats a failure, REACH_PROGRAMS says how many.

import process from "node:process";
import { afterAll, expect, test } from "vitest";
import { closeWorkers } from "../../src/runtime/index.ts";
import { checkPrograms } from "./random-sessions.ts";

afterAll(() => closeWorkers());

const hour = 3_600_000;

test("random programs replay to the bit and go on from every event", {
  timeout: 4 * hour,
}, async () => {
  const programs = Number(process.env["REACH_PROGRAMS"] ?? 10_000);
  const tally = await checkPrograms(programs);
  process.stderr.write(`${JSON.stringify(tally)}\n`);
  expect(tally.programs).toBe(programs);
});
