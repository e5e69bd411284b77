// 10,000 sessions alive: begun at a rate the machine can take, all of them waiting for a person at
// some point, then told to go on at random, at a steady rate.

import { runSession, SessionFigures, type Task } from "../agent-sessions.ts";
import { LoadClient } from "../load-client.ts";
import type { TestBed } from "../processes.ts";
import {
  type Level,
  latencyLevel,
  numberLevel,
  type Scenario,
  type ScenarioOptions,
} from "../scenario.ts";

const sessions = 10_000;
const task: Task = { turns: 2, modelMs: 50, waits: true };
/** Triggers, and later inputs, in a second. */
const perSecond = 60;

async function measure(bed: TestBed, { random, note }: ScenarioOptions): Promise<Level[]> {
  const client = new LoadClient(bed.url);
  const figures = new SessionFigures();
  const parked: (() => void)[] = [];
  const hold = (): Promise<void> => new Promise((resolve) => parked.push(resolve));
  try {
    const running: Promise<void>[] = [];
    await arrivals(sessions, random, (at) => {
      running.push(runSession(client, task, figures, at, hold));
      if (running.length % 1000 === 0) note(`${running.length} of ${sessions} begun`);
    });
    while (parked.length < sessions && figures.errors === 0) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    note(`${parked.length} wait; each is told to go on`);
    const memory = bed.memory() / (1024 * 1024);
    await arrivals(parked.length, random, () => parked.pop()?.());
    await Promise.all(running);
    return [
      latencyLevel("trigger_to_first_event", [figures.firstEvent], figures.firstEvent),
      latencyLevel("approval_to_resume", [figures.resume], figures.resume),
      numberLevel("events_dropped_total", "count", [figures.dropped]),
      numberLevel("errors_total", "count", [figures.errors]),
      numberLevel("sessions_alive", "count", [sessions]),
      numberLevel("memory_while_waiting", "MiB", [memory]),
    ];
  } finally {
    await client.close();
  }
}

/** Calls `arrive` so many times, at random, with the moment at which it should have been. */
async function arrivals(
  count: number,
  random: () => number,
  arrive: (at: number) => void,
): Promise<void> {
  let at = performance.now();
  for (let i = 0; i < count; i++) {
    at += (-Math.log(1 - random()) / perSecond) * 1000;
    const wait = at - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    arrive(at);
  }
}

/** Everything that waits, and what wakes it. */
export const alive10000: Scenario = {
  name: "alive-10000",
  about: "10,000 sessions alive and tailed, 60 triggers and then 60 inputs a second",
  fast: false,
  run: measure,
};
