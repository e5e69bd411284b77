// What a step costs when a session is long: the same step of two sessions in one engine, by turns,
// one behind 100 events and one behind 100,000. Time runs from the input that a step waits for to
// the next wait; in between are a call that is made durable, its result, an emit, the step's end.

import type { Bench } from "../bench.ts";
import {
  type ExecutedInput,
  executedInput,
  openEngine,
  thinking,
  waiting,
} from "../executed-input.ts";
import { measured, type Work } from "../measurement.ts";
import type { Row, Scenario } from "../scenario.ts";
import { quantile, ratioOf, spreadOf } from "../spread.ts";

const stepsBefore = 50;

export const steps: Scenario = {
  name: "steps",
  long: false,
  async run(bench: Bench): Promise<readonly Row[]> {
    const events = bench.events(100_000);
    const count = bench.options.quick ? 100 : 400;
    const module = "scenarios/steps";
    const early: number[] = [];
    const late: number[] = [];
    for (let round = 0; round < bench.rounds(5); round++) {
      const input = await executedInput(bench, [100, events]);
      const name = "stepping";
      const { facts } = await bench.measure({ module, name, input: { ...input, count } });
      early.push(Number(facts["early"]));
      late.push(Number(facts["late"]));
      bench.say(`round ${round + 1}: ${late.at(-1)} ms late, ${early.at(-1)} ms early`);
    }
    return [
      {
        what: `a step behind ${events} events; behind 100 (floor)`,
        unit: "ms",
        reach: spreadOf(late),
        floor: spreadOf(early),
        ratio: ratioOf(late, early),
        goal: { relation: "<=", value: 1.1, of: "ratio" },
      },
    ];
  },
};

/** Takes steps of both sessions by turns. */
export async function stepping(input: ExecutedInput & { readonly count: number }): Promise<Work> {
  const { engine, close } = await openEngine(input.root, {
    effects: thinking(0),
    runners: { kind: "processes", processes: 1, threads: 1 },
  });
  const sizes = new Map<string, number>();
  const step = async (id: string): Promise<number> => {
    const began = performance.now();
    await engine.input(id, { type: "go", data: null });
    sizes.set(id, await waiting(engine, id, (sizes.get(id) ?? 0) + 4));
    return performance.now() - began;
  };
  for (let i = 0; i < stepsBefore; i++) for (const id of input.ids) await step(id);
  const times = input.ids.map((): number[] => []);
  const work = await measured(async () => {
    for (let i = 0; i < input.count; i++) {
      // Who is first changes, so that neither has the better place.
      const order = i % 2 === 0 ? [0, 1] : [1, 0];
      for (const which of order) times[which]?.push(await step(input.ids[which] as string));
    }
    const [early = Number.NaN, late = Number.NaN] = times.map((some) => quantile(some, 0.5));
    return { early, late };
  });
  await close();
  return work;
}
