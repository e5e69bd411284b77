// Real kills: a process that appends to 100 sessions, imports and signs is ended with SIGKILL at
// random moments. Nothing that it had acknowledged is missing afterwards. 200 rounds in the slow
// suite.

import { describe, expect, it } from "vitest";
import { killWriters } from "./killing.ts";

const rounds = 200;
const seed = 20_260_102;

describe("a writer that is killed", () => {
  it("has lost nothing that it acknowledged", { timeout: 120_000 }, async () => {
    const tally = await killWriters(rounds, seed);
    expect(tally.kills).toBe(rounds);
    expect(tally.acknowledged).toBeGreaterThan(100);
    expect(tally.found).toBeGreaterThanOrEqual(tally.acknowledged);
  });
});
