// One run of the benchmark: starts the processes that are measured, by turns, and holds what they
// share: a folder for everything that is made, and inputs that are made once.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import type { Measurement } from "./measurement.ts";

/** How a run is made. */
export interface BenchOptions {
  /** How often everything is measured, where the scenario's own number is not wanted. */
  readonly rounds: number | undefined;
  /** A tenth of the events, one round, without the long scenarios: to see whether it works. */
  readonly quick: boolean;
  /** Folder on the disk that is to be measured. */
  readonly work: string;
  /** The unpacked large log of the corpus, if it is unpacked already. */
  readonly log: string | undefined;
  /** Folder for CPU profiles of everything that is measured. */
  readonly profiles: string | undefined;
}

/** Something to measure: a function that some module of this folder exports, and its argument. */
export interface Part {
  /** Path of the module from this folder, without its ending. */
  readonly module: string;
  readonly name: string;
  readonly input: unknown;
}

/** Two things that were measured by turns. */
export interface Pairs {
  readonly reach: readonly Measurement[];
  readonly floor: readonly Measurement[];
}

const childFile = fileURLToPath(new URL("child.js", import.meta.url));

/** What all scenarios of a run share. */
export class Bench {
  readonly options: BenchOptions;
  /** Everything that is made lies in here, and goes with it. */
  readonly folder: string;
  readonly #made = new Map<string, Promise<unknown>>();
  #running: ChildProcess | undefined;

  constructor(options: BenchOptions) {
    this.options = options;
    mkdirSync(options.work, { recursive: true });
    this.folder = mkdtempSync(path.join(path.resolve(options.work), "reach-bench-"));
  }

  /** Number of events for what is measured with `full` of them. */
  events(full: number): number {
    return this.options.quick ? Math.ceil(full / 10) : full;
  }

  /** How often to measure. */
  rounds(usual: number): number {
    return this.options.rounds ?? (this.options.quick ? 1 : usual);
  }

  /** Tells whoever waits what is going on. */
  say(text: string): void {
    process.stderr.write(`  ${text}\n`);
  }

  /** A path in the folder of this run. */
  path(name: string): string {
    return path.join(this.folder, name);
  }

  /** Removes something in the folder of this run, never the folder: others have inputs there. */
  remove(name: string): void {
    const what = this.path(name);
    if (path.dirname(what) !== this.folder) throw new Error(`"${name}" is not in the run's folder`);
    rmSync(what, { recursive: true, force: true });
  }

  /** Ends what is being measured and removes everything that was made. */
  close(): void {
    this.#running?.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Makes something that several scenarios need, the first time it is asked for. */
  once<T>(name: string, make: () => Promise<T>): Promise<T> {
    let made = this.#made.get(name) as Promise<T> | undefined;
    if (!made) {
      this.say(`making: ${name}`);
      made = make();
      this.#made.set(name, made);
    }
    return made;
  }

  /** Measures one part in a process of its own. */
  async measure({ module, name, input }: Part): Promise<Measurement> {
    const { profiles } = this.options;
    const flags = profiles === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profiles}`];
    const args = [...flags, childFile, `./${module}.js`, name, JSON.stringify(input)];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    this.#running = child;
    const ended = new Promise<string>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code, signal) => resolve(code === null ? `by ${signal}` : `with ${code}`));
    });
    const output = await text(child.stdout);
    const end = await ended;
    this.#running = undefined;
    if (end !== "with 0") throw new Error(`${name} of ${module} ended ${end}`);
    return JSON.parse(output.trimEnd().split("\n").at(-1) ?? "") as Measurement;
  }

  /** Measures two parts by turns, `floor` first; `afterwards` is told of Reach's turn. */
  async pairs(
    rounds: number,
    parts: { readonly floor: Part; readonly reach: Part },
    afterwards: (round: number) => void = () => {},
  ): Promise<Pairs> {
    const floor: Measurement[] = [];
    const reach: Measurement[] = [];
    for (let round = 0; round < rounds; round++) {
      floor.push(await this.measure(parts.floor));
      reach.push(await this.measure(parts.reach));
      afterwards(round);
      this.#sayRound(round, rounds, floor.at(-1), reach.at(-1));
    }
    return { reach, floor };
  }

  #sayRound(round: number, rounds: number, ...pair: (Measurement | undefined)[]): void {
    const [floor, reach] = pair.map((measurement) => measurement?.seconds ?? Number.NaN);
    const ratio = ((reach ?? 0) / (floor ?? 0)).toFixed(2);
    const times = `floor ${floor?.toFixed(3)} s, reach ${reach?.toFixed(3)} s, ${ratio}x`;
    this.say(`round ${round + 1} of ${rounds}: ${times}`);
  }
}
