// Writes a generated transcript to standard output:
//
//   node tools/build.mjs --tools
//   node dist-tools/tools/generate.js --events 100000 --seed 42 --format ndjson > session.jsonl
//
// The same seed gives the same bytes everywhere; memory stays the same at any length.

import { once } from "node:events";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type TranscriptFormat, transcriptChunks, transcriptFormats } from "./generator/index.ts";

interface Request {
  readonly format: TranscriptFormat;
  readonly events: number;
  readonly seed: number;
}

const help = `usage: generate [--events N] [--seed S] [--format F] > FILE

  --events N   how many events (lines of a claude-code session); 1000
  --seed S     which transcript; 42
  --format F   one of ${transcriptFormats.join(", ")}; ndjson
`;

/** What the arguments ask for; a text says what is wrong with them. */
export function parseRequest(args: readonly string[]): Request | string {
  const options = {
    events: { type: "string", default: "1000" },
    seed: { type: "string", default: "42" },
    format: { type: "string", default: "ndjson" },
    help: { type: "boolean", default: false },
  } as const;
  let values: { events: string; seed: string; format: string; help: boolean };
  try {
    ({ values } = parseArgs({ args: [...args], options }));
  } catch (error) {
    return `${error instanceof Error ? error.message : String(error)}\n${help}`;
  }
  if (values.help) return help;
  const format = transcriptFormats.find((known) => known === values.format);
  if (!format) return `--format ${values.format}: there is ${transcriptFormats.join(", ")}\n`;
  const events = Number(values.events);
  const seed = Number(values.seed);
  if (!/^\d+$/.test(values.events) || !Number.isSafeInteger(events)) {
    return `--events ${values.events} is no number of events\n`;
  }
  if (!/^\d+$/.test(values.seed) || !Number.isSafeInteger(seed)) {
    return `--seed ${values.seed} is no whole number\n`;
  }
  return { format, events, seed };
}

async function write(request: Request): Promise<void> {
  const { stdout } = process;
  // Whoever reads may have seen enough, as `head` does: that is no failure.
  stdout.on("error", (error: NodeJS.ErrnoException) => {
    process.exit(error.code === "EPIPE" ? 0 : 1);
  });
  for (const chunk of transcriptChunks(request.format, request)) {
    if (!stdout.write(chunk)) await once(stdout, "drain");
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const request = parseRequest(process.argv.slice(2));
  if (typeof request === "string") {
    process.stderr.write(request);
    process.exitCode = process.argv.includes("--help") ? 0 : 2;
  } else await write(request);
}
