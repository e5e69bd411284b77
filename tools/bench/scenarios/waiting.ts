// A server that begins again over 10,000 sessions which all wait for a person: how soon it is
// ready, after a clean stop and after kill -9 at rest, what it takes for them until somebody wakes
// one, and how long that takes. The floor is the same server over an empty data directory.

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import * as http from "node:http";
import path from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Bench } from "../bench.ts";
import { type Facts, type Measurement, measured, type Work } from "../measurement.ts";
import type { Row, Scenario, Unit } from "../scenario.ts";
import { quantile, type Spread, spreadOf } from "../spread.ts";

const module = "scenarios/waiting";
const triggersAtOnce = 64;
const woken = 20;
/** The registry of waiting sessions is written anew within this time. */
const registryMs = 12_000;
/** A server at rest empties its journal within this time; a new segment has so many bytes. */
const retiredWithinMs = 60_000;
const emptySegmentBytes = 512 * 1024;
/** For so long nobody asks the server for anything. */
const restMs = 10_000;
const main = fileURLToPath(new URL("../../../../dist/entries/reach.js", import.meta.url));
const agent = new http.Agent({ keepAlive: true });

const program = `
export default {
  name: "patient", version: "1",
  init: (trigger) => ({ n: trigger.data.n, told: false }),
  reduce: (state, event) => (event.kind === "input" ? { ...state, told: true } : state),
  async step(ctx) {
    if (!ctx.state.told) await ctx.waitFor("go");
    ctx.emit("gone", { n: ctx.state.n });
    return { done: ctx.state.n };
  },
};
`;

/** How the server before was ended. */
type Ending = "SIGTERM" | "SIGKILL";

interface Input {
  readonly root: string;
  readonly sessions: number;
  readonly ending: Ending;
}

export const waiting: Scenario = {
  name: "waiting",
  long: true,
  async run(bench: Bench): Promise<readonly Row[]> {
    const sessions = bench.events(10_000);
    const rounds = bench.rounds(3);
    const rows: Row[] = [];
    for (const [ending, how] of [
      ["SIGTERM", "a clean stop"],
      ["SIGKILL", "kill -9 at rest"],
    ] as const) {
      const reach: Measurement[] = [];
      const floor: Measurement[] = [];
      for (let round = 0; round < rounds; round++) {
        const measure = async (count: number): Promise<Measurement> => {
          const name = `waiting-${ending}-${count}-${round}`;
          const input: Input = { root: bench.path(name), sessions: count, ending };
          await bench.measure({ module, name: "makeWaiting", input });
          const done = await bench.measure({ module, name: "beginAgain", input });
          bench.remove(name);
          return done;
        };
        floor.push(await measure(0));
        reach.push(await measure(sessions));
        bench.say(`round ${round + 1}: ready after ${reach.at(-1)?.facts["ready"]} ms`);
      }
      rows.push(...rowsOf(`${sessions} sessions wait, after ${how}`, reach, floor));
    }
    return rows;
  },
};

function rowsOf(what: string, reach: readonly Measurement[], floor: readonly Measurement[]): Row[] {
  const of = (all: readonly Measurement[], fact: string): Spread =>
    spreadOf(all.map(({ facts }) => Number(facts[fact])));
  const row = (fact: string, text: string, unit: Unit): Row => {
    return { what: `${what}: ${text}`, unit, reach: of(reach, fact), floor: of(floor, fact) };
  };
  const most = (value: number): Pick<Row, "goal"> => ({
    goal: { relation: "<=", value, of: "median" },
  });
  return [
    { ...row("ready", "from its start to a yes of /readyz; without them", "ms"), ...most(1000) },
    row("readyCpu", "processor time of the server until then", "ms"),
    row("readyRss", "RSS of the server then", "bytes"),
    row("restRss", `RSS of server and runners ${restMs / 1000} s later`, "bytes"),
    row("restCpu", `processor time of both in these ${restMs / 1000} s`, "ms"),
    {
      what: `${what}: an input sent to the next event there, P95 of ${woken}`,
      unit: "ms",
      reach: of(reach, "wake"),
    },
  ];
}

/** `reach serve`, as anybody starts it. */
class Server {
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.url = url;
  }

  static async start(root: string): Promise<Server> {
    const file = path.join(root, "patient.mjs");
    mkdirSync(root, { recursive: true });
    if (!existsSync(file)) writeFileSync(file, program);
    const flags = ["--port", "0", "--log", "error", "--data", path.join(root, "data")];
    const child = spawn(process.execPath, [main, "serve", ...flags, "--program", file], {
      cwd: root,
      stdio: ["ignore", "pipe", "inherit"],
    });
    const lines = createInterface({ input: child.stdout });
    const { value } = await lines[Symbol.asyncIterator]().next();
    const [url] = /http:\S+/.exec(String(value)) ?? [];
    if (url === undefined) throw new Error("the server did not say where it listens");
    const server = new Server(child, url);
    while ((await server.ask("GET", "/readyz")).status !== 200) await pause(2);
    return server;
  }

  /** The server and its runners. */
  get pids(): number[] {
    const { pid = 0 } = this.#child;
    return [pid, ...childrenOf(pid)];
  }

  async end(signal: Ending): Promise<void> {
    const gone = new Promise((resolve) => this.#child.once("close", resolve));
    this.#child.kill(signal);
    await gone;
  }

  /** Asks, and resolves with the answer once it is whole. */
  ask(method: string, at: string, body?: unknown): Promise<{ status: number; text: string }> {
    return new Promise((resolve, reject) => {
      const headers = body === undefined ? {} : { "content-type": "application/json" };
      const request = http.request(this.url + at, { agent, method, headers }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (piece: string) => {
          text += piece;
        });
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
        response.on("error", reject);
      });
      request.on("error", reject);
      request.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  /** Wakes a session; resolves with the time until its next event has come, in milliseconds. */
  wake(id: string, after: number): Promise<number> {
    return new Promise((resolve, reject) => {
      let sent = 0;
      const tail = http.get(`${this.url}/v1/sessions/${id}/tail?after=${after}`, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (piece: string) => {
          text += piece;
          if (sent === 0) {
            sent = performance.now();
            const input = { kind: "input", type: "go", data: null };
            this.ask("POST", `/v1/sessions/${id}/events`, input).catch(reject);
          }
          if (!text.includes('"type":"gone"')) return;
          tail.destroy();
          resolve(performance.now() - sent);
        });
      });
      tail.on("error", reject);
    });
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((task) => {
    const text = readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").trim();
    return text === "" ? [] : text.split(" ").map(Number);
  });
}

function rssOf(pids: readonly number[]): number {
  const kibibytes = pids.map((pid) => {
    return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
  });
  return 1024 * kibibytes.reduce((sum, one) => sum + one, 0);
}

/** User and system time in milliseconds, by clock ticks of 10 ms (proc(5)). */
function cpuOf(pids: readonly number[]): number {
  const ticks = pids.map((pid) => {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return Number(fields[11]) + Number(fields[12]);
  });
  return 10 * ticks.reduce((sum, one) => sum + one, 0);
}

/** Has sessions begin and come to where they wait; then the server is ended. */
export function makeWaiting({ root, sessions, ending }: Input): Promise<Work> {
  return measured(async () => {
    const server = await Server.start(root);
    const ids: string[] = [];
    let begun = 0;
    const begin = async (): Promise<void> => {
      while (begun < sessions) {
        begun += 1;
        const body = { program: "patient", input: { n: begun } };
        const { status, text } = await server.ask("POST", "/v1/sessions", body);
        if (status !== 201) throw new Error(`a trigger is answered ${status}: ${text}`);
        ids.push((JSON.parse(text) as { id: string }).id);
      }
    };
    await Promise.all(Array.from({ length: triggersAtOnce }, begin));
    // Those that wait are put to sleep after a while, and that is noted now and then.
    while ((await figureOf(server, "reach_sessions_active")) > 0) await pause(200);
    await pause(registryMs);
    for (let waited = 0; journalBytes(root) > emptySegmentBytes; waited += 200) {
      if (waited > retiredWithinMs) throw new Error("the journal of a server at rest stays full");
      await pause(200);
    }
    writeFileSync(path.join(root, "ids.json"), JSON.stringify(ids));
    await server.end(ending);
    return { sessions };
  });
}

/** Bytes of the segments in the journal of the server's workspace. */
function journalBytes(root: string): number {
  const folder = path.join(root, "data", "default", "journal");
  const segments = readdirSync(folder).filter((name) => name.endsWith(".wal"));
  return segments.reduce((sum, name) => sum + statSync(path.join(folder, name)).size, 0);
}

async function figureOf(server: Server, name: string): Promise<number> {
  const { text } = await server.ask("GET", "/metrics");
  return Number(new RegExp(`^${name}(?:\\{.*\\})? (\\d+)$`, "m").exec(text)?.[1]);
}

/** Starts the server again, lets it rest, and wakes some of its sessions. */
export function beginAgain({ root }: Input): Promise<Work> {
  const ids = JSON.parse(readFileSync(path.join(root, "ids.json"), "utf8")) as string[];
  return measured(async (): Promise<Facts> => {
    const began = performance.now();
    const server = await Server.start(root);
    const ready = performance.now() - began;
    const readyCpu = cpuOf(server.pids.slice(0, 1));
    const readyRss = rssOf(server.pids.slice(0, 1));
    const before = cpuOf(server.pids);
    await pause(restMs);
    const restCpu = cpuOf(server.pids) - before;
    const restRss = rssOf(server.pids);
    const times: number[] = [];
    for (let i = 0; i < woken && ids.length > 0; i++) {
      const id = ids[Math.floor((i * ids.length) / woken)] as string;
      times.push(await server.wake(id, 0));
    }
    await server.end("SIGKILL");
    return { ready, readyCpu, readyRss, restCpu, restRss, wake: quantile(times, 0.95) };
  });
}
