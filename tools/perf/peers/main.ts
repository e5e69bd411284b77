// `npm run perf:peers`: Reach beside those who do something like it, in one run. The peers live in
// `perf/peers`, with their own lock file, and are installed there first.
//
//   npm run perf:peers -- [--rounds N] [--only NAME]... [--events N] [--json FILE]
//
// The tables go to standard output, progress to standard error.

import { writeFileSync } from "node:fs";
import process from "node:process";
import { isInMemory, loadNow, thisMachine } from "../../bench/report.ts";
import { Comparison } from "./comparison.ts";
import { installPeers } from "./install.ts";
import { help, type Request, requestOf } from "./request.ts";
import { type Result, resultText } from "./tables.ts";

async function compare(request: Request): Promise<Result> {
  const comparison = new Comparison(request);
  process.on("exit", () => comparison.close());
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130));
  const machine = thisMachine(comparison.folder);
  if (isInMemory(comparison.folder)) {
    process.stderr.write("--work lies in memory: appends will look too fast\n");
  }
  const began = new Date().toISOString();
  const before = loadNow();
  const stores = await comparison.stores();
  const replays = await comparison.replays();
  const { rounds, events } = request;
  const load = { before, after: loadNow() };
  return { machine, began, rounds, events, load, stores, replays };
}

async function main(): Promise<number> {
  const request = requestOf(process.argv.slice(2));
  if (typeof request === "string") {
    process.stderr.write(request);
    return request === help ? 0 : 2;
  }
  installPeers();
  const result = await compare(request);
  process.stdout.write(resultText(result));
  if (request.json !== undefined) {
    writeFileSync(request.json, `${JSON.stringify(result, undefined, 2)}\n`);
  }
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`perf:peers: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
