// The processes of a run: the server that is measured, started as anybody starts it (`reach
// serve`), the fake tools that its program asks, and the floor beside it. Each is its own process;
// the one that reads this is the client, and the only one whose clock is looked at.

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** The project: this file is run as it is by tests, from `dist-tools` else. */
const root = projectAbove(path.dirname(fileURLToPath(import.meta.url)));
const servers = path.join(root, "tools", "perf", "servers");

function projectAbove(folder: string): string {
  return existsSync(path.join(folder, "package.json"))
    ? folder
    : projectAbove(path.dirname(folder));
}

/** A process that says on its first line where it listens. */
export class Served {
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.url = url;
  }

  static async start(args: readonly string[], options: Launch = {}): Promise<Served> {
    const child = spawn(process.execPath, [...(options.execArgv ?? []), ...args], {
      cwd: options.cwd ?? root,
      env: { ...process.env, ...options.env },
      stdio: ["pipe", "pipe", "inherit"],
    });
    const first = createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
    const { value } = (await first) as { value: string | undefined };
    const url = /https?:\/\/\S+/.exec(value ?? "")?.[0];
    if (url === undefined) throw new Error(`${args.join(" ")} did not say where it listens`);
    return new Served(child, url);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Ends it at once. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }

  /** Ends it: at the end of its input, or at `signal`; resolves when it is gone. */
  async stop(signal?: NodeJS.Signals): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.#child.once("close", resolve));
    this.#child.stdin?.end();
    if (signal) this.#child.kill(signal);
    await gone;
  }
}

interface Launch {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly execArgv?: readonly string[];
}

/** How the measured server is started. */
export interface TestBedOptions {
  /** On the disk that is to be measured. */
  readonly work: string;
  /** Flags of Node for the server and its runners: profiles. */
  readonly profiles?: string;
  /** A program in place of the usual one: a file. */
  readonly program?: string;
}

const running = new Set<TestBed>();

/** Ends everything that runs and removes what it has written; for an end of this process. */
export function endTestBeds(): void {
  for (const bed of running) bed.kill();
}

/** The processes of one scenario, over a fresh data directory. */
export class TestBed {
  readonly folder: string;
  readonly reach: Served;
  readonly floor: Served;
  /** Where clients find the server: itself, unless something was put between. */
  url: string;
  readonly #tools: Served;

  private constructor(folder: string, reach: Served, floor: Served, tools: Served) {
    this.folder = folder;
    this.reach = reach;
    this.url = reach.url;
    this.floor = floor;
    this.#tools = tools;
    running.add(this);
  }

  static async start({ work, profiles, program }: TestBedOptions): Promise<TestBed> {
    mkdirSync(work, { recursive: true });
    const folder = mkdtempSync(path.join(work, ".scratch-perf-"));
    const tools = await Served.start([path.join(servers, "tool-server.mjs")]);
    const floor = await Served.start([
      path.join(servers, "floor-server.mjs"),
      path.join(folder, "floor.log"),
    ]);
    const perf = path.join(root, "perf");
    const cpu = profiles === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profiles}`];
    const reach = await Served.start(
      [
        path.join(root, "dist", "entries", "reach.js"),
        ...["serve", "--port", "0", "--log", "warn", "--data", path.join(folder, "data")],
        ...["--program", program ?? path.join(perf, "programs", "agent.ts")],
      ],
      {
        cwd: perf,
        execArgv: cpu,
        env: { REACH_PERF_TOOLS: tools.url },
      },
    );
    return new TestBed(folder, reach, floor, tools);
  }

  /** Most memory that each process ever had, in bytes: the server, and the largest runner. */
  peakMemory(): { readonly server: number; readonly runner: number } {
    const runners = childrenOf(this.reach.pid).map(peakBytes);
    return { server: peakBytes(this.reach.pid), runner: Math.max(0, ...runners) };
  }

  /** Memory of the server and its runners now, in bytes. */
  memory(): number {
    return [this.reach.pid, ...childrenOf(this.reach.pid)]
      .map((pid) => statusBytes(pid, "VmRSS"))
      .reduce((sum, bytes) => sum + bytes, 0);
  }

  /** Ends everything and removes what was written. */
  async stop(): Promise<void> {
    await this.reach.stop("SIGTERM");
    await Promise.all([this.floor.stop(), this.#tools.stop()]);
    this.#remove();
  }

  /** The same at once, whatever is under way. */
  kill(): void {
    for (const process of [this.reach, this.floor, this.#tools]) process.kill();
    this.#remove();
  }

  #remove(): void {
    running.delete(this);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Most memory that a process ever had, in bytes; 0 where the system does not tell. */
export function peakBytes(pid: number): number {
  return statusBytes(pid, "VmHWM");
}

function statusBytes(pid: number, name: string): number {
  try {
    const text = readFileSync(`/proc/${pid}/status`, "utf8");
    return 1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? 0);
  } catch {
    // It has ended, or this is no Linux.
    return 0;
  }
}

/** Processes whose parent is `pid`; none where there is no /proc. */
function childrenOf(pid: number): number[] {
  try {
    const tasks = readdirSync(`/proc/${pid}/task`);
    return tasks.flatMap((task) => {
      const text = readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").trim();
      return text === "" ? [] : text.split(" ").map(Number);
    });
  } catch {
    return [];
  }
}
