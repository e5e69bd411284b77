// Small programs with steps, sessions of them in memory and on disk, and what tests do with those.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll } from "vitest";
import type { SessionId } from "../../../src/base/index.ts";
import type { EventView } from "../../../src/event/index.ts";
import { OperationDigest, type OperationDivergence } from "../../../src/replay/index.ts";
import { bundleProgram } from "../../../src/runtime/bundle.ts";
import { eventGroups } from "../../../src/runtime/executed/event-group.ts";
import type { RunFault } from "../../../src/runtime/executed/run-fault.ts";
import { type RerunOptions, SessionRerun } from "../../../src/runtime/executed/session-rerun.ts";
import {
  closeWorkers,
  programFor,
  type ReplayOptions,
  type ReplayReport,
  replaySession,
} from "../../../src/runtime/index.ts";
import { compileProgram } from "../../../src/sandbox/index.ts";
import { Directory } from "../../../src/session/index.ts";
import {
  answering,
  PlayedSession,
  type ProgramText,
  type SessionScript,
  type WritingOptions,
  writeExecutedSession,
} from "../../../tools/generator/executed-session.ts";

const folder = mkdtempSync(path.join(tmpdir(), "reach-executed-"));
let made = 0;

afterAll(async () => {
  await closeWorkers();
  rmSync(folder, { recursive: true, force: true });
});

/** A path in the temporary folder that nothing has yet. */
export function freshPath(name: string): string {
  made += 1;
  return path.join(folder, `${made}-${name}`);
}

/** Writes a program to a file; `members` are what stands in its definition. */
export function programFile(members: string, before = ""): string {
  const file = freshPath("program.ts");
  const text = `${before}\nexport default { name: "agent", version: "1", ${members} };\n`;
  writeFileSync(file, text);
  return file;
}

/** A bundled program. */
export async function program(members: string, before = ""): Promise<ProgramText> {
  const { hash, where, code, map } = await bundleProgram(programFile(members, before));
  return { name: "agent", version: "1", hash, where, code: code as string, map };
}

/** `init` and `reduce` of most programs here: counts, keeps a little of what it has seen. */
export const counting = `
  init: (trigger) => ({ events: 0, last: [], goal: trigger.data.goal ?? 3 }),
  reduce(state, event) {
    state.events += 1;
    if (event.kind === "result") state.last = [...state.last, event.data.value].slice(-3);
    if (event.kind === "input") state.last = [...state.last, event.data].slice(-3);
    return state;
  },`;

/** A chain of calls, a fan-out, an input and a timer; done after `goal` steps. */
export const agent = `${counting}
  async step(ctx) {
    const plan = await ctx.call("llm.chat", { at: ctx.state.events, seed: ctx.random() });
    const found = await Promise.all([1, 2, 3].map((n) => ctx.call("tool.search", { plan, n })));
    ctx.emit("message", { id: ctx.uuid(), found, now: ctx.now() });
    if (ctx.state.events > 20) await ctx.waitFor("approval", { timeout: "3d" });
    await Promise.race([ctx.sleep(500), ctx.call("tool.slow", { n: found.length })]);
    ctx.emit("turn", { text: "x".repeat(ctx.state.events % 7 === 0 ? 5000 : 20) });
    return ctx.state.events >= ctx.state.goal ? "done" : "continue";
  },`;

/** Answers that depend on the seq, in an order that is not the order of the calls. */
export const shuffled: SessionScript["script"] = (world) => {
  const choice = world.random.below(world.calls.length + 1);
  const call = world.calls[choice] ?? world.calls[0];
  if (call && !(choice === world.calls.length && world.timers.length > 0)) {
    const value = { text: `answer ${world.random.below(1000)}`, seq: world.seq };
    return { kind: "result", type: call.name, ref: call.seq, data: { value } };
  }
  return answering(() => ({}))({ ...world, calls: [] });
};

/** A session in memory. */
export function play(plan: Partial<SessionScript> & { readonly program: ProgramText }) {
  return new PlayedSession({ input: { goal: 60 }, script: shuffled, seed: 1, ...plan }).play();
}

/** What running a session again came to. */
export interface Rerun {
  readonly fault: RunFault | undefined;
  readonly operations: number;
  readonly hash: string;
  /** Sizes at which a recorded state came out again. */
  readonly states: readonly number[];
}

/** Runs events again in memory, `from` a snapshot or the beginning. */
export function rerun(
  used: ProgramText,
  events: readonly EventView[],
  secret: Uint8Array,
  options: Partial<RerunOptions> = {},
): Rerun {
  const digest = new OperationDigest();
  const states: number[] = [];
  const run = new SessionRerun(
    {
      program: compileProgram(used),
      secrets: [{ from: 0, secret }],
      comparesStates: true,
      renewal: "sparse",
      ...options,
      eventAt: (seq) => events[seq] as EventView,
      stateBytes: () => undefined,
      onState: (size) => states.push(size),
      endsBehind: () => false,
      digest,
    },
    0,
  );
  let fault: RunFault | undefined;
  for (const group of eventGroups(events)) {
    fault = run.take(group);
    if (fault) break;
  }
  run.dispose();
  const { operations, hash } = digest.take();
  return { fault, operations, hash: Buffer.from(hash).toString("hex"), states };
}

/** A session on disk. */
export interface StoredSession {
  readonly root: string;
  readonly id: SessionId;
  readonly played: PlayedSession;
  readonly plan: SessionScript;
}

/**
 * Plays a session and writes it to a directory of its own, `cutAt` so many events if it is given.
 */
export async function store(
  parts: Partial<SessionScript> & { readonly program: ProgramText },
  options: WritingOptions & { readonly cutAt?: number } = {},
): Promise<StoredSession> {
  const plan = { input: { goal: 60 }, script: shuffled, seed: 1, ...parts };
  const played = play(plan);
  played.events.splice(options.cutAt ?? played.events.length);
  const root = freshPath("data");
  const directory = await Directory.open({ path: root, mode: "write" });
  try {
    const { id } = await writeExecutedSession(directory, plan, played, options);
    return { root, id, played, plan };
  } finally {
    await directory.close();
  }
}

/** Replays a stored session; `file` is another program than its own. */
export async function replay(
  { root, id }: Pick<StoredSession, "root" | "id">,
  options: Omit<ReplayOptions, "program"> & { readonly file?: string } = {},
): Promise<ReplayReport> {
  const { file, ...rest } = options;
  const mode = options.keep ? "write" : "read";
  const directory = await Directory.open({ path: root, mode });
  try {
    const used = await programFor(directory, id, file);
    return await replaySession(directory, id, { program: used, workers: 2, ...rest });
  } finally {
    await directory.close();
  }
}

/** The divergence of a report about an executed session. */
export function divergenceOf(report: ReplayReport): OperationDivergence {
  if (report.divergence?.about !== "operation") throw new Error(`it was ${report.verdict}`);
  return report.divergence;
}
