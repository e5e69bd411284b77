// Reach's side of the replay: a session is really run, by the engine with effects that answer at
// once, and replayed in a fresh process on one worker. As with Temporal a short session goes first,
// or the same one as well.

import { mkdirSync } from "node:fs";
import path from "node:path";
import { type SessionId, sha256, utf8 } from "../../../src/base/index.ts";
import { EffectRegistry } from "../../../src/effects/index.ts";
import { Engine } from "../../../src/engine/index.ts";
import {
  closeWorkers,
  type LoadedProgram,
  loadProgram,
  programFor,
  replaySession,
} from "../../../src/runtime/index.ts";
import { Directory } from "../../../src/session/index.ts";
import { measured, type Work } from "../../bench/measurement.ts";
import {
  answerTo,
  type FanOutPlan,
  type LookInput,
  type ThinkInput,
  turnEffects,
} from "./fan-out-shape.ts";
import { projectRoot } from "./peer-modules.ts";

const programFile = path.join(projectRoot, "perf", "programs", "fan-out-agent.ts");

/** Runs the program to its end. */
export function makeExecuted(input: { readonly data: string; readonly plan: FanOutPlan }) {
  return measured(async () => {
    mkdirSync(path.dirname(input.data), { recursive: true });
    const directory = await Directory.open({ path: input.data, mode: "write" });
    const program = await loadProgram(programFile);
    const effects = new EffectRegistry({
      think: (asked) => answerTo((asked as ThinkInput).turn, -1),
      look: (asked) => answerTo((asked as LookInput).turn, (asked as LookInput).part),
    });
    const programs = [program];
    const runners = { kind: "inline" } as const;
    const engine = await Engine.open({ directory, effects, programs, runners });
    const { id } = await engine.start(program.name, input.plan);
    const { outcome, error, seq } = await engine.finished(id);
    await engine.close();
    await directory.close();
    await closeWorkers();
    if (outcome !== "done") throw new Error(`the session ended ${outcome}: ${error?.message}`);
    return { id, events: seq + 1 };
  });
}

interface Executed {
  readonly data: string;
  readonly id: SessionId;
}

/**
 * Replays an executed session with the code that is stored with it, as Temporal has a bundle that
 * was made before. It counts only if a changed program is found out.
 */
export async function replayExecuted(input: {
  readonly session: Executed;
  readonly short: Executed;
  readonly plan: FanOutPlan;
  /** Whether the session is replayed once before it is on the clock. */
  readonly again: boolean;
}): Promise<Work> {
  await replay(input.short);
  if (input.again) await replay(input.session);
  const work = await measured(async () => {
    const { verdict, events, operations } = await replay(input.session);
    return { verdict, events, operations: operations?.count ?? 0 };
  });
  const { verdict } = await replay(input.short, changed);
  await closeWorkers();
  if (verdict !== "diverged") throw new Error(`a changed program replays: ${verdict}`);
  const calls = input.plan.turns * turnEffects;
  const right = work.facts["verdict"] === "identical" && Number(work.facts["operations"]) >= calls;
  if (!right) throw new Error(`the replay says ${JSON.stringify(work.facts)}`);
  return work;
}

async function replay({ data, id }: Executed, change = (own: LoadedProgram) => own) {
  const directory = await Directory.open({ path: data, mode: "read" });
  const program = change(await programFor(directory, id));
  const report = await replaySession(directory, id, { program, workers: 1 });
  await directory.close();
  return report;
}

/** The same program with one effect under another name. */
function changed(program: LoadedProgram): LoadedProgram {
  const code = program.code?.replaceAll('"look"', '"search"') ?? "";
  if (code === program.code) throw new Error('the program does not call "look"');
  return { ...program, code, hash: sha256(utf8(code)) };
}
