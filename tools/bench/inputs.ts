// What is measured has to be there first: transcripts as files, sessions with their snapshots, the
// log of the floor. Each is made once per run, in a process of its own, so that the one that starts
// the measurements stays small.

import { spawn } from "node:child_process";
import { createWriteStream, existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { encodeValue, limits } from "../../src/base/index.ts";
import { closeWorkers, loadProgram, replaySession, stateAt } from "../../src/runtime/index.ts";
import { Directory } from "../../src/session/index.ts";
import { agentEvents, type TranscriptFormat, transcriptChunks } from "../generator/index.ts";
import type { Bench } from "./bench.ts";
import { type Measurement, measured, type Work } from "./measurement.ts";
import { writePlainLog } from "./plain-log.ts";
import type { Skip } from "./scenario.ts";

const seed = 42;
/** Batches that may wait for the disk while a session is recorded. */
const batchesAhead = 32;

/** A recorded session with the states of the payload reader, for replays. */
export interface SessionInput {
  readonly root: string;
  readonly id: string;
  readonly events: number;
  /** File of the program. */
  readonly program: string;
  /** The first replay, which computed and kept the states. */
  readonly first: Measurement;
}

/** Writes the file of a program that consists of the functions in `payload-reader.ts`. */
function writeProgram(file: string): void {
  const reader = JSON.stringify(fileURLToPath(new URL("payload-reader.js", import.meta.url)));
  const names = "name, version, init, reduce";
  writeFileSync(file, `import { ${names} } from ${reader};\nexport default { ${names} };\n`);
}

/** A transcript as a file. */
export async function transcriptInput(
  bench: Bench,
  format: TranscriptFormat,
  events: number,
): Promise<string> {
  const file = bench.path(`${events}.${format}`);
  await bench.once(`${events} events as ${format}`, () => {
    const input = { file, format, events };
    return bench.measure({ module: "inputs", name: "makeTranscript", input });
  });
  return file;
}

/** A session of generated events, appended as CBOR values, with snapshots. */
export function sessionInput(bench: Bench, events: number): Promise<SessionInput> {
  return bench.once(`a session of ${events} events`, async () => {
    const root = bench.path(`session-${events}`);
    const program = path.join(bench.folder, "payload-reader.mjs");
    writeProgram(program);
    const module = "inputs";
    const made = await bench.measure({ module, name: "makeSession", input: { root, events } });
    const id = String(made.facts["id"]);
    const input = { root, id, program };
    const first = await bench.measure({ module, name: "firstReplay", input });
    return { root, id, events, program, first };
  });
}

/** The log of the floor, of the events of `session`; it has been compared with it. */
export async function plainInput(bench: Bench, session: SessionInput): Promise<string> {
  const file = bench.path(`plain-${session.events}`);
  await bench.once(`the same ${session.events} events as a plain file`, () => {
    return bench.measure({ module: "inputs", name: "makePlain", input: { file, ...session } });
  });
  return file;
}

const packedLog = "claude-code/entire-assembled-273-sessions.jsonl.zst";

/** The large log of the corpus, unpacked. */
export async function corpusLog(bench: Bench): Promise<string | Skip> {
  const { log } = bench.options;
  if (log !== undefined) return log;
  const corpus = process.env["REACH_CORPUS"] ?? path.resolve("../shared/corpus");
  const packed = path.join(corpus, packedLog);
  if (!existsSync(packed)) {
    return { skipped: `there is no ${packed}: set REACH_CORPUS, or give --log FILE` };
  }
  try {
    return await bench.once("the large log of the corpus, unpacked", () => unpack(bench, packed));
  } catch (error) {
    return { skipped: `zstd cannot unpack ${packed}: ${String(error)}` };
  }
}

async function unpack(bench: Bench, packed: string): Promise<string> {
  const file = bench.path("log.jsonl");
  const child = spawn("zstd", ["-dc", packed], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<void>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => (code === 0 ? resolve() : reject(new Error(`exit code ${code}`))));
  });
  await Promise.all([pipeline(child.stdout, createWriteStream(file)), ended]);
  return file;
}

/** Writes a transcript to a file. */
export function makeTranscript(input: {
  readonly file: string;
  readonly format: TranscriptFormat;
  readonly events: number;
}): Promise<Work> {
  return measured(async () => {
    const chunks = transcriptChunks(input.format, { events: input.events, seed });
    await pipeline(Readable.from(chunks), createWriteStream(input.file));
    return {};
  });
}

/** Records a generated session as a library would: values, appended one after the other. */
export function makeSession(input: {
  readonly root: string;
  readonly events: number;
}): Promise<Work> {
  return measured(async () => {
    mkdirSync(input.root, { recursive: true });
    const directory = await Directory.open({ path: `${input.root}/default`, mode: "write" });
    const writer = directory.createSession({ name: "benchmark" });
    const waiting: Promise<void>[] = [];
    let count = 0;
    for (const { data, ...header } of agentEvents({ events: input.events, seed })) {
      const bytes = encodeValue(data);
      const { durable } = writer.append({ ...header, form: "cbor", bytes });
      count += 1;
      if (count % limits.batchEventsMax !== 0) continue;
      waiting.push(durable);
      if (waiting.length > batchesAhead) await waiting.shift();
    }
    await directory.close();
    return { id: writer.id };
  });
}

/** The first replay of a session: computes the states and keeps them. */
export async function firstReplay(input: {
  readonly root: string;
  readonly id: string;
  readonly program: string;
}): Promise<Work> {
  const directory = await Directory.open({ path: `${input.root}/default`, mode: "write" });
  const program = await loadProgram(input.program);
  const work = await measured(async () => {
    const report = await replaySession(directory, input.id, { program, keep: true });
    return { verdict: report.verdict, events: report.events, kept: report.keptSnapshots };
  });
  await directory.close();
  await closeWorkers();
  if (work.facts["verdict"] !== "computed") throw new Error(`the replay says ${work.facts}`);
  return work;
}

/** Writes the log of the floor, and checks that its fold comes to what Reach's fold comes to. */
export async function makePlain(input: {
  readonly file: string;
  readonly root: string;
  readonly id: string;
  readonly events: number;
  readonly program: string;
}): Promise<Work> {
  const { file, events, root, id } = input;
  const plan = { events, seed };
  let bare: unknown;
  const work = await measured(() => {
    bare = writePlainLog(file, plan, limits.snapshotEventsDefault);
    return {};
  });
  const directory = await Directory.open({ path: `${root}/default`, mode: "read" });
  const program = await loadProgram(input.program);
  const { state } = await stateAt(directory, id, undefined, { program });
  await directory.close();
  await closeWorkers();
  if (!isDeepStrictEqual(state, bare)) {
    throw new Error("the floor and Reach do not come to the same state");
  }
  return work;
}
