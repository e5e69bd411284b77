// Replaying 100,000 events, verified, on one worker, with a reducer that looks at every payload:
// beside one loop that reads a file, hashes each event, decodes it and folds it.

import { hash } from "node:crypto";
import { closeWorkers, loadProgram, replaySession } from "../../../src/runtime/index.ts";
import { Directory } from "../../../src/session/index.ts";
import type { Bench } from "../bench.ts";
import { plainInput, sessionInput } from "../inputs.ts";
import { measured, type Work } from "../measurement.ts";
import { init, reduce } from "../payload-reader.ts";
import { decodePlainEvent, forEachPlain } from "../plain-log.ts";
import { memoryRow, timesRow } from "../rows.ts";
import type { Row, Scenario } from "../scenario.ts";

export const replay: Scenario = {
  name: "replay",
  long: false,
  async run(bench: Bench): Promise<readonly Row[]> {
    const events = bench.events(100_000);
    const session = await sessionInput(bench, events);
    const file = await plainInput(bench, session);
    const module = "scenarios/replay";
    const pairs = await bench.pairs(bench.rounds(5), {
      floor: { module, name: "bareReplay", input: { file } },
      reach: { module, name: "verifiedReplay", input: { ...session, workers: 1 } },
    });
    const what = `replay of ${events} events, verified, 1 worker`;
    return [timesRow(what, pairs, 1.5), memoryRow(`${what}: peak RSS`, pairs.reach)];
  },
};

/** Reads, hashes, decodes and folds: what nobody can leave out. */
export function bareReplay({ file }: { readonly file: string }): Promise<Work> {
  return measured(() => {
    let state = init();
    let last: Uint8Array | undefined;
    forEachPlain(file, (bytes, start, end) => {
      last = hash("sha256", bytes.subarray(start, end), "buffer");
      state = reduce(state, decodePlainEvent(bytes.subarray(start + 1, end)));
    });
    return { events: state.events, last: last?.at(0) ?? null };
  });
}

/** Replays a session that has all its snapshots. */
export async function verifiedReplay(input: {
  readonly root: string;
  readonly id: string;
  readonly program: string;
  readonly workers?: number;
}): Promise<Work> {
  const directory = await Directory.open({ path: `${input.root}/default`, mode: "read" });
  const program = await loadProgram(input.program);
  const { id, workers } = input;
  const work = await measured(async () => {
    const report = await replaySession(directory, id, { program, workers });
    return { verdict: report.verdict, events: report.events, snapshots: report.snapshots };
  });
  await directory.close();
  await closeWorkers();
  if (work.facts["verdict"] === "identical") return work;
  throw new Error(`the replay says ${JSON.stringify(work.facts)}`);
}
