// The server does something else at the same time: a replay of 100,000 events while sessions run;
// and it does the same thing for ten minutes, which must not make it slower or larger.

import { burst, openLoop, SessionFigures, type Task } from "../agent-sessions.ts";
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
import { storedSession } from "../stored-session.ts";
import { together } from "./burst.ts";

const events = 100_000;
const task: Task = { turns: 12, modelMs: 400, waits: true };
const perSecond = 15;
const MiB = 1024 * 1024;

/** Has the server replay a session; resolves with the seconds that took. */
async function replay(client: LoadClient, id: string): Promise<number> {
  const began = performance.now();
  const asked = await client.post(`/v1/sessions/${id}/replay`, {});
  const { id: job } = JSON.parse(asked.text) as { id: string };
  for (;;) {
    const text = await client.get(`/v1/jobs/${job}`);
    const { status } = JSON.parse(text) as { status: string };
    if (status === "failed") throw new Error(`the replay failed: ${text}`);
    if (status === "done") return (performance.now() - began) / 1000;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function replayWhileRunning(
  bed: TestBed,
  { rounds, random, note }: ScenarioOptions,
): Promise<Level[]> {
  const client = new LoadClient(bed.url);
  try {
    note(`${events} events are appended`);
    const id = await storedSession(client, events);
    await replay(client, id);
    await burst(client, 50, { ...task, modelMs: 50 }, new SessionFigures());
    const [alone, busy, figures] = [[] as number[], [] as number[], [] as SessionFigures[]];
    for (let round = 0; round < rounds; round++) {
      note(`round ${round + 1} of ${rounds}`);
      alone.push(1000 * (await replay(client, id)));
      const running = new SessionFigures();
      const [seconds] = await Promise.all([
        new Promise((resolve) => setTimeout(resolve, 2000)).then(() => replay(client, id)),
        openLoop(client, { seconds: 5, perSecond, random }, task, running).then(
          ({ ended }) => ended,
        ),
      ]);
      busy.push(1000 * seconds);
      figures.push(running);
    }
    const first = figures.map(({ firstEvent }) => firstEvent);
    const dropped = figures.reduce((sum, one) => sum + one.dropped, 0);
    return [
      latencyLevel("trigger_to_first_event", first, together(first)),
      { name: "replay", unit: "ms", rounds: busy, floor: alone },
      numberLevel("events_dropped_total", "count", [dropped]),
    ];
  } finally {
    await client.close();
  }
}

/** A replay beside running sessions. */
export const replayBusy: Scenario = {
  name: "replay-busy",
  about: "100,000 events replayed while about 100 sessions run; the floor: replayed alone",
  fast: false,
  run: replayWhileRunning,
};

const soakSeconds = 600;
const slices = 10;

async function soakFor(bed: TestBed, { random, note }: ScenarioOptions): Promise<Level[]> {
  const client = new LoadClient(bed.url);
  try {
    await burst(client, 100, { ...task, modelMs: 50 }, new SessionFigures());
    const figures: SessionFigures[] = [];
    const ended: Promise<void>[] = [];
    const memory: number[] = [];
    for (let slice = 0; slice < slices; slice++) {
      const one = new SessionFigures();
      const seconds = soakSeconds / slices;
      ended.push((await openLoop(client, { seconds, perSecond, random }, task, one)).ended);
      figures.push(one);
      memory.push(bed.memory() / MiB);
      note(`${(slice + 1) * seconds} s: ${Math.round(memory.at(-1) ?? 0)} MiB`);
    }
    await Promise.all(ended);
    return soakLevels(figures, memory);
  } finally {
    await client.close();
  }
}

/** The first tenth warms up; the last is compared with the second. */
function soakLevels(figures: readonly SessionFigures[], memory: readonly number[]): Level[] {
  const first = figures.map(({ firstEvent }) => firstEvent);
  const p95 = (latencies: Latencies | undefined): number =>
    (latencies ?? new Latencies()).percentile(95);
  const dropped = figures.reduce((sum, one) => sum + one.dropped, 0);
  const grown = (memory.at(-1) ?? 0) / (memory[1] ?? 1);
  return [
    latencyLevel("trigger_to_first_event", first, together(first)),
    numberLevel("latency_drift", "ratio", [p95(first.at(-1)) / p95(first[1])]),
    numberLevel("memory_drift", "ratio", [grown]),
    numberLevel("events_dropped_total", "count", [dropped]),
  ];
}

/** Ten minutes. */
export const soak: Scenario = {
  name: "soak",
  about: "ten minutes of steady load; the last minute compared with the second",
  fast: false,
  run: soakFor,
};
