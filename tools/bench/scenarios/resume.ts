// How soon a session of 100,000 events goes on: after the runner that held it was killed while the
// server lives, and when `reach serve` has just begun. Both up to the next event that its program
// makes, durable.

import { spawn } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Engine } from "../../../src/engine/index.ts";
import type { Bench } from "../bench.ts";
import {
  answer,
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
const command = fileURLToPath(new URL("../../../../dist/entries/reach.js", import.meta.url));

/** Answers the call that a session was left with; says so when its program makes the next one. */
const configuration = `
import { defineConfig } from "reach-replay/config";
let calls = 0;
export default defineConfig({
  effects: {
    think: (_, { signal }) => {
      calls += 1;
      if (calls === 1) return ${JSON.stringify(answer)};
      process.stdout.write("next call\\n");
      return new Promise((_, reject) => signal.addEventListener("abort", reject));
    },
  },
});
`;

export const resume: Scenario = {
  name: "resume",
  long: false,
  async run(bench: Bench): Promise<readonly Row[]> {
    const events = bench.events(100_000);
    const rounds = bench.rounds(5);
    const input = await executedInput(bench, [100, events]);
    const ofShort = await executedInput(bench, [100], "result");
    const ofLong = await executedInput(bench, [events], "result");
    const kills: Measurement[] = [];
    const starts: { readonly early: number[]; readonly late: number[] } = { early: [], late: [] };
    for (let round = 0; round < rounds; round++) {
      kills.push(
        await bench.measure({ module, name: "afterKills", input: { ...input, kills: 8 } }),
      );
      for (const [of, times] of [
        [ofShort, starts.early] as const,
        [ofLong, starts.late] as const,
      ]) {
        const { facts } = await bench.measure({ module, name: "fromCold", input: of });
        times.push(Number(facts["ms"]));
      }
      const [kill, start] = [kills.at(-1)?.facts["late"], starts.late.at(-1)];
      bench.say(`round ${round + 1}: ${kill} ms after a kill, ${start} ms from cold`);
    }
    const row = (what: string, early: number[], late: number[], most: number): Row => ({
      what: `${what}: to the next event of a session of ${events} events; of 100 (floor)`,
      unit: "ms",
      reach: spreadOf(late),
      floor: spreadOf(early),
      goal: { relation: "<=", value: most, of: "median" },
    });
    const fact = (name: string): number[] => kills.map(({ facts }) => Number(facts[name]));
    return [
      row("the runner was killed", fact("early"), fact("late"), 150),
      row("`reach serve` has just begun", starts.early, starts.late, 600),
    ];
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

/** From the start of `reach serve` to the second call of its session, which it goes on with. */
export async function fromCold({ root }: ExecutedInput): Promise<Work> {
  const config = path.join(root, "reach.config.mjs");
  writeFileSync(config, configuration);
  const flags = ["--quiet", "--data", root, "--config", config, "--port", "0", "--log", "error"];
  const work = await measured(async () => {
    const began = performance.now();
    const server = spawn(process.execPath, [command, "serve", ...flags], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const gone = new Promise((resolve) => server.once("close", resolve));
    let ms = Number.NaN;
    for await (const line of createInterface({ input: server.stdout })) {
      if (line !== "next call") continue;
      ms = performance.now() - began;
      // It empties its journal.
      server.kill("SIGTERM");
    }
    await gone;
    return { ms };
  });
  if (Number.isNaN(work.facts["ms"])) throw new Error("the session did not go on");
  return work;
}
