// A process of its own for one measured piece of work: no compiled code, no memory and no open file
// of another one. Started by `bench.ts`:
//
//   node child.js MODULE FUNCTION INPUT
//
// where INPUT is JSON. Prints the measurement as JSON on its last line.

import process from "node:process";
import type { Work } from "./measurement.ts";

type Part = (input: unknown) => Promise<Work>;

async function run(module: string, name: string, input: string): Promise<void> {
  const parts = (await import(new URL(module, import.meta.url).href)) as Record<string, unknown>;
  const part = parts[name];
  if (typeof part !== "function") throw new Error(`${module} has no function ${name}`);
  const work = await (part as Part)(JSON.parse(input));
  // On Linux a process begins with the peak of the one that started it: `bench.ts` stays small.
  const peakRssBytes = process.resourceUsage().maxRSS * 1024;
  process.stdout.write(`${JSON.stringify({ ...work, peakRssBytes })}\n`);
}

const [module = "", name = "", input = "null"] = process.argv.slice(2);
await run(module, name, input);
