// The same replay on two workers and on one: what the second core is worth. Once in fresh
// processes, as the command does it, where each thread compiles the code for itself; once in a
// process that has replayed before, as a library does it.

import { availableParallelism } from "node:os";
import { closeWorkers, loadProgram, replaySession } from "../../../src/runtime/index.ts";
import { Directory } from "../../../src/session/index.ts";
import type { Bench, Pairs } from "../bench.ts";
import { type SessionInput, sessionInput } from "../inputs.ts";
import { measured, type Work } from "../measurement.ts";
import { speedRow } from "../rows.ts";
import type { Row, Scenario, Skip } from "../scenario.ts";
import { ratioOf, spreadOf } from "../spread.ts";

const least = 1.35;
const usualPairs = 7;

export const replayWorkers: Scenario = {
  name: "replay-workers",
  long: false,
  async run(bench: Bench): Promise<readonly Row[] | Skip> {
    if (availableParallelism() < 2) return { skipped: "this machine has one core" };
    const session = await sessionInput(bench, bench.events(100_000));
    const pairs = bench.rounds(usualPairs);
    const what = "the same on 2 workers; on 1 worker (floor): speed";
    const row = speedRow(`${what}, fresh processes`, await fresh(bench, session, pairs), least);
    return [row, await warmRow(bench, session, pairs, `${what}, one process`)];
  },
};

function fresh(bench: Bench, session: SessionInput, pairs: number): Promise<Pairs> {
  const part = { module: "scenarios/replay", name: "verifiedReplay" };
  return bench.pairs(pairs, {
    floor: { ...part, input: { ...session, workers: 1 } },
    reach: { ...part, input: { ...session, workers: 2 } },
  });
}

async function warmRow(
  bench: Bench,
  session: SessionInput,
  pairs: number,
  what: string,
): Promise<Row> {
  const module = "scenarios/replay-workers";
  const input = { ...session, pairs };
  const { facts } = await bench.measure({ module, name: "warmPairs", input });
  const one = JSON.parse(String(facts["one"])) as number[];
  const two = JSON.parse(String(facts["two"])) as number[];
  return {
    what,
    unit: "s",
    reach: spreadOf(two),
    floor: spreadOf(one),
    ratio: ratioOf(one, two),
    goal: { relation: ">=", value: least, of: "ratio" },
  };
}

/** Replays on one and on two workers by turns, in one process, after one of each. */
export async function warmPairs(input: {
  readonly root: string;
  readonly id: string;
  readonly program: string;
  readonly pairs: number;
}): Promise<Work> {
  const directory = await Directory.open({ path: `${input.root}/default`, mode: "read" });
  const program = await loadProgram(input.program);
  const seconds = async (workers: number): Promise<number> => {
    const began = performance.now();
    const { verdict } = await replaySession(directory, input.id, { program, workers });
    if (verdict !== "identical") throw new Error(`the replay says ${verdict}`);
    return (performance.now() - began) / 1000;
  };
  await seconds(1);
  await seconds(2);
  const one: number[] = [];
  const two: number[] = [];
  const work = await measured(async () => {
    for (let pair = 0; pair < input.pairs; pair++) {
      one.push(await seconds(1));
      two.push(await seconds(2));
    }
    return { one: JSON.stringify(one), two: JSON.stringify(two) };
  });
  await directory.close();
  await closeWorkers();
  return work;
}
