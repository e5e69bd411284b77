// How soon a session of 100,000 events goes on: after the runner that held it was killed while the
// server lives, and when the process itself has just begun. Both up to the next event that its
// program makes, durable.

import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";
import type { Engine } from "../../../src/engine/index.ts";
import type { Bench } from "../bench.ts";
import {
  type ExecutedInput,
  executedInput,
  openEngine,
  thinking,
  waiting,
} from "../executed-input.ts";
import { type Measurement, measured, type Work } from "../measurement.ts";
import type { Row, Scenario } from "../scenario.ts";
import { quantile, spreadOf } from "../spread.ts";

const module = "scenarios/resume";
/** A runner that dies young is replaced after a pause. */
const lifeMs = 2200;

export const resume: Scenario = {
  name: "resume",
  long: false,
  async run(bench: Bench): Promise<readonly Row[]> {
    const events = bench.events(100_000);
    const rounds = bench.rounds(5);
    const input = await executedInput(bench, [100, events]);
    const after: Measurement[] = [];
    const cold: Measurement[] = [];
    for (let round = 0; round < rounds; round++) {
      after.push(
        await bench.measure({ module, name: "afterKills", input: { ...input, kills: 8 } }),
      );
      cold.push(await bench.measure({ module, name: "fromCold", input }));
      const [kill, start] = [after, cold].map((all) => all.at(-1)?.facts["late"]);
      bench.say(`round ${round + 1}: ${kill} ms after a kill, ${start} ms from cold`);
    }
    const row = (what: string, all: readonly Measurement[], most: number): Row => ({
      what: `${what}: to the next event of a session of ${events} events; of 100 (floor)`,
      unit: "ms",
      reach: spreadOf(all.map(({ facts }) => Number(facts["late"]))),
      floor: spreadOf(all.map(({ facts }) => Number(facts["early"]))),
      goal: { relation: "<=", value: most, of: "median" },
    });
    return [row("the runner was killed", after, 150), row("the process has just begun", cold, 600)];
  },
};

/** Processes whose parent is this one. */
function children(): number[] {
  return readdirSync("/proc/self/task").flatMap((task) => {
    const text = readFileSync(`/proc/self/task/${task}/children`, "utf8").trim();
    return text === "" ? [] : text.split(" ").map(Number);
  });
}

/** Gives a session what it waits for; resolves when the next call of its program is durable. */
async function nextCall(engine: Engine, id: string, asked: Map<string, () => void>): Promise<void> {
  const called = new Promise<void>((resolve) => asked.set(id, resolve));
  await Promise.all([engine.input(id, { type: "go", data: null }), called]);
}

/** Kills the runners, again and again; median of each session. */
export async function afterKills(input: ExecutedInput & { readonly kills: number }): Promise<Work> {
  const asked = new Map<string, () => void>();
  const { engine, close } = await openEngine(input.root, {
    effects: thinking(0, (id) => asked.get(id)?.()),
  });
  const sizes = input.ids.map(() => 0);
  const times = input.ids.map((): number[] => []);
  await nextCall(engine, input.ids[0] as string, asked);
  // The one that was started first has the sessions; the other one is there to take its place.
  let runner = children()[0] as number;
  const work = await measured(async () => {
    for (let kill = 0; kill < input.kills; kill++) {
      for (const [i, id] of input.ids.entries()) {
        await nextCall(engine, id, asked);
        sizes[i] = await waiting(engine, id, sizes[i] ?? 0);
      }
      await new Promise((resolve) => setTimeout(resolve, lifeMs));
      const which = kill % input.ids.length;
      const id = input.ids[which] as string;
      const began = performance.now();
      process.kill(runner, "SIGKILL");
      await nextCall(engine, id, asked);
      times[which]?.push(performance.now() - began);
      runner = children().find((pid) => pid !== runner) as number;
      sizes[which] = await waiting(engine, id, sizes[which] ?? 0);
    }
    const [early = Number.NaN, late = Number.NaN] = times.map((some) => quantile(some, 0.5));
    return { early, late };
  });
  await close();
  return work;
}

/** From the beginning of this process to the next event; the early one comes after, warm. */
export async function fromCold({ root, ids }: ExecutedInput): Promise<Work> {
  const [small = "", large = ""] = ids;
  const asked = new Map<string, () => void>();
  const effects = thinking(0, (id) => asked.get(id)?.());
  const { engine, close } = await openEngine(root, { effects });
  await nextCall(engine, large, asked);
  // The clock of a process begins with it.
  const late = performance.now();
  const work = await measured(async () => {
    const began = performance.now();
    await nextCall(engine, small, asked);
    return { late, early: performance.now() - began };
  });
  await close();
  return work;
}
