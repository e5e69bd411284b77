/**
 * Runs targets on inputs. Input `index` of a target depends on the seed, the target and the index
 * alone, so any of them can be made again; a failure names all three and carries the input itself.
 */
import { messageOf } from "../../src/base/index.ts";
import { Random } from "../sim/random.ts";
import type { FuzzTarget } from "./fuzz-target.ts";
import { Mutator } from "./mutator.ts";
import { Watchdog } from "./watchdog.ts";

/** How a run goes. */
export interface FuzzOptions {
  readonly seed: number;
  /** Inputs in total, over all targets. */
  readonly inputs: number;
  readonly targets: readonly FuzzTarget[];
  /** Called now and then. */
  readonly onProgress?: (done: number) => void;
}

/** What a run has seen of one target. */
export interface TargetFigures {
  readonly name: string;
  readonly inputs: number;
  readonly seconds: number;
  /** The input that took longest. */
  readonly slowestMs: number;
}

/** What a run has seen. */
export interface FuzzFigures {
  readonly targets: readonly TargetFigures[];
  readonly inputs: number;
  readonly seconds: number;
  readonly rssMax: number;
}

/** An input that breaks a promise. */
export class FuzzFailure extends Error {
  readonly target: string;
  readonly input: Uint8Array;

  constructor(target: string, input: Uint8Array, where: string, cause: unknown) {
    const base64 = Buffer.from(input).toString("base64");
    const again = `npm run fuzz -- --target ${target} --input ${base64}`;
    super(`${target}, ${where}: ${messageOf(cause)}\n${input.length} bytes: ${again}`, { cause });
    this.target = target;
    this.input = input;
  }
}

/** An input may take so long, in ms. */
export const inputMsMax = 2000;
/** One that never ends is given up after so long: the machine may be busy with other things. */
const hangMs = 20_000;
/** What the process may take while it fuzzes. */
export const rssBytesMax: number = 512 * 1024 * 1024;
const defaultBytesMax = 4096;
const memoryEvery = 512;

/** One target with the inputs that it starts from. */
export class PreparedTarget {
  readonly target: FuzzTarget;
  readonly #mutator: Mutator;
  readonly #seed: number;

  private constructor(target: FuzzTarget, seed: number, seeds: readonly Uint8Array[]) {
    const { words = [], bytesMax = defaultBytesMax } = target;
    this.target = target;
    this.#seed = seed;
    this.#mutator = new Mutator({ seeds, words, bytesMax });
  }

  static async prepare(target: FuzzTarget, seed: number): Promise<PreparedTarget> {
    const seeds = await target.seeds(new Random("seeds", target.name, seed));
    for (const valid of seeds) await checkInput(target, valid.slice(), "a valid input");
    return new PreparedTarget(target, seed, seeds);
  }

  /** Input number `index`. */
  input(index: number): Uint8Array {
    const random = new Random(this.#seed, this.target.name, index);
    const input = this.#mutator.input(random);
    if (random.chance(0.4)) return input;
    this.target.repair?.(input, random);
    return this.target.reform?.(input, random) ?? input;
  }
}

/** Checks one input; throws `FuzzFailure` with `where` it came from. */
export async function checkInput(
  target: FuzzTarget,
  input: Uint8Array,
  where: string,
): Promise<void> {
  try {
    const checked = target.check(input.slice());
    if (checked instanceof Promise) await checked;
  } catch (error) {
    throw new FuzzFailure(target.name, input, where, error);
  }
}

/** Milliseconds that an input takes: the better of two tries, if the first was slow. */
async function timed(target: FuzzTarget, input: Uint8Array, where: string): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < 2 && best > inputMsMax; attempt++) {
    const started = performance.now();
    await checkInput(target, input, where);
    best = Math.min(best, performance.now() - started);
  }
  return best;
}

/** Inputs of each target, by weight; never fewer in all than were asked for. */
function shares(targets: readonly FuzzTarget[], inputs: number): number[] {
  const total = targets.reduce((sum, { weight }) => sum + weight, 0);
  return targets.map(({ weight }) => Math.ceil((inputs * weight) / total));
}

/** Fuzzes; throws `FuzzFailure` at the first broken promise. */
export async function fuzz(options: FuzzOptions): Promise<FuzzFigures> {
  const { seed, targets } = options;
  const started = performance.now();
  const watchdog = new Watchdog(
    targets.map(({ name }) => name),
    seed,
    hangMs,
  );
  const run = new FuzzRun(watchdog, options);
  const figures: TargetFigures[] = [];
  try {
    const counts = shares(targets, options.inputs);
    for (const [number, target] of targets.entries()) {
      figures.push(await run.target(target, number, counts[number] as number));
    }
  } finally {
    await watchdog.close();
  }
  const seconds = (performance.now() - started) / 1000;
  return { targets: figures, inputs: run.done, seconds, rssMax: run.rssMax };
}

class FuzzRun {
  readonly #watchdog: Watchdog;
  readonly #options: FuzzOptions;
  done = 0;
  rssMax = 0;

  constructor(watchdog: Watchdog, options: FuzzOptions) {
    this.#watchdog = watchdog;
    this.#options = options;
  }

  async target(target: FuzzTarget, number: number, inputs: number): Promise<TargetFigures> {
    const prepared = await PreparedTarget.prepare(target, this.#options.seed);
    const started = performance.now();
    let slowestMs = 0;
    for (let index = 0; index < inputs; index++) {
      const input = prepared.input(index);
      const where = `seed ${this.#options.seed}, input ${index}`;
      this.#watchdog.begin(number, input);
      const ms = await timed(target, input, where);
      this.#watchdog.end();
      if (ms > inputMsMax) {
        const slow = new Error(`broken: an input takes ${Math.round(ms)} ms`);
        throw new FuzzFailure(target.name, input, where, slow);
      }
      slowestMs = Math.max(slowestMs, ms);
      this.done += 1;
      if (index % memoryEvery === 0) this.#look(target, input, where);
    }
    const seconds = (performance.now() - started) / 1000;
    return { name: target.name, inputs, seconds, slowestMs };
  }

  #look(target: FuzzTarget, input: Uint8Array, where: string): void {
    const { rss } = process.memoryUsage();
    this.rssMax = Math.max(this.rssMax, rss);
    this.#options.onProgress?.(this.done);
    if (rss <= rssBytesMax) return;
    const large = new Error(`broken: the process takes ${Math.round(rss / 2 ** 20)} MiB`);
    throw new FuzzFailure(target.name, input, where, large);
  }
}
