// Real kills, many of them: `kills.test.ts` says what is done and what has to hold.

import { expect, it } from "vitest";
import { killWriters } from "./killing.ts";

const rounds = 200;
const seed = 20_260_103;

it(`a writer that is killed ${rounds} times has lost nothing that it acknowledged`, async () => {
  const tally = await killWriters(rounds, seed);
  console.log(JSON.stringify(tally));
  expect(tally.kills).toBe(rounds);
  expect(tally.acknowledged).toBeGreaterThan(10 * rounds);
  expect(tally.cut).toBeGreaterThan(0);
  expect(tally.found).toBeGreaterThanOrEqual(tally.acknowledged);
}, 1_800_000);
