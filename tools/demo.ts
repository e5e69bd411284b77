// `npm run demo`: a session of 100,000 events out of the generator, then what a person would type
// to import, look at, replay and verify it, with the output of the real command.
//
//   npm run demo -- [--events N] [--seed S] [--format ndjson|array|claude-code] [--keep]
//
// Ends with the exit code of the first command that failed, and removes what it made unless told
// to keep it.

import { spawn } from "node:child_process";
import { createWriteStream, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { parseArgs } from "node:util";
import { type TranscriptFormat, transcriptChunks, transcriptFormats } from "./generator/index.ts";

interface Script {
  readonly events: number;
  readonly seed: number;
  readonly format: TranscriptFormat;
  readonly keep: boolean;
}

const transcript = "session.jsonl";
const root = projectRoot(import.meta.dirname);
const command = path.join(root, "dist", "entries", "reach.js");

/** This file runs from `tools` and, built, from a folder further down. */
function projectRoot(folder: string): string {
  return existsSync(path.join(folder, "package.json")) ? folder : projectRoot(path.dirname(folder));
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Where the demonstration happens: a folder of its own, with the transcript and the data in it. */
class Stage {
  readonly folder = mkdtempSync(path.join(tmpdir(), "reach-demo-"));
  /** The beginning of the id of the session, which is enough to name it. */
  id = "";
  #interrupted = false;

  constructor() {
    // The command gets the signal as well; this process waits for it, and then cleans up.
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.on(signal, () => {
        this.#interrupted = true;
      });
    }
  }

  get data(): string {
    return path.join(this.folder, "data");
  }

  async generate(script: Script): Promise<void> {
    const began = performance.now();
    const file = createWriteStream(path.join(this.folder, transcript));
    await pipeline(Readable.from(transcriptChunks(script.format, script)), file);
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    const megabytes = (file.bytesWritten / 1e6).toFixed(0);
    const count = script.events.toLocaleString("en-US");
    say(
      `generated ${count} events (${megabytes} MB), as an agent would record them, in ${seconds} s`,
    );
  }

  /** Shows a command as it is typed, runs it, and returns its exit code. */
  async run(...args: string[]): Promise<number> {
    say(`\n$ reach ${args.join(" ")}`);
    return (await this.#spawn(args, "inherit")).code;
  }

  /** Finds out the id of the one session there is. */
  async findSession(): Promise<void> {
    const { output } = await this.#spawn(["ls", "--json"], "pipe");
    const id = /([0-9a-f]{8})(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(output)?.[1];
    if (id === undefined) throw new Error(`reach ls --json names no session: ${output}`);
    this.id = id;
  }

  async #spawn(
    args: readonly string[],
    stdout: "inherit" | "pipe",
  ): Promise<{ readonly code: number; readonly output: string }> {
    const child = spawn(process.execPath, [command, ...args], {
      cwd: this.folder,
      env: { ...process.env, REACH_DATA: this.data },
      stdio: ["ignore", stdout, "inherit"],
    });
    const ended = new Promise<number>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code) => resolve(code ?? 130));
    });
    const output = child.stdout === null ? "" : await text(child.stdout);
    const code = await ended;
    return { code: this.#interrupted ? 130 : code, output };
  }
}

/** The commands in order; ends with the first one that fails. */
async function perform(stage: Stage, script: Script): Promise<number> {
  say(`$ cd ${stage.folder}\n$ export REACH_DATA=${stage.data}\n`);
  await stage.generate(script);
  const imported = await stage.run("import", transcript);
  if (imported !== 0) return imported;
  await stage.findSession();
  for (const name of ["show", "replay", "replay", "verify"]) {
    const code = await stage.run(name, stage.id);
    if (code !== 0) return code;
  }
  return 0;
}

function sayHowToGoOn(stage: Stage, { events, keep }: Script): void {
  say("\nThe first replay computed the state, the second one found it again, from the snapshots.");
  if (!keep) {
    say("Everything was in a temporary folder, which is removed. To keep it and to look around:");
    say("\n  npm run demo -- --keep");
    return;
  }
  const reach = `node ${path.relative(process.cwd(), command)}`;
  const middle = Math.floor(events / 2);
  say(`The transcript and the data are in ${stage.folder}. To look around:`);
  say(`\n  export REACH_DATA=${stage.data}`);
  say(`  ${reach} ls`);
  say(`  ${reach} events ${stage.id} --from ${middle} --limit 5`);
  say(`  ${reach} state ${stage.id} --at ${middle}`);
  say(`  ${reach} --help`);
  say("\nor import a transcript of your own: the format is found out by looking at it.");
}

function numberOf(name: string, given: string): number {
  const number = Number(given);
  if (/^\d+$/.test(given) && Number.isSafeInteger(number)) return number;
  throw new Error(`--${name} ${given} is no whole number`);
}

function scriptOf(args: readonly string[]): Script {
  const { values } = parseArgs({
    args: [...args],
    options: {
      events: { type: "string", default: "100000" },
      seed: { type: "string", default: "42" },
      format: { type: "string", default: "ndjson" },
      keep: { type: "boolean", default: false },
    },
  });
  const format = transcriptFormats.find((known) => known === values.format);
  if (!format) throw new Error(`--format ${values.format}: there is ${transcriptFormats.join()}`);
  const [events, seed] = [numberOf("events", values.events), numberOf("seed", values.seed)];
  return { events, seed, format, keep: values.keep };
}

async function main(): Promise<number> {
  const script = scriptOf(process.argv.slice(2));
  if (!existsSync(command)) throw new Error(`there is no ${command}: run "npm run build"`);
  const stage = new Stage();
  try {
    const code = await perform(stage, script);
    if (code === 0) sayHowToGoOn(stage, script);
    else say(`\nThat command ended with exit code ${code}.`);
    if (code !== 0 && script.keep) say(`What there is lies in ${stage.folder}.`);
    return code;
  } finally {
    if (!script.keep) rmSync(stage.folder, { recursive: true, force: true });
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
