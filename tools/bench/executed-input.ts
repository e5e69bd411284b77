// Executed sessions for scenarios that have an engine go on with them: as long as is wanted, and
// then waiting for an input or for the result of a call. Their program and the effects it calls are
// here, too.

import { writeFileSync } from "node:fs";
import path from "node:path";
import { encodeValue, type SessionId } from "../../src/base/index.ts";
import type { EffectSource } from "../../src/effects/index.ts";
import { Engine, type EngineOptions } from "../../src/engine/index.ts";
import { type LoadedProgram, loadProgram } from "../../src/runtime/index.ts";
import { Directory } from "../../src/session/index.ts";
import {
  answering,
  PlayedSession,
  type ProgramText,
  type World,
  writeExecutedSession,
} from "../generator/executed-session.ts";
import type { Bench } from "./bench.ts";
import { measured, type Work } from "./measurement.ts";

/** A call, an emit, the end of a step; after `events` events each step waits for an input first. */
const walking = `
export default {
  name: "walking", version: "1",
  init: (trigger) => ({ events: 0, turns: 0, wanted: trigger.data.events, last: [] }),
  reduce(state, event) {
    state.events += 1;
    if (event.kind === "result") state.last = [...state.last, event.data.value].slice(-20);
    if (event.kind === "step") state.turns += 1;
    return state;
  },
  async step(ctx) {
    if (ctx.state.events >= ctx.state.wanted) await ctx.waitFor("go");
    const answer = await ctx.call("think", { turn: ctx.state.turns, luck: ctx.random() });
    ctx.emit("message", { text: answer.text, id: ctx.uuid(), at: ctx.now() });
    return "continue";
  },
};
`;

/** What a call of the program comes to. */
export const answer = {
  text: "What the model says, word by word. ".repeat(8),
  usage: { in: 9, out: 5 },
};

/** What the sessions wait for in the end. */
type WaitsFor = "input" | "result";

/** Sessions in one data directory. */
export interface ExecutedInput {
  readonly root: string;
  /** File of their program. */
  readonly program: string;
  /** Ids in the order of their sizes. */
  readonly ids: readonly string[];
}

/** A directory with a session of each of these sizes, about. */
export function executedInput(
  bench: Bench,
  sizes: readonly number[],
  waitsFor: WaitsFor = "input",
): Promise<ExecutedInput> {
  const name = `sessions-${waitsFor}-${sizes.join("-")}`;
  const what = `executed sessions of ${sizes.join(" and ")} events, waiting: ${waitsFor}`;
  return bench.once(what, async () => {
    const root = bench.path(name);
    const program = path.join(bench.folder, `${name}.mjs`);
    const input = { root, sizes, program, waitsFor };
    const made = await bench.measure({ module: "executed-input", name: "makeSessions", input });
    return { root, program, ids: String(made.facts["ids"]).split(" ") };
  });
}

/** Writes the sessions. */
export function makeSessions(input: {
  readonly root: string;
  readonly sizes: readonly number[];
  readonly program: string;
  readonly waitsFor: WaitsFor;
}): Promise<Work> {
  return measured(async () => {
    writeFileSync(input.program, walking);
    const program = runnable(await loadProgram(input.program));
    const directory = await Directory.open({ path: `${input.root}/default`, mode: "write" });
    const ids: string[] = [];
    for (const [seed, events] of input.sizes.entries()) {
      const answers = answering(() => answer);
      const isThere = ({ seq, calls, inputs }: World): boolean =>
        input.waitsFor === "input" ? inputs.length > 0 : calls.length > 0 && seq >= events;
      const plan = {
        program,
        input: { events: input.waitsFor === "input" ? events : 2 * events },
        seed,
        eventsMax: 2 * events + 10,
        script: (world: World) => (isThere(world) ? undefined : answers(world)),
      };
      const played = new PlayedSession(plan).play();
      ids.push((await writeExecutedSession(directory, plan, played)).id);
    }
    await directory.close();
    return { ids: ids.join(" ") };
  });
}

function runnable({ code, ...program }: LoadedProgram): ProgramText {
  if (code === null) throw new Error("a built-in program has no steps");
  return { ...program, code };
}

/** Effects that answer after a while; `asked` hears of every call. */
export function thinking(ms: number, asked: (id: SessionId) => void = () => {}): EffectSource {
  const value = encodeValue(answer);
  return {
    async run({ session, signal }) {
      asked(session);
      if (ms > 0) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms);
          signal.addEventListener("abort", () => clearTimeout(timer));
        });
      }
      return { value };
    },
  };
}

/** An engine over a directory, which is closed with it. */
export async function openEngine(
  root: string,
  options: Partial<EngineOptions> & Pick<EngineOptions, "effects">,
): Promise<{ readonly engine: Engine; close(): Promise<void> }> {
  const path = `${root}/default`;
  const directory = await Directory.open({ path, mode: "write", takeOver: true });
  const engine = await Engine.open({ directory, resumes: "asked", ...options });
  return {
    engine,
    close: async () => {
      await engine.close({ graceMs: 2000 });
      await directory.close();
    },
  };
}

/** Resolves when a session waits for the world again, and has more than `size` events. */
export async function waiting(engine: Engine, id: SessionId, size: number): Promise<number> {
  const isThere = (): boolean => {
    const status = engine.status(id);
    if (status.error) throw new Error(`${id} is stuck: ${status.error.message}`);
    return status.phase === "waiting" && status.size > size && status.waiting?.inputs.length === 1;
  };
  if (!isThere()) {
    await new Promise<void>((resolve) => {
      const stop = engine.onPhase((changed) => {
        if (changed !== id) return;
        // Not in the middle of what the engine is doing.
        queueMicrotask(() => {
          if (!isThere()) return;
          stop();
          resolve();
        });
      });
    });
  }
  return engine.status(id).size;
}
