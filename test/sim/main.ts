/**
 * `npm run sim -- --seed N --crashes M [--report]`: simulated power failures in bulk. Prints what
 * they hit; at the first broken promise what led to it, and how to see it again, and exits with 1.
 */
import { parseArgs } from "node:util";
import { Coverage } from "./coverage.ts";
import type { EngineDriver } from "./engine.ts";
import { crashesPerRun, payloadSizes, simulateMany } from "./harness.ts";
import { BrokenPromise } from "./oracle.ts";
import { reachDriver } from "./reach-driver.ts";
import { SimulationFailure, simulate } from "./simulation.ts";
import { mistakes, toyDriver } from "./toy-engine.ts";

const drivers: readonly EngineDriver[] = [reachDriver(), toyDriver(), ...mistakes.map(toyDriver)];

const usage = `npm run sim -- [options]
  --seed N       where the randomness starts (default 1)
  --crashes M    at least so many power failures and kills (default 10000)
  --run R        only run R of the seed, to see a failure again
  --engine NAME  what to test (default ${drivers[0]?.name}):
                 ${drivers.map(({ name }) => name).join("\n                 ")}
  --report       print the figures as a section of a Markdown file`;

interface Options {
  readonly seed: number;
  readonly crashes: number;
  readonly run: number | undefined;
  readonly driver: EngineDriver;
  readonly report: boolean;
}

/** A mistake of whoever calls, answered with how to call. */
class UsageError extends Error {}

function wholeNumber(text: string, name: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new UsageError(`--${name} takes a whole number, not ${text}`);
  }
  return value;
}

function readOptions(): Options | undefined {
  const { values } = parseArgs({
    options: {
      seed: { type: "string", default: "1" },
      crashes: { type: "string", default: "10000" },
      run: { type: "string" },
      engine: { type: "string", default: drivers[0]?.name ?? "" },
      report: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  const driver = drivers.find(({ name }) => name === values.engine);
  if (driver === undefined) throw new UsageError(`there is no engine called ${values.engine}`);
  return {
    seed: wholeNumber(values.seed, "seed"),
    crashes: wholeNumber(values.crashes, "crashes"),
    run: values.run === undefined ? undefined : wholeNumber(values.run, "run"),
    driver,
    report: values.report,
  };
}

let currentRun = 0;

/** Writes how far it is to the terminal, if there is one, at most twice a second. */
function progressTo(
  crashes: number,
  started: number,
): (coverage: Coverage, nextRun: number) => void {
  let shownAt = 0;
  return (coverage, nextRun) => {
    currentRun = nextRun;
    const now = performance.now();
    if (!process.stderr.isTTY || now - shownAt < 500) return;
    shownAt = now;
    const rate = Math.round(coverage.crashes / ((now - started) / 1000));
    process.stderr.write(`\r${coverage.crashes} of ${crashes} crashes, ${rate} per second `);
  };
}

async function run(options: Options): Promise<Coverage> {
  const { seed, crashes, driver } = options;
  if (options.run === undefined) {
    const onProgress = progressTo(crashes, performance.now());
    return await simulateMany({ driver, seed, crashes, onProgress });
  }
  const coverage = new Coverage();
  currentRun = options.run;
  await simulate({ driver, seed, crashesPerRun, payloads: payloadSizes, coverage }, options.run);
  return coverage;
}

function printReport(options: Options, coverage: Coverage, seconds: number): void {
  const rate = Math.round(coverage.crashes / seconds);
  const figures =
    `${coverage.crashes} crashes in ${coverage.runs} runs, ${coverage.faults} injected faults, ` +
    `${seconds.toFixed(1)} s, ${rate} crashes per second, Node ${process.versions.node}`;
  if (options.report) console.log(`### Engine ${options.driver.name}, seed ${options.seed}\n`);
  console.log(options.report ? `${figures}.\n` : `seed ${options.seed}: ${figures}`);
  console.log(coverage.table());
}

function printFailure(options: Options, failure: SimulationFailure): void {
  const engine = options.driver === drivers[0] ? "" : ` --engine "${options.driver.name}"`;
  console.error(`\nbroken promise, seed ${failure.seed}, run ${failure.run}: ${failure.message}`);
  // What the engine threw, and not the oracle: where it did helps.
  if (failure.cause instanceof Error && !(failure.cause instanceof BrokenPromise)) {
    console.error(`\n${failure.cause.stack}`);
  }
  console.error(
    `\nto see it again: npm run sim -- --seed ${failure.seed} --run ${failure.run}${engine}`,
  );
}

async function main(): Promise<number> {
  const options = readOptions();
  if (options === undefined) {
    console.log(usage);
    return 0;
  }
  const started = performance.now();
  try {
    const coverage = await run(options);
    printReport(options, coverage, (performance.now() - started) / 1000);
    return 0;
  } catch (error) {
    if (!(error instanceof SimulationFailure)) throw error;
    printFailure(options, error);
    return 1;
  }
}

let finished = false;
process.once("beforeExit", () => {
  if (finished) return;
  // Nothing is left to happen and nobody has an answer: the engine waits for what never comes.
  console.error(`\nstuck in run ${currentRun}: an operation was never answered`);
  process.exitCode = 1;
});
main()
  .then(
    (code) => {
      process.exitCode = code;
    },
    (error: unknown) => {
      console.error(error instanceof UsageError ? `${error.message}\n\n${usage}` : error);
      process.exitCode = 2;
    },
  )
  .finally(() => {
    finished = true;
  });
