// A hundred sessions that think and act, while one program beside them goes astray: loops without
// end, eats memory, sits in a loop of the engine that nothing interrupts. A step runs from the
// answer to a call to the start of the next one. Rows of their own: without the steps that end in
// the second after the neighbours' threads were lost, and with all of them. A runner for suspects
// alone is none of the neighbours' and leaves nothing out. Whoever stands still takes few steps,
// which a percentile does not see: hence also how many steps there were.

import { writeFileSync } from "node:fs";
import type { SessionId } from "../../../src/base/index.ts";
import { Engine } from "../../../src/engine/index.ts";
import { type LoadedProgram, loadProgram } from "../../../src/runtime/index.ts";
import { Directory } from "../../../src/session/index.ts";
import type { Bench } from "../bench.ts";
import { thinking } from "../executed-input.ts";
import { type Measurement, measured, type Work } from "../measurement.ts";
import type { Row, Scenario } from "../scenario.ts";
import { quantile, ratioOf, spreadOf } from "../spread.ts";

const neighbours = 100;
const thinkMs = 250;
/** The neighbours' threads are being replaced from their loss on for so long. */
const replacedMs = 1000;

/** What programs do that go astray. */
const astray: Readonly<Record<string, string>> = {
  "loops without end": "for (;;);",
  "eats memory by arrays": "const all = []; for (;;) all.push(new Array(1000).fill({}));",
  "eats memory by typed arrays":
    "const all = []; for (;;) all.push(new Uint8Array(1 << 24).fill(1));",
  "sits in a native loop": "new Array(2 ** 32 - 1).indexOf(1);",
};

const neighbour = `
  init: () => ({ turns: 0 }),
  reduce(state, event) { if (event.kind === "step") state.turns += 1; return state; },
  async step(ctx) {
    await ctx.call("think", { turn: ctx.state.turns });
    ctx.emit("message", { id: ctx.uuid() });
    return "continue";
  },`;

export const isolation: Scenario = {
  name: "isolation",
  long: true,
  async run(bench: Bench): Promise<readonly Row[]> {
    const seconds = bench.options.quick ? 8 : 20;
    const rows: Row[] = [];
    for (const [what, code] of Object.entries(astray)) {
      const all: Measurement[] = [];
      for (let round = 0; round < bench.rounds(3); round++) {
        const input = { root: bench.path("isolation"), code, seconds };
        const module = "scenarios/isolation";
        all.push(await bench.measure({ module, name: "besides", input }));
        bench.remove("isolation");
        const { alone, beside, every, worst, left, ended, steps, stepsAlone } =
          all.at(-1)?.facts ?? {};
        bench.say(
          `${what}: P95 ${beside} ms (of all ${every}), alone ${alone} ms, worst ${worst} ms, ` +
            `${left} of the steps left, ${steps} steps (alone ${stepsAlone}), ${ended} ended`,
        );
      }
      rows.push(...rowsOf(what, all));
    }
    return rows;
  },
};

function rowsOf(what: string, all: readonly Measurement[]): Row[] {
  const of = (fact: string): number[] => all.map(({ facts }) => Number(facts[fact]));
  const beside = `a step of ${neighbours} sessions beside one that ${what}`;
  return [
    {
      what: `${beside}, P95; without it (floor)`,
      unit: "ms",
      reach: spreadOf(of("beside")),
      floor: spreadOf(of("alone")),
      ratio: ratioOf(of("beside"), of("alone")),
      goal: { relation: "<=", value: 2, of: "ratio" },
    },
    {
      what: `${beside}, P95 of all, replaced runners and all`,
      unit: "ms",
      reach: spreadOf(of("every")),
      floor: spreadOf(of("alone")),
      ratio: ratioOf(of("every"), of("alone")),
    },
    {
      what: `steps of ${neighbours} sessions beside one that ${what}; without it (floor): speed`,
      unit: "records",
      reach: spreadOf(of("steps")),
      floor: spreadOf(of("stepsAlone")),
      ratio: ratioOf(of("steps"), of("stepsAlone")),
    },
    {
      what: `${beside}, the longest, replaced runners and all`,
      unit: "ms",
      reach: spreadOf(of("worst")),
      floor: spreadOf(of("worstAlone")),
    },
  ];
}

interface Sample {
  readonly from: number;
  readonly to: number;
}

/** Steps as they pass. */
class StepClock {
  readonly samples: Sample[] = [];
  readonly #answered = new Map<SessionId, number>();

  /** A call begins: the step before it is over. */
  called(id: SessionId): void {
    const from = this.#answered.get(id);
    const to = performance.now();
    if (from !== undefined) this.samples.push({ from, to });
    // The answer comes after the thinking, give or take what the timer is late.
    this.#answered.set(id, to + thinkMs);
  }

  between(from: number, to: number): Sample[] {
    return this.samples.filter((sample) => sample.to >= from && sample.to < to);
  }
}

async function program(root: string, name: string, members: string): Promise<LoadedProgram> {
  const file = `${root}/${name}.mjs`;
  writeFileSync(file, `export default { name: "${name}", version: "1", ${members} };\n`);
  return loadProgram(file);
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs the neighbours alone, then beside a program that is started again when it has ended. */
export async function besides(input: {
  readonly root: string;
  readonly code: string;
  readonly seconds: number;
}): Promise<Work> {
  const { root, code, seconds } = input;
  const directory = await Directory.open({ path: `${root}/default`, mode: "write" });
  const clock = new StepClock();
  const losses: number[] = [];
  const onTrouble = (trouble: string): void => {
    if (/^\d+ lanes were lost/.test(trouble)) losses.push(performance.now());
  };
  const effects = thinking(thinkMs, (id) => clock.called(id));
  const good = await program(root, "good", neighbour);
  const bad = await program(
    root,
    "bad",
    `init: () => ({}), reduce: (state) => state, async step() { ${code} }`,
  );
  const engine = await Engine.open({ directory, effects, programs: [good, bad], onTrouble });
  const work = await measured(async () => {
    for (let i = 0; i < neighbours; i++) {
      await engine.start("good", null);
      await pause(thinkMs / neighbours);
    }
    await pause(2000);
    const began = performance.now();
    await pause(seconds * 1000);
    const alone = clock.between(began, performance.now());
    const from = performance.now();
    const ended = await astrayFor(engine, seconds * 1000);
    const beside = clock.between(from, performance.now());
    return { ...factsOf(alone, beside, losses), losses: losses.length, ended };
  });
  await engine.close({ graceMs: 500 });
  await directory.close();
  return work;
}

/** Returns how many have ended as they should. */
async function astrayFor(engine: Engine, ms: number): Promise<number> {
  let ended = 0;
  for (const end = performance.now() + ms; performance.now() < end; ) {
    const { id } = await engine.start("bad", null);
    const signal = AbortSignal.timeout(Math.ceil(Math.max(1, end - performance.now())));
    const report = await engine.finished(id, { signal }).catch(() => undefined);
    if (report && report.outcome !== "infrastructure")
      throw new Error(`it ended ${report.outcome}`);
    if (report) ended += 1;
  }
  return ended;
}

function factsOf(
  alone: readonly Sample[],
  beside: readonly Sample[],
  losses: readonly number[],
): Readonly<Record<string, number>> {
  const time = ({ from, to }: Sample): number => Math.max(0, to - from);
  const isReplaced = ({ to }: Sample): boolean =>
    losses.some((at) => to >= at && to < at + replacedMs);
  const calm = beside.filter((sample) => !isReplaced(sample));
  return {
    alone: quantile(alone.map(time), 0.95),
    beside: quantile(calm.map(time), 0.95),
    every: quantile(beside.map(time), 0.95),
    worst: Math.max(...beside.map(time)),
    worstAlone: Math.max(...alone.map(time)),
    steps: beside.length,
    stepsAlone: alone.length,
    left: calm.length / beside.length,
  };
}
