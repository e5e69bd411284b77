// Steady load: triggers arrive at random, at half of what the machine can take, whether earlier
// ones have been answered or not, and about so many sessions are alive at any time.

import { burst, openLoop, SessionFigures, type Task } from "../agent-sessions.ts";
import { fanOut } from "../fan-out.ts";
import { LoadClient } from "../load-client.ts";
import type { TestBed } from "../processes.ts";
import {
  type Level,
  latencyLevel,
  numberLevel,
  type Scenario,
  type ScenarioOptions,
} from "../scenario.ts";
import { HistogramWatch } from "../server-metrics.ts";
import { together } from "./burst.ts";

const turns = 12;
const alive = 100;

/** Sessions per second when the machine does nothing but that. */
async function capacity(client: LoadClient): Promise<number> {
  const task: Task = { turns, modelMs: 50, waits: true };
  await burst(client, 50, task, new SessionFigures());
  const began = performance.now();
  await burst(client, alive, task, new SessionFigures());
  return (1000 * alive) / (performance.now() - began);
}

async function measure(
  bed: TestBed,
  { profile, rounds, random, note }: ScenarioOptions,
): Promise<Level[]> {
  const client = new LoadClient(bed.url);
  try {
    const perSecond = (await capacity(client)) / 2;
    // So that arrivals and lifetime make the number that is alive (Little's law).
    const modelMs = Math.round((1000 * alive) / perSecond / turns);
    const task: Task = { turns, modelMs, waits: true };
    const seconds = profile === "fast" ? 4 : 20;
    note(`${perSecond.toFixed(1)} triggers/s, the model thinks for ${modelMs} ms`);
    // Until as many are alive as shall be.
    const warm = { seconds: (modelMs * turns) / 1000, perSecond, random };
    const ended = [(await openLoop(client, warm, task, new SessionFigures())).ended];
    const spawn = new HistogramWatch(client, "reach_spawn_seconds");
    await spawn.look();
    const all: SessionFigures[] = [];
    const spawns: number[] = [];
    for (let round = 0; round < rounds; round++) {
      note(`round ${round + 1} of ${rounds}`);
      const figures = new SessionFigures();
      const load = { seconds, perSecond, random };
      ended.push((await openLoop(client, load, task, figures)).ended);
      all.push(figures);
      spawns.push(await spawn.look());
    }
    const fan = await fanOut(client, 100);
    await Promise.all(ended);
    return levelsOf(all, spawns, perSecond, fan);
  } finally {
    await client.close();
  }
}

function levelsOf(
  all: readonly SessionFigures[],
  spawns: readonly number[],
  perSecond: number,
  fan: Awaited<ReturnType<typeof fanOut>>,
): Level[] {
  const first = all.map(({ firstEvent }) => firstEvent);
  const resume = all.map((one) => one.resume);
  const sum = (pick: (figures: SessionFigures) => number): number =>
    all.reduce((total, one) => total + pick(one), 0);
  return [
    latencyLevel("trigger_to_first_event", first, together(first)),
    latencyLevel("approval_to_resume", resume, together(resume)),
    latencyLevel("fanout_latency", [fan.latencies], fan.latencies),
    numberLevel("spawn_scheduling_overhead", "ms", spawns),
    numberLevel("events_dropped_total", "count", [sum((one) => one.dropped) + fan.dropped]),
    numberLevel("errors_total", "count", [sum(({ errors }) => errors)]),
    numberLevel("triggers_per_second", "per s", [perSecond]),
  ];
}

/** 100 sessions alive. */
export const steady: Scenario = {
  name: "steady",
  about: "triggers at random, at half of what the machine can take; about 100 sessions alive",
  fast: true,
  run: measure,
};
