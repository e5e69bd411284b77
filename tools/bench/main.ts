// `npm run bench`: measures Reach beside floors that are taken in the same run.
//
//   npm run bench -- [NAME...] [--rounds N] [--quick] [--json FILE] [--strict]
//                    [--work DIR] [--log FILE] [--cpu-prof DIR]
//
// The table goes to standard output, progress to standard error. A goal that is missed is no error,
// unless --strict says so.

import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import process from "node:process";
import { parseArgs } from "node:util";
import { Bench, type BenchOptions } from "./bench.ts";
import { isInMemory, loadNow, type Machine, tableText, thisMachine } from "./report.ts";
import { type Row, reached, type Scenario } from "./scenario.ts";
import { scenarios } from "./scenario-list.ts";

const help = `usage: npm run bench -- [NAME...] [options]

  NAME...         what to measure, all if left out: ${scenarios.map(({ name }) => name).join(" ")}
  --rounds N      how often; default 5, 7 for pairs of workers, 3 for what takes long
  --quick         a tenth of the events, one round, without what takes long: does it work?
  --json FILE     everything that was measured, every sample
  --strict        exit code 1 when a goal was missed
  --work DIR      where to write; on the disk that is to be measured (${tmpdir()})
  --log FILE      the large log of the corpus, unpacked already; else REACH_CORPUS and zstd
  --cpu-prof DIR  CPU profiles of everything that is measured
`;

interface Request extends BenchOptions {
  readonly chosen: readonly Scenario[];
  readonly json: string | undefined;
  readonly strict: boolean;
}

/** What was asked for; a text tells what to do instead. */
function requestOf(args: readonly string[]): Request | string {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      rounds: { type: "string" },
      quick: { type: "boolean", default: false },
      json: { type: "string" },
      strict: { type: "boolean", default: false },
      work: { type: "string", default: tmpdir() },
      log: { type: "string" },
      "cpu-prof": { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return help;
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
  if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0)) {
    return `--rounds ${values.rounds} is no number of rounds\n`;
  }
  const unknown = positionals.find((name) => !scenarios.some((known) => known.name === name));
  if (unknown !== undefined) return `there is nothing called "${unknown}" to measure\n\n${help}`;
  const { quick, json, strict, work, log, "cpu-prof": profiles } = values;
  const chosen = scenarios.filter(({ name, long }) => {
    return positionals.length > 0 ? positionals.includes(name) : !(long && quick);
  });
  return { chosen, rounds, quick, json, strict, work, log, profiles };
}

interface Result {
  readonly machine: Machine;
  readonly began: string;
  readonly quick: boolean;
  /** Load average over one minute, before and after. */
  readonly load: { readonly before: number; after: number };
  readonly scenarios: { readonly name: string; readonly rows: readonly Row[] }[];
  readonly skipped: { readonly name: string; readonly why: string }[];
  readonly failed: { readonly name: string; readonly error: string }[];
}

async function run(request: Request, bench: Bench): Promise<Result> {
  const before = loadNow();
  const result: Result = {
    machine: thisMachine(bench.folder),
    began: new Date().toISOString(),
    quick: request.quick,
    load: { before, after: before },
    scenarios: [],
    skipped: [],
    failed: [],
  };
  if (isInMemory(bench.folder)) bench.say("--work lies in memory: appends will look too fast");
  for (const scenario of request.chosen) {
    const { name } = scenario;
    process.stderr.write(`${name}\n`);
    try {
      const done = await scenario.run(bench);
      if ("skipped" in done) result.skipped.push({ name, why: done.skipped });
      else result.scenarios.push({ name, rows: done });
    } catch (error) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      result.failed.push({ name, error: text });
      process.stderr.write(`${text}\n`);
    }
  }
  result.load.after = loadNow();
  return result;
}

function print(result: Result): void {
  const { machine, load, quick, skipped, failed } = result;
  const rows = result.scenarios.flatMap((scenario) => scenario.rows);
  const { processor, cores, system, node } = machine;
  const loads = `load ${load.before} before, ${load.after} after`;
  const lines = [`${node}, ${cores} x ${processor}, ${system}; ${loads}`, ""];
  if (rows.length > 0) lines.push(tableText(rows));
  lines.push("median [min–max]; ratios are taken round by round, last those of the time that the");
  lines.push("busiest thread was on a processor, which a busy machine does not change");
  if (quick) lines.push("--quick: the goals are meant for ten times the events");
  for (const { name, why } of skipped) lines.push(`skipped: ${name}: ${why}`);
  for (const { name, error } of failed) lines.push(`FAILED: ${name}: ${error.split("\n", 1)[0]}`);
  process.stdout.write(`${lines.join("\n")}\n`);
}

async function main(): Promise<number> {
  const request = requestOf(process.argv.slice(2));
  if (typeof request === "string") {
    process.stderr.write(request);
    return request === help ? 0 : 2;
  }
  const bench = new Bench(request);
  process.on("exit", () => bench.close());
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130));
  const result = await run(request, bench);
  print(result);
  if (request.json !== undefined) {
    writeFileSync(request.json, `${JSON.stringify(result, undefined, 2)}\n`);
  }
  const missed = result.scenarios.some(({ rows }) => rows.some((row) => reached(row) === false));
  return result.failed.length > 0 || (request.strict && missed) ? 1 : 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
