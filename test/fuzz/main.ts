/**
 * `npm run fuzz -- --seed N --inputs M [--target T]`: fuzzes and prints what was tried. At the
 * first broken promise: the input, and how to see it again (`--target T --input BASE64`); exits
 * with 1.
 */
import { parseArgs } from "node:util";
import type { FuzzTarget } from "./fuzz-target.ts";
import { checkInput, FuzzFailure, type FuzzFigures, fuzz } from "./fuzzer.ts";
import { targets } from "./targets.ts";

const usage = `npm run fuzz -- [options]
  --seed N         where the randomness starts (default 1)
  --inputs M       inputs in total (default 100000)
  --target NAME    only this target, may be given several times:
                   ${targets.map(({ name }) => name).join(" ")}
  --input BASE64   only this input of the target, to see a failure again`;

/** A mistake of whoever calls, answered with how to call. */
class UsageError extends Error {}

function wholeNumber(text: string, name: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new UsageError(`--${name} takes a whole number, not ${text}`);
}

function named(name: string): FuzzTarget {
  const target = targets.find((one) => one.name === name);
  if (target) return target;
  throw new UsageError(`there is no target called ${name}`);
}

function progressTo(inputs: number): (done: number) => void {
  let shownAt = 0;
  return (done) => {
    const now = performance.now();
    if (!process.stderr.isTTY || now - shownAt < 500) return;
    shownAt = now;
    process.stderr.write(`\r${done} of ${inputs} inputs `);
  };
}

function printFigures({ targets: all, inputs, seconds, rssMax }: FuzzFigures, seed: number): void {
  const rate = Math.round(inputs / seconds);
  const memory = Math.round(rssMax / 2 ** 20);
  console.log(
    `seed ${seed}: ${inputs} inputs, ${seconds.toFixed(1)} s, ${rate} per second, ` +
      `at most ${memory} MiB, Node ${process.versions.node}\n`,
  );
  console.log("| target | inputs | per second | slowest, ms |\n|---|---|---|---|");
  for (const { name, inputs: count, seconds: took, slowestMs } of all) {
    const speed = Math.round(count / took);
    console.log(`| ${name} | ${count} | ${speed} | ${slowestMs.toFixed(1)} |`);
  }
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: "string", default: "1" },
      inputs: { type: "string", default: "100000" },
      target: { type: "string", multiple: true, default: [] },
      input: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const chosen = values.target.length > 0 ? values.target.map(named) : targets;
  const seed = wholeNumber(values.seed, "seed");
  const inputs = wholeNumber(values.inputs, "inputs");
  if (values.input !== undefined) {
    const [target, ...others] = chosen;
    if (!target || others.length > 0) throw new UsageError("--input needs one --target");
    await checkInput(target, new Uint8Array(Buffer.from(values.input, "base64")), "this input");
    console.log("every promise is kept");
    return 0;
  }
  const onProgress = progressTo(inputs);
  printFigures(await fuzz({ seed, inputs, targets: chosen, onProgress }), seed);
  return 0;
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    const failed = error instanceof FuzzFailure;
    if (failed) console.error(`\n${error.message}\n\n${(error.cause as Error)?.stack ?? ""}`);
    else console.error(error instanceof UsageError ? `${error.message}\n\n${usage}` : error);
    process.exitCode = failed ? 1 : 2;
  },
);
