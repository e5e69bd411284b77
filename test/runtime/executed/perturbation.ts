// One session, run by an engine with real time and real effects, and replayed again and again while
// everything around the replay is another one each time: threads, time zone, language, version of
// Node, when garbage is collected, where it begins.

import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import process from "node:process";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import type { SessionId } from "../../../src/base/index.ts";
import {
  loadProgram,
  programFor,
  type ReplayReport,
  replaySession,
} from "../../../src/runtime/index.ts";
import { Directory } from "../../../src/session/index.ts";
import { Random } from "../../../tools/generator/random.ts";
import { effectsOf, Running } from "../../engine/running.ts";

const mainFile = fileURLToPath(new URL("../../../dist/entries/reach.js", import.meta.url));

/** Asks for everything that a machine could have a say in. */
const curious = `
const words = ["zebra", "Äpfel", "apple", "Öl", "éclair", "straße"];
export default {
  name: "curious", version: "1",
  init: (trigger) => ({ goal: trigger.data.goal, turns: 0, began: String(new Date()), last: [] }),
  reduce(state, event) {
    if (event.kind === "result") {
      state.last = [...state.last, event.data.value ?? event.data.error.name].slice(-5);
    }
    if (event.kind === "step") state.turns += 1;
    return state;
  },
  async step(ctx) {
    const { turns } = ctx.state;
    const ask = (n) => ctx.call("ask", { n, turns, luck: ctx.random() });
    const asked = await Promise.allSettled([1, 2, 3].map(ask));
    const late = ask(4).catch(({ name }) => name);
    const first = await Promise.race([ctx.sleep(ctx.random() * 4), late]);
    const names = ["gc", "WeakRef", "Intl", "process", "Iterator"];
    ctx.emit("seen", {
      now: [String(new Date()), new Date(2024, turns % 12, 5).getTime(), Date.now() - ctx.now()],
      ids: [ctx.uuid(), Math.random()],
      first: first ?? null,
      asked: asked.map(({ status }) => status),
      words: [...words].sort(),
      cases: words.map((word) => word.toUpperCase()),
      globals: names.map((name) => typeof globalThis[name]),
      sets: [...new Set(words.map((word) => word.length))],
      mixed: words.toSorted(() => Math.random() - 0.5),
    });
    const garbage = Array.from({ length: 500 }, (_, i) => ({ i, text: "x".repeat(i) }));
    if (turns % 5 === 4) ctx.emit("large", { garbage: garbage.slice(0, 200) });
    if (turns === 3) ctx.emit("said", await ctx.waitFor("word", { timeout: 20 }));
    return turns + 1 >= ctx.state.goal ? { done: ctx.state.last } : "continue";
  },
};
`;

const effects = effectsOf({
  ask: async ({ n, turns }: { n: number; turns: number }) => {
    await new Promise((resolve) => setTimeout(resolve, (n * 7 + turns) % 4));
    if ((n + turns) % 5 === 0) throw new Error("no answer");
    return { n, text: `answer ${turns}` };
  },
});

/** What surrounds one replay. */
export interface Surroundings {
  readonly node: string;
  readonly flags: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workers: number;
  readonly strict: boolean;
  readonly from: number | undefined;
}

/** What a replay comes to, whatever surrounds it. */
export interface Outcome {
  readonly verdict: string;
  readonly operations: ReplayReport["operations"];
  readonly stateHash: string | null;
  readonly root: string | null;
}

const outcomeOf = ({ verdict, operations, stateHash, root }: ReplayReport): Outcome => {
  return { verdict, operations, stateHash, root };
};

/** A session that was run once, for many replays. */
export class ReplayedSession {
  readonly #running = new Running();
  readonly #id: SessionId;
  readonly events: number;

  private constructor(running: Running, id: SessionId, events: number) {
    this.#running = running;
    this.#id = id;
    this.events = events;
  }

  /** Runs it to its end. */
  static async run(goal: number): Promise<ReplayedSession> {
    const running = new Running();
    const runners = { kind: "threads", threads: 1 } as const;
    const limits = { snapshotEvents: 40 };
    const engine = await running.open({ effects, runners, limits, contexts: undefined as never });
    const file = running.scratch.at("curious.mjs");
    writeFileSync(file, curious);
    const { id } = await engine.start(await loadProgram(file), { goal });
    const { seq, outcome, error } = await engine.finished(id);
    if (outcome !== "done") throw new Error(`the session ended as ${outcome}: ${error?.message}`);
    await running.close();
    return new ReplayedSession(running, id, seq + 1);
  }

  remove(): void {
    this.#running.scratch.remove();
  }

  /** Replays it here. */
  async here(from?: number): Promise<Outcome> {
    const path = this.#running.scratch.at("data", "default");
    const directory = await Directory.open({ path, mode: "read" });
    try {
      const program = await programFor(directory, this.#id);
      return outcomeOf(await replaySession(directory, this.#id, { program, from, workers: 1 }));
    } finally {
      await directory.close();
    }
  }

  /** Replays it in a process of its own. */
  async in({ node, flags, env, workers, strict, from }: Surroundings): Promise<Outcome> {
    const args = [
      ...[...flags, mainFile, "--data", this.#running.scratch.at("data"), "replay", this.#id],
      ...["--json", "--no-keep", "--workers", String(workers)],
      ...(strict ? ["--strict"] : []),
      ...(from === undefined ? [] : ["--from", String(from)]),
    ];
    const { PATH = "", HOME = "" } = process.env;
    const child = spawn(node, args, { env: { PATH, HOME, ...env } });
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
    if (out === "") throw new Error(`${node} ${args.join(" ")}: ${err}`);
    return outcomeOf(JSON.parse(out) as ReplayReport);
  }
}

const zones = ["UTC", "Asia/Kathmandu", "America/St_Johns", "Pacific/Apia", "Europe/Dublin"];
const languages = ["C", "de_DE.UTF-8", "tr_TR.UTF-8", "ar_EG.UTF-8", "ja_JP.UTF-8"];
const flags = [
  [],
  ["--expose-gc"],
  // Collects after so many allocations: in the middle of what programs do.
  ["--expose-gc", "--gc-interval=300"],
  ["--max-semi-space-size=1"],
  ["--no-opt"],
  ["--always-sparkplug"],
];

/** Surroundings number `i` of a seed; `otherNode`: the path of another version, or none. */
export function surroundings(
  seed: number,
  i: number,
  events: number,
  otherNode: string | undefined,
): Surroundings {
  const random = new Random(seed, `replay ${i}`);
  const language = random.pick(languages);
  const other = otherNode !== undefined && i % 3 === 2;
  return {
    node: other ? otherNode : process.execPath,
    flags: random.pick(flags),
    env: { TZ: random.pick(zones), LANG: language, LC_ALL: language },
    workers: random.between(1, 2),
    strict: random.chance(0.3),
    from: random.chance(0.3) ? random.below(events) : undefined,
  };
}

/** Replays a session in `count` surroundings; returns how many began in the middle. */
export async function replayPerturbed(
  session: ReplayedSession,
  { count, seed, otherNode }: { count: number; seed: number; otherNode: string | undefined },
): Promise<number> {
  const whole = await session.here();
  let parts = 0;
  for (let i = 0; i < count; i++) {
    const around = surroundings(seed, i, session.events, otherNode);
    const expected = around.from === undefined ? whole : await session.here(around.from);
    if (around.from !== undefined) parts += 1;
    const outcome = await session.in(around);
    if (whole.verdict === "identical" && same(outcome, expected)) continue;
    const about = { seed, i, around, outcome, expected };
    throw new Error(`a replay came to something else: ${JSON.stringify(about, undefined, 2)}`);
  }
  return parts;
}

function same(a: Outcome, b: Outcome): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
