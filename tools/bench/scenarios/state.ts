// The state after N events, for 100 random N, in one process that has the session open. The floor
// decodes one snapshot and folds the 1,000 events behind it in a bare loop, 100 times; a random N
// has 500 events behind its snapshot on average, and the slow ones, which count, nearly 1,000.

import { closeSync, openSync, readSync, statSync } from "node:fs";
import { limits } from "../../../src/base/index.ts";
import { closeWorkers, loadProgram, stateAt } from "../../../src/runtime/index.ts";
import { Directory } from "../../../src/session/index.ts";
import { Random } from "../../generator/random.ts";
import type { Bench } from "../bench.ts";
import { plainInput, sessionInput } from "../inputs.ts";
import { type Measurement, measured, type Work } from "../measurement.ts";
import { type ReaderState, reduce } from "../payload-reader.ts";
import { decodePlain, decodePlainEvent, readPlainStates } from "../plain-log.ts";
import type { Row, Scenario } from "../scenario.ts";
import { quantile, ratioOf, spreadOf } from "../spread.ts";

const asked = 100;
/** Asked before the clock starts: the session is open then, and its code compiled, in both. */
const askedBefore = 20;

export const state: Scenario = {
  name: "state",
  long: false,
  async run(bench: Bench): Promise<readonly Row[]> {
    const events = bench.events(100_000);
    const session = await sessionInput(bench, events);
    const file = await plainInput(bench, session);
    const module = "scenarios/state";
    const { reach, floor } = await bench.pairs(bench.rounds(5), {
      floor: { module, name: "bareStates", input: { file } },
      reach: { module, name: "statesAt", input: session },
    });
    const p95 = factOf(reach, "p95");
    const bare = factOf(floor, "median");
    const what = `state --at N, ${asked} random N of ${events}`;
    return [
      {
        what: `${what}: P95; a snapshot and 1,000 events, median (floor)`,
        unit: "ms",
        reach: spreadOf(p95),
        floor: spreadOf(bare),
        ratio: ratioOf(p95, bare),
        goal: { relation: "<=", value: 1.5, of: "ratio" },
      },
      {
        what: `${what}: median; P95 (floor)`,
        unit: "ms",
        reach: spreadOf(factOf(reach, "median")),
        floor: spreadOf(factOf(floor, "p95")),
      },
    ];
  },
};

function factOf(measurements: readonly Measurement[], fact: string): number[] {
  return measurements.map(({ facts }) => Number(facts[fact]));
}

/** Times of each of the calls of `ask`, after some that do not count, in milliseconds. */
async function timed(ask: (number: number) => unknown): Promise<Work> {
  for (let i = 0; i < askedBefore; i++) await ask(i);
  const times: number[] = [];
  return measured(async () => {
    for (let i = 0; i < asked; i++) {
      const began = performance.now();
      await ask(askedBefore + i);
      times.push(performance.now() - began);
    }
    return { median: spreadOf(times).median, p95: quantile(times, 0.95) };
  });
}

/** Decodes a snapshot and folds what is behind it, from a file. */
export async function bareStates({ file }: { readonly file: string }): Promise<Work> {
  const states = readPlainStates(file);
  const descriptor = openSync(file, "r");
  const random = new Random(7, "states");
  const buffer = Buffer.allocUnsafeSlow(4 * 1024 * 1024);
  const size = statSync(file).size;
  const work = await timed(() => {
    const number = random.below(states.length);
    const snapshot = states[number];
    if (!snapshot) throw new Error("there are no states");
    const bytes = (states[number + 1]?.offset ?? size) - snapshot.offset;
    readSync(descriptor, buffer, 0, bytes, snapshot.offset);
    let folded = decodePlain(snapshot.state) as ReaderState;
    for (let at = 0; at < bytes; ) {
      const end = at + 4 + buffer.readUInt32LE(at);
      folded = reduce(folded, decodePlainEvent(buffer.subarray(at + 5, end)));
      at = end;
    }
    if (folded.events !== snapshot.at + limits.snapshotEventsDefault) throw new Error("too few");
  });
  closeSync(descriptor);
  return work;
}

/** Asks Reach for states. */
export async function statesAt(input: {
  readonly root: string;
  readonly id: string;
  readonly program: string;
  readonly events: number;
}): Promise<Work> {
  const { root, id, events } = input;
  const directory = await Directory.open({ path: `${root}/default`, mode: "read" });
  const program = await loadProgram(input.program);
  const random = new Random(7, "states");
  const work = await timed(async () => {
    const at = random.between(1, events);
    const report = await stateAt(directory, id, at, { program });
    const used = at - (report.snapshotUsed ?? 0);
    const wrong = (report.state as ReaderState).events !== at;
    if (wrong || used >= limits.snapshotEventsDefault) throw new Error(`state ${at} is wrong`);
  });
  await directory.close();
  await closeWorkers();
  return work;
}
