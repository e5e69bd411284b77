// Replaying 100,000 events, verified, on one worker, with a reducer that looks at every payload:
// beside one loop that reads a file, hashes each event, decodes it and folds it.

import { hash } from "node:crypto";
import {
  closeWorkers,
  loadProgram,
  replaySession,
  startWorkers,
} from "../../../src/runtime/index.ts";
import { Directory } from "../../../src/session/index.ts";
import type { Bench, Part } from "../bench.ts";
import { plainInput, sessionInput } from "../inputs.ts";
import { measured, type Work } from "../measurement.ts";
import { init, reduce } from "../payload-reader.ts";
import { decodePlainEvent, forEachPlain } from "../plain-log.ts";
import { memoryRow, timesRow } from "../rows.ts";
import type { Row, Scenario } from "../scenario.ts";

/** How a digest is taken: its bytes, as a tree needs them, or the text that is the default. */
export type Digest = "buffer" | "hex";

export const replay: Scenario = {
  name: "replay",
  long: false,
  async run(bench: Bench): Promise<readonly Row[]> {
    const events = bench.events(100_000);
    const session = await sessionInput(bench, events);
    const file = await plainInput(bench, session);
    const module = "scenarios/replay";
    const reach = { module, name: "verifiedReplay", input: { ...session, workers: 1 } };
    const floor = (digest: Digest): Part => {
      return { module, name: "bareReplay", input: { file, digest } };
    };
    const rounds = bench.rounds(5);
    const pairs = await bench.pairs(rounds, { floor: floor("buffer"), reach });
    const textPairs = await bench.pairs(rounds, { floor: floor("hex"), reach });
    const what = `replay of ${events} events, verified, 1 worker`;
    return [
      timesRow(`${what}; read, hashed, decoded, folded (floor)`, pairs, 1.5),
      timesRow("the same; the floor takes digests as text, which costs less", textPairs),
      memoryRow(`${what}: peak RSS`, pairs.reach),
    ];
  },
};

/** Reads, hashes, decodes and folds: what nobody can leave out. */
export function bareReplay(input: {
  readonly file: string;
  readonly digest: Digest;
}): Promise<Work> {
  const { file, digest } = input;
  return measured(() => {
    let state = init();
    let digests = 0;
    forEachPlain(file, (bytes, start, end) => {
      digests += hash("sha256", bytes.subarray(start, end), digest).length;
      state = reduce(state, decodePlainEvent(bytes.subarray(start + 1, end)));
    });
    return { events: state.events, digests };
  });
}

/** Replays a session that has all its snapshots, prepared as the command does it. */
export async function verifiedReplay(input: {
  readonly root: string;
  readonly id: string;
  readonly program: string;
  readonly workers?: number;
}): Promise<Work> {
  const directory = await Directory.open({ path: `${input.root}/default`, mode: "read" });
  const { id, workers } = input;
  if (workers !== undefined) startWorkers(workers);
  const program = await loadProgram(input.program);
  const work = await measured(async () => {
    const report = await replaySession(directory, id, { program, workers });
    return { verdict: report.verdict, events: report.events, snapshots: report.snapshots };
  });
  await directory.close();
  await closeWorkers();
  if (work.facts["verdict"] === "identical") return work;
  throw new Error(`the replay says ${JSON.stringify(work.facts)}`);
}
