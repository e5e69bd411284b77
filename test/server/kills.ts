/**
 * A campaign of kills: sessions whose effects are pure run behind a real `reach serve`, while that
 * server, its runner processes and threads in them are killed. Every session has to come to what it
 * comes to without, every call has to have been asked for under its own key, and none again once
 * its result was durable.
 */
import { expect } from "vitest";
import type { ServerProcess } from "./killing.ts";
import { answerTo, type Ledger } from "./ledger.ts";
import { childrenOf, post } from "./running.ts";
import { Observer, type TailedEvent } from "./tailing.ts";

/** Calls after each other and side by side, timers, an input; its course depends on `n` alone. */
export const payingProgram = `
export default {
  name: "paying", version: "1",
  init: (trigger) => ({ n: trigger.data.n, goal: trigger.data.goal, turn: 0, sum: 0 }),
  reduce(state, event) {
    if (event.kind === "emit") state.sum = (state.sum * 31 + event.data.add) % 1000003;
    if (event.kind === "step") state.turn += 1;
    return state;
  },
  async step(ctx) {
    const { n, turn, goal } = ctx.state;
    const work = (part) => ctx.call("work", { n, turn, part });
    const first = await work(0);
    const [a, b] = await Promise.all([work(1), work(2)]);
    if (turn % 3 === 1) await ctx.sleep(10 + (n % 40));
    if (turn === 4) await ctx.waitFor("go");
    ctx.emit("turn", { turn, add: first + 3 * a + 7 * b, text: "x".repeat(60) });
    return turn + 1 >= goal ? { done: ctx.state } : "continue";
  },
};
`;

/** A program that eats memory until its thread dies, each time it is tried. */
export const hungryProgram = `
export default {
  name: "hungry", version: "1",
  init: () => ({}), reduce: (state) => state,
  async step() { const all = []; for (;;) all.push(new Array(1000).fill({})); },
};
`;

interface Course {
  /** What the program made, in order. */
  readonly made: readonly string[];
  readonly state: unknown;
}

/** What a session comes to without kills. */
export function expectedCourse(n: number, goal: number): Course {
  const made: string[] = [];
  let sum = 0;
  for (let turn = 0; turn < goal; turn++) {
    const [first = 0, a = 0, b = 0] = [0, 1, 2].map((part) => {
      made.push(`call work ${JSON.stringify({ n, turn, part })}`);
      return answerTo({ n, turn, part });
    });
    if (turn % 3 === 1) made.push("timer set");
    const add = first + 3 * a + 7 * b;
    made.push(`emit turn ${JSON.stringify({ turn, add, text: "x".repeat(60) })}`);
    sum = (sum * 31 + add) % 1_000_003;
    made.push(`step ${turn + 1 >= goal ? "done" : "continue"}`);
  }
  return { made, state: { n, goal, turn: goal - 1, sum } };
}

function lineOf({ kind, type, data }: TailedEvent): string | undefined {
  if (kind === "call") return `call ${type} ${JSON.stringify((data as { input: unknown }).input)}`;
  if (kind === "emit") return `emit ${type} ${JSON.stringify(data)}`;
  if (kind === "timer" && type === "set") return "timer set";
  return kind === "step" ? `step ${type}` : undefined;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A session that is watched from its trigger to its end, through as many tails as it takes. */
class WatchedSession {
  readonly #url: string;
  readonly #n: number;
  readonly #ledger: Ledger;
  readonly events: TailedEvent[] = [];
  id = "";

  constructor(url: string, n: number, ledger: Ledger) {
    this.#url = url;
    this.#n = n;
    this.#ledger = ledger;
  }

  async run(goal: number): Promise<this> {
    const sessions = `${this.#url}/v1/sessions`;
    const input = { n: this.#n, goal };
    const key = `paying-${this.#n}-${goal}`;
    const begun = await post(sessions, { program: "paying", input }, key);
    expect(begun.status).toBe(201);
    this.id = String(begun.body["id"]);
    const watched = this.#watch();
    await post(`${sessions}/${this.id}/events`, { kind: "input", type: "go", data: null });
    await watched;
    return this;
  }

  async #watch(): Promise<void> {
    for (;;) {
      const last = this.events.at(-1);
      const headers = last === undefined ? {} : { "last-event-id": String(last.seq) };
      const observer = new Observer(`${this.#url}/v1/sessions/${this.id}/tail`, headers);
      let taken = 0;
      await observer.until(() => {
        for (const event of observer.events.slice(taken)) this.#take(event);
        taken = observer.events.length;
        return observer.ended || this.events.at(-1)?.["kind"] === "end";
      });
      observer.drop();
      if (this.events.at(-1)?.["kind"] === "end") return;
      await pause(50);
    }
  }

  #take(event: TailedEvent): void {
    this.events.push(event);
    if (event["kind"] === "result") this.#ledger.isDurable(`${this.id}/${event["ref"]}`);
  }

  /** Holds it against what it comes to without kills. */
  check(goal: number): void {
    const { events } = this;
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, seq) => seq));
    const { made, state } = expectedCourse(this.#n, goal);
    expect(events.at(-1)).toMatchObject({ kind: "end", type: "done", data: { result: state } });
    expect(events.flatMap((event) => lineOf(event) ?? [])).toEqual(made);
    const calls = events.filter(({ kind }) => kind === "call").map(({ seq }) => seq);
    const answered = events.filter(({ kind }) => kind === "result").map(({ ref }) => ref);
    expect([...answered].sort((a, b) => Number(a) - Number(b))).toEqual(calls);
    for (const seq of calls) expect(this.#ledger.asked.has(`${this.id}/${seq}`)).toBe(true);
  }
}

/** How many of what are killed. */
export interface Campaign {
  readonly sessions: number;
  /** Turns of each session. */
  readonly goal: number;
  readonly serverKills: number;
  /** Programs that kill the thread that they run in, and two more that they are tried in. */
  readonly threadKills: number;
  readonly runnerKills: number;
}

/** A runner that dies young is replaced after a pause; one that has lived for a while at once. */
const livedMs = 2200;

/** Kills runner processes, one at a time, once they have lived for a while. */
class RunnerKiller {
  readonly #seen = new Map<number, number>();
  kills = 0;

  /** Kills one, if there is one that is old enough. */
  strike(server: number): void {
    const now = Date.now();
    const there = new Set(childrenOf(server));
    for (const pid of this.#seen.keys()) if (!there.has(pid)) this.#seen.delete(pid);
    for (const pid of there) if (!this.#seen.has(pid)) this.#seen.set(pid, now);
    const old = [...this.#seen].filter(([, since]) => now - since >= livedMs);
    const [victim] = old[this.kills % Math.max(1, old.length)] ?? [];
    if (victim === undefined) return;
    this.#seen.delete(victim);
    try {
      process.kill(victim, "SIGKILL");
      this.kills += 1;
    } catch {
      // It has died by itself.
    }
  }
}

/** What a campaign came to. */
export interface CampaignReport {
  readonly kills: { readonly server: number; readonly runner: number; readonly thread: number };
  readonly waves: number;
  readonly events: number;
  readonly calls: number;
  readonly repeated: number;
  readonly ids: readonly string[];
}

/** Runs waves of sessions until everything has been killed as often as it should be. */
export async function runCampaign(
  server: ServerProcess,
  ledger: Ledger,
  campaign: Campaign,
): Promise<CampaignReport> {
  const killer = new RunnerKiller();
  const kills = { server: 0, runner: 0, thread: 0 };
  const sessions: WatchedSession[] = [];
  const isOver = (): boolean =>
    kills.server >= campaign.serverKills &&
    kills.runner >= campaign.runnerKills &&
    kills.thread >= campaign.threadKills;
  let waves = 0;
  for (; !isOver(); waves++) {
    const wave = waveOf(server, ledger, campaign, waves);
    for (let left = true; left && !isOver(); ) {
      await strike(server, killer, kills, campaign);
      left = await Promise.race([wave.then(() => false), pause(60).then(() => true)]);
    }
    const ended = await wave;
    for (const session of ended) session.check(campaign.goal + waves);
    sessions.push(...ended);
  }
  const events = sessions.reduce((sum, session) => sum + session.events.length, 0);
  const ids = sessions.map(({ id }) => id);
  checkKeys(ledger, sessions);
  return { kills, waves, events, calls: ledger.asked.size, repeated: ledger.repeated, ids };
}

function waveOf(
  { url }: ServerProcess,
  ledger: Ledger,
  { sessions, goal }: Campaign,
  wave: number,
): Promise<WatchedSession[]> {
  return Promise.all(
    Array.from({ length: sessions }, (_, n) => {
      return new WatchedSession(url, n, ledger).run(goal + wave);
    }),
  );
}

/** Kills what is behind most with its kills. */
async function strike(
  server: ServerProcess,
  killer: RunnerKiller,
  kills: { server: number; runner: number; thread: number },
  { serverKills, threadKills, runnerKills }: Campaign,
): Promise<void> {
  const done = runnerKills === 0 ? 1 : kills.runner / runnerKills;
  if (kills.server < serverKills * done) {
    await server.end("SIGKILL");
    await server.start();
    kills.server += 1;
  } else if (kills.thread < threadKills * done) {
    const hungry = { program: "hungry", input: null };
    const begun = await post(`${server.url}/v1/sessions`, hungry, `hungry-${kills.thread}`);
    expect(begun.status).toBe(201);
    kills.thread += 1;
  } else if (kills.runner < runnerKills) {
    killer.strike(server.pid as number);
    kills.runner = killer.kills;
  }
}

/** Nothing was asked for that is in no log, and nothing again that was known. */
function checkKeys(ledger: Ledger, sessions: readonly WatchedSession[]): void {
  const calls = new Set(
    sessions.flatMap(({ id, events }) =>
      events.filter(({ kind }) => kind === "call").map(({ seq }) => `${id}/${seq}`),
    ),
  );
  expect([...ledger.asked.keys()].filter((key) => !calls.has(key))).toEqual([]);
  expect(ledger.wrongs).toEqual([]);
}
