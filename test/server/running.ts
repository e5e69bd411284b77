/**
 * Programs that run behind a real `reach serve` while it and its runners are killed: observers tail
 * every session through as many connections as it takes, and afterwards everybody has the same
 * transcript, whole, and every session has come to the end that it comes to without kills.
 */
import { readdirSync, readFileSync } from "node:fs";
import { expect } from "vitest";
import type { ServerProcess } from "./killing.ts";
import { Observer, type TailedEvent } from "./tailing.ts";

/** Steps with timers, inputs and randomness: its end depends on its input and nothing else. */
export const workingProgram = `
export default {
  name: "working", version: "1",
  init: (trigger) => ({ goal: trigger.data.goal, n: trigger.data.n, turns: 0, sum: 0 }),
  reduce(state, event) {
    if (event.kind === "emit") { state.turns += 1; state.sum += event.data.add; }
    return state;
  },
  async step(ctx) {
    await ctx.sleep(10 + (ctx.state.n % 7));
    if (ctx.state.turns === 3) await ctx.waitFor("go");
    await Promise.all([ctx.sleep(5), ctx.sleep(9)]);
    ctx.emit("turn", { add: ctx.state.n + ctx.state.turns, text: "x".repeat(50), id: ctx.uuid() });
    return ctx.state.turns >= ctx.state.goal ? { done: { sum: ctx.state.sum } } : "continue";
  },
};
`;

/** What a session of the program comes to. */
export function expectedSum(n: number, goal: number): number {
  return Array.from({ length: goal }, (_, turn) => n + turn).reduce((a, b) => a + b, 0);
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Posts until it is answered; a key makes that safe. Anything but an answer is tried again. */
export async function post(
  url: string,
  body: unknown,
  key?: string,
): Promise<{ status: number; body: Record<string, unknown> }> {
  for (;;) {
    try {
      const answer = await fetch(url, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          ...(key === undefined ? {} : { "idempotency-key": key }),
        },
        body: JSON.stringify(body),
      });
      const read = (await answer.json()) as Record<string, unknown>;
      if (answer.status < 500) return { status: answer.status, body: read };
    } catch {
      // The server is down.
    }
    await pause(20);
  }
}

/** What an observer has seen of a session, from its first event to its end. */
export interface Observed {
  readonly seqs: readonly number[];
  readonly end: Record<string, unknown>;
}

/** Tails a session through as many connections as it takes to see its end. */
export async function observeToEnd(url: string, id: string): Promise<Observed> {
  const seqs: number[] = [];
  for (;;) {
    const last = seqs.at(-1);
    const headers = last === undefined ? {} : { "last-event-id": String(last) };
    const observer = new Observer(`${url}/v1/sessions/${id}/tail`, headers);
    const isEnd = (event: TailedEvent): boolean => event["kind"] === "end";
    await observer.until(() => observer.ended || observer.events.some(isEnd));
    seqs.push(...observer.seqs);
    observer.drop();
    const end = observer.events.find(isEnd);
    if (end) return { seqs, end };
    await pause(20);
  }
}

/** Processes whose parent is `pid`. Linux only. */
export function childrenOf(pid: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, "latin1");
        const [, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        return Number(parent) === pid ? [Number(name)] : [];
      } catch {
        return [];
      }
    });
}

/** How a run under kills is made. */
export interface KillingRun {
  readonly sessions: number;
  readonly goal: number;
  /** Kills of the server, and of its runner processes. */
  readonly serverKills: number;
  readonly runnerKills: number;
}

/** Runs sessions under kills and checks every one of them; returns their ids. */
export async function runUnderKills(
  server: ServerProcess,
  { sessions, goal, serverKills, runnerKills }: KillingRun,
): Promise<string[]> {
  const { url } = server;
  const working = Array.from({ length: sessions }, async (_, n) => {
    const trigger = { program: "working", input: { n, goal } };
    const begun = await post(`${url}/v1/sessions`, trigger, `key-${n}`);
    expect(begun.status).toBe(201);
    const id = String(begun.body["id"]);
    const observed = observeToEnd(url, id);
    await post(`${url}/v1/sessions/${id}/events`, { kind: "input", type: "go", data: { n } });
    return { n, id, ...(await observed) };
  });
  let running = true;
  const all = Promise.all(working).finally(() => {
    running = false;
  });
  let [servers, runners] = [serverKills, runnerKills];
  while (running && servers + runners > 0) {
    await pause(120);
    if (runners >= servers) {
      runners -= 1;
      for (const pid of childrenOf(server.pid as number)) process.kill(pid, "SIGKILL");
    } else {
      servers -= 1;
      await server.end("SIGKILL");
      await server.start();
    }
  }
  const ended = await all;
  for (const { n, seqs, end } of ended) {
    expect(seqs).toEqual(seqs.map((__, seq) => seq));
    expect(end).toMatchObject({ type: "done", data: { result: { sum: expectedSum(n, goal) } } });
  }
  return ended.map(({ id }) => id);
}
