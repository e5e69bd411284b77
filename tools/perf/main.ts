// `npm run perf` and `npm run perf:gate`: the service levels, measured against a real `reach serve`
// in a process of its own, judged by `perf/budgets.json`, compared with `perf/baseline.json`.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { isInMemory, loadNow, type Machine, thisMachine } from "../bench/report.ts";
import { type Request, requestOf } from "./arguments.ts";
import { brokenLines, readBudgets } from "./budgets.ts";
import { chartOf } from "./chart.ts";
import { endTestBeds } from "./processes.ts";
import { tableOf } from "./report.ts";
import { type Baseline, baselineOf, judged, type Measured, runScenario } from "./run.ts";
import { scenarios } from "./scenarios/index.ts";

const perf = path.resolve("perf");
const baselineFile = path.join(perf, "baseline.json");

function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

function readBaseline(): Baseline | undefined {
  if (!existsSync(baselineFile)) return undefined;
  return JSON.parse(readFileSync(baselineFile, "utf8")) as Baseline;
}

function about(machine: Machine, work: string): string {
  const memory = Math.round(machine.memoryBytes / 1024 ** 3);
  const { processor, cores, node, fileSystem } = machine;
  const disk = isInMemory(work) ? " (in memory: an fdatasync costs nothing)" : "";
  return `${processor}, ${cores} cores, ${memory} GiB, Node ${node}, disk ${fileSystem}${disk}`;
}

async function measure(request: Request, baseline: Baseline | undefined): Promise<Measured[]> {
  const budgets = readBudgets(path.join(perf, "budgets.json"));
  const { profile, rounds, seed, work, profiles } = request;
  const cpu = profiles === undefined ? {} : { profiles: path.resolve(profiles) };
  const all: Measured[] = [];
  for (const scenario of request.chosen) {
    const options = { profile, rounds, seed, work, note, ...cpu };
    const one = judged(await runScenario(scenario, options), budgets, baseline);
    all.push(one);
    process.stdout.write(`${tableOf(one.result, one.verdicts, one.changes)}\n`);
  }
  return all;
}

/** Writes what was measured for programs, for people, and as a picture. */
function write(out: string, all: readonly Measured[], facts: object): void {
  mkdirSync(out, { recursive: true });
  const results = all.map(({ result }) => result);
  const json = all.map(({ result, verdicts, changes }) => ({
    ...result,
    verdicts: verdicts.map(({ level, ...verdict }) => ({ level: level.name, ...verdict })),
    changes: Object.fromEntries(changes),
  }));
  const text = JSON.stringify({ ...facts, scenarios: json }, undefined, 2);
  writeFileSync(path.join(out, "results.json"), `${text}\n`);
  const tables = all.map((one) => tableOf(one.result, one.verdicts, one.changes));
  writeFileSync(path.join(out, "results.md"), tables.join("\n"));
  const chart = chartOf(results);
  if (chart !== undefined) writeFileSync(path.join(out, "latencies.svg"), chart);
  note(`written to ${out}: results.json, results.md, latencies.svg`);
}

async function main(): Promise<number> {
  const request = requestOf(process.argv.slice(2), scenarios);
  if (typeof request === "string") {
    process.stderr.write(request);
    return process.argv.includes("--help") ? 0 : 2;
  }
  const machine = thisMachine(request.work);
  note(about(machine, request.work));
  const before = loadNow();
  const baseline = readBaseline();
  const all = await measure(request, baseline);
  const when = new Date().toISOString();
  const load = { before, after: loadNow() };
  write(request.out ?? path.join(perf, "results"), all, { when, machine, load });
  if (request.save) {
    const results = all.map(({ result }) => result);
    const text = JSON.stringify(baselineOf(results, machine, when, baseline), undefined, 2);
    writeFileSync(baselineFile, `${text}\n`);
    note(`written to ${baselineFile}`);
  }
  const broken = all.flatMap(({ verdicts }) => brokenLines(verdicts));
  for (const line of broken) process.stdout.write(`${line}\n`);
  if (broken.length === 0) note("every contract holds");
  return request.gate && broken.length > 0 ? 1 : 0;
}

process.on("exit", endTestBeds);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130));
process.exitCode = await main();
