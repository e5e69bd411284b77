// Bursts: so many triggers in the same moment, and when all of their sessions have ended, again.
// The hardest case: nothing is spread over time.

import { burst, SessionFigures, type Task } from "../agent-sessions.ts";
import { fanOut } from "../fan-out.ts";
import { floorBurst } from "../floor.ts";
import { Latencies } from "../latencies.ts";
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

const task: Task = { turns: 12, modelMs: 50, waits: true };
const warmUpSessions = 50;

/** What the rounds of a burst come to. */
class Rounds {
  readonly figures: SessionFigures[] = [];
  readonly floors: Latencies[] = [];
  readonly fanOuts: Latencies[] = [];
  readonly spawns: number[] = [];
  readonly rates: number[] = [];
  dropped = 0;

  levels(): Level[] {
    const sum = (pick: (figures: SessionFigures) => number): number =>
      this.figures.reduce((total, one) => total + pick(one), 0);
    const first = this.figures.map(({ firstEvent }) => firstEvent);
    const resume = this.figures.map(({ resume: one }) => one);
    return [
      latencyLevel("trigger_to_first_event", first, together(first), this.floors),
      latencyLevel("approval_to_resume", resume, together(resume), this.floors),
      ...(this.fanOuts.length > 0
        ? [latencyLevel("fanout_latency", this.fanOuts, together(this.fanOuts))]
        : []),
      numberLevel("spawn_scheduling_overhead", "ms", this.spawns),
      numberLevel("events_dropped_total", "count", [sum((one) => one.dropped) + this.dropped]),
      numberLevel("errors_total", "count", [sum(({ errors }) => errors)]),
      numberLevel("sessions_per_second", "per s", this.rates),
    ];
  }
}

/** All rounds as one distribution. */
export function together(rounds: readonly Latencies[]): Latencies {
  const all = new Latencies();
  for (const round of rounds) all.addAll(round);
  return all;
}

/** How large a burst is beside its sessions. */
interface Extent {
  readonly observers: number;
  readonly events?: number;
  readonly silenceMs?: number;
}

async function measure(
  bed: TestBed,
  { rounds, note }: ScenarioOptions,
  sessions: number,
  { observers, events = 25, silenceMs }: Extent,
): Promise<Level[]> {
  const client = new LoadClient(bed.url);
  const floor = new LoadClient(bed.floor.url);
  // Also while warming up: a session whose events are lost must not be waited for for long.
  const asked = silenceMs === undefined ? task : { ...task, silenceMs };
  try {
    // Connections, compiled code, contexts: what a server that has been up for a minute has.
    await floorBurst(floor, sessions, task);
    await burst(client, Math.min(warmUpSessions, sessions), asked, new SessionFigures());
    await burst(client, sessions, { ...asked, turns: 2 }, new SessionFigures());
    const spawn = new HistogramWatch(client, "reach_spawn_seconds");
    await spawn.look();
    const all = new Rounds();
    for (let round = 0; round < rounds; round++) {
      note(`round ${round + 1} of ${rounds}`);
      all.floors.push(await floorBurst(floor, sessions, task));
      const figures = new SessionFigures();
      const began = performance.now();
      await burst(client, sessions, asked, figures);
      all.rates.push((1000 * sessions) / (performance.now() - began));
      all.figures.push(figures);
      all.spawns.push(await spawn.look());
      if (observers === 0) continue;
      const fan = await fanOut(client, observers, events);
      all.fanOuts.push(fan.latencies);
      all.dropped += fan.dropped;
    }
    const [failed] = all.figures.filter(({ firstError }) => firstError !== undefined);
    if (failed) note(`the first error: ${failed.firstError}`);
    return all.levels();
  } finally {
    await client.close();
    await floor.close();
  }
}

/** 100 at once: the levels that the gate holds. */
export const burst100: Scenario = {
  name: "burst",
  about: "100 triggers in the same moment, a dozen turns each, again when all have ended",
  fast: true,
  run: (bed, options) => measure(bed, options, 100, { observers: 100 }),
};

/** Ten at once, for tests of the gate. */
export const smallBurst: Scenario = {
  name: "burst",
  about: "10 triggers in the same moment",
  fast: false,
  run: (bed, options) => measure(bed, options, 10, { observers: 10, events: 3, silenceMs: 8000 }),
};

/** 1,000 at once. */
export const burst1000: Scenario = {
  name: "burst-1000",
  about: "1,000 triggers in the same moment, a dozen turns each",
  fast: false,
  run: (bed, options) => {
    return measure(bed, { ...options, rounds: Math.min(3, options.rounds) }, 1000, {
      observers: 0,
    });
  },
};
