// `npm run perf:profile -- SCENARIO`: runs a scenario with the CPU profiler in the server, and
// prints the functions that took most of its time. The profiles stay, for whoever looks closer.

import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { requestOf } from "./arguments.ts";
import { type CpuProfile, hottest } from "./hottest.ts";
import { runScenario } from "./run.ts";
import { scenarios } from "./scenarios/index.ts";

const shown = 10;

async function main(): Promise<number> {
  const request = requestOf(process.argv.slice(2), scenarios);
  if (typeof request === "string") {
    process.stderr.write(request);
    return 2;
  }
  const [scenario, ...more] = request.chosen;
  if (!scenario || more.length > 0) {
    process.stderr.write("name one scenario: npm run perf:profile -- burst\n");
    return 2;
  }
  const profiles = request.profiles ?? mkdtempSync(path.join(tmpdir(), "reach-profile-"));
  const note = (text: string): void => void process.stderr.write(`${text}\n`);
  const { profile, rounds, seed, work } = request;
  await runScenario(scenario, { profile, rounds, seed, work, note, profiles });
  for (const name of readdirSync(profiles)) {
    const file = path.join(profiles, name);
    const text = readFileSync(file, "utf8");
    const { busyMs, functions } = hottest(JSON.parse(text) as CpuProfile, shown);
    process.stdout.write(`${file}: busy for ${busyMs.toFixed(0)} ms\n`);
    for (const { name: called, place, ms } of functions) {
      const share = ((100 * ms) / busyMs).toFixed(1).padStart(5);
      process.stdout.write(`${ms.toFixed(0).padStart(8)} ms ${share} %  ${called}  ${place}\n`);
    }
  }
  return 0;
}

process.exitCode = await main();
