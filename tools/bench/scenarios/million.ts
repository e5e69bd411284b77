// Ten times the events: a million are replayed and verified in the memory of a runner, in ten times
// the time. Both lengths are measured by turns.

import type { Bench, Part } from "../bench.ts";
import { type SessionInput, sessionInput } from "../inputs.ts";
import { memoryRow, timesRow } from "../rows.ts";
import type { Row, Scenario } from "../scenario.ts";

const mebibytesMax = 512;

export const million: Scenario = {
  name: "million",
  long: true,
  async run(bench: Bench): Promise<readonly Row[]> {
    const short = await sessionInput(bench, bench.events(100_000));
    const long = await sessionInput(bench, bench.events(1_000_000));
    const rows: Row[] = [];
    for (const [what, part] of [
      ["replay", { module: "scenarios/replay", name: "verifiedReplay" }],
      ["verify", { module: "scenarios/verify", name: "verified" }],
    ] as const) {
      rows.push(...(await compare(bench, what, part, short, long)));
    }
    const first = `first replay of ${long.events} events, states kept: peak RSS`;
    return [...rows, memoryRow(first, [long.first], mebibytesMax)];
  },
};

async function compare(
  bench: Bench,
  what: string,
  part: Omit<Part, "input">,
  short: SessionInput,
  long: SessionInput,
): Promise<Row[]> {
  const pairs = await bench.pairs(bench.rounds(3), {
    floor: { ...part, input: { ...short, again: false } },
    reach: { ...part, input: { ...long, again: false } },
  });
  const events = `${what} of ${long.events} events`;
  return [
    timesRow(`${events}; of ${short.events} (floor)`, pairs, 11),
    memoryRow(`${events}: peak RSS`, pairs.reach, mebibytesMax),
  ];
}
