// The same replay on two workers and on one, in pairs: what the second core is worth.

import type { Bench } from "../bench.ts";
import { sessionInput } from "../inputs.ts";
import { speedRow } from "../rows.ts";
import type { Row, Scenario, Skip } from "../scenario.ts";
import { availableParallelism } from "node:os";

export const replayWorkers: Scenario = {
  name: "replay-workers",
  long: false,
  async run(bench: Bench): Promise<readonly Row[] | Skip> {
    if (availableParallelism() < 2) return { skipped: "this machine has one core" };
    const events = bench.events(100_000);
    const session = await sessionInput(bench, events);
    const part = { module: "scenarios/replay", name: "verifiedReplay" };
    const pairs = await bench.pairs(bench.rounds(7), {
      floor: { ...part, input: { ...session, workers: 1 } },
      reach: { ...part, input: { ...session, workers: 2 } },
    });
    return [speedRow(`the same, 2 workers: speed of 1 worker (floor)`, pairs, 1.35)];
  },
};
