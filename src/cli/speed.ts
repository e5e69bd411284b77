/**
 * Measurements of Reach on generated sessions, one after the other: the disk alone, durable appends
 * of three kinds, then a long session imported, replayed, verified, looked into and given back.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import { type SessionId, utf8 } from "../base/index.ts";
import { nodeDisk } from "../disk/index.ts";
import { fileSource, importSource } from "../importers/index.ts";
import { closeWorkers, loadProgram, replaySession, stateAt } from "../runtime/index.ts";
import {
  Directory,
  exportOriginal,
  type NewEvent,
  type SessionWriter,
  verifySession,
} from "../session/index.ts";
import { demoTranscript, writeDemoTranscript } from "./demo-transcript.ts";

/** What was measured. */
export interface Measured {
  readonly name: string;
  /** The same for people. */
  readonly what: string;
  readonly count: number;
  readonly unit: "events" | "bytes" | "writes" | "states";
  readonly seconds: number;
  /** Milliseconds of one, where each was measured by itself. */
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
}

const seed = 20_260_105;
const writes = 300;
const writeBytes = 4096;
const appendsAwaited = 500;
const appendsInBatches = 10_000;
const batchEvents = 50;
const sessionsAtOnce = 100;
const appendsEach = 20;
const statesAsked = 50;
const payloadBytesMax = 2000;

/** Measures in `folder`, which it fills; `say` hears what comes next. */
export async function* measurements(
  folder: string,
  events: number,
  say: (what: string) => void,
): AsyncGenerator<Measured, void> {
  say("the disk");
  yield await syncs(path.join(folder, "syncs"));
  const data = path.join(folder, "default");
  const file = path.join(folder, "session.jsonl");
  const directory = await Directory.open({ path: data, mode: "write" });
  try {
    say("durable appends");
    yield* appends(directory);
    say("a long session");
    writeDemoTranscript(file, events, seed);
    yield* longSession(directory, file, say);
  } finally {
    await closeWorkers();
    await directory.close();
  }
}

/** Writes that are made durable one by one, into a file that has its length already. */
async function syncs(place: string): Promise<Measured> {
  const file = nodeDisk.open(place, "create");
  try {
    file.write(new Uint8Array(writes * writeBytes), 0);
    await file.sync();
    const bytes = new Uint8Array(writeBytes).fill(7);
    const times: number[] = [];
    for (let n = 0; n < writes; n++) {
      times.push(
        await timed(async () => {
          file.write(bytes, n * writeBytes);
          await file.sync();
        }),
      );
    }
    return row("sync", "the disk alone: 4 KiB made durable", times, "writes");
  } finally {
    file.close();
  }
}

async function* appends(directory: Directory): AsyncGenerator<Measured, void> {
  const made = generatedEvents(Math.max(appendsInBatches, sessionsAtOnce * appendsEach));
  const one = directory.createSession();
  const times: number[] = [];
  for (const event of made.slice(0, appendsAwaited)) {
    times.push(await timed(() => one.append(event).durable));
  }
  await directory.closeWriter(one);
  yield row("append", "durable append, each event waited for", times, "events");
  const batched = directory.createSession();
  const batches: number[] = [];
  for (let at = 0; at < appendsInBatches; at += batchEvents) {
    const batch = made.slice(at, at + batchEvents);
    batches.push(await timed(() => appendAll(batched, batch)));
  }
  await directory.closeWriter(batched);
  const what = `durable append, ${batchEvents} events at a time`;
  yield { ...row("append-batches", what, batches, "events"), count: appendsInBatches };
  yield await appendsAtOnce(directory, made);
}

/** Sessions that each wait for every event: one write of the journal serves many of them. */
async function appendsAtOnce(directory: Directory, made: readonly NewEvent[]): Promise<Measured> {
  const times: number[] = [];
  const writers = Array.from({ length: sessionsAtOnce }, () => directory.createSession());
  const whole = await timed(async () => {
    await Promise.all(
      writers.map(async (writer, n) => {
        for (const event of made.slice(n * appendsEach, (n + 1) * appendsEach)) {
          times.push(await timed(() => writer.append(event).durable));
        }
      }),
    );
  });
  for (const writer of writers) await directory.closeWriter(writer);
  const what = `the same in ${sessionsAtOnce} sessions at once, each event waited for`;
  return { ...row("append-sessions", what, times, "events"), seconds: whole / 1000 };
}

/** Events whose payloads lie in the log, as most do: some 350 bytes. */
function generatedEvents(count: number): NewEvent[] {
  const header = { kind: "emit", type: "message", time: Date.now(), ref: null } as const;
  const made: NewEvent[] = [];
  for (const line of demoTranscript(4 * count, seed)) {
    const bytes = utf8(line.trimEnd());
    if (bytes.length > payloadBytesMax) continue;
    made.push({ ...header, form: "json", bytes });
    if (made.length === count) break;
  }
  return made;
}

async function appendAll(writer: SessionWriter, events: readonly NewEvent[]): Promise<void> {
  await Promise.all(events.map((event) => writer.append(event).durable));
}

async function* longSession(
  directory: Directory,
  file: string,
  say: (what: string) => void,
): AsyncGenerator<Measured, void> {
  const { size } = fs.statSync(file);
  const program = await loadProgram("transcript");
  say("import");
  let id: SessionId = "";
  let events = 0;
  const imported = await timed(async () => {
    ({ id, events } = await importSource(directory, { source: fileSource(file) }));
  });
  yield whole("import", "import of a transcript", size, "bytes", imported);
  say("replay");
  for (const [name, what] of [
    ["replay-first", "first replay, which keeps states"],
    ["replay", "replay, compared with them"],
  ] as const) {
    const took = await timed(() => replaySession(directory, id, { program, keep: true }));
    yield whole(name, what, events, "events", took);
  }
  say("verify");
  const verified = await timed(() => verifySession(directory, id, {}));
  yield whole("verify", "verify: hashes, tree, signatures", events, "events", verified);
  say("states");
  const asked: number[] = [];
  for (let n = 0; n < statesAsked; n++) {
    const at = 1 + ((n * 7919) % events);
    asked.push(await timed(() => stateAt(directory, id, at, { program })));
  }
  yield row("state", "state after any event", asked, "states");
  say("export");
  const session = directory.session(id);
  const exported = await timed(() => exportOriginal(session, () => {}));
  session.close();
  yield whole("export", "export of the original", size, "bytes", exported);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

function row(
  name: string,
  what: string,
  times: readonly number[],
  unit: Measured["unit"],
): Measured {
  const sorted = times.toSorted((a, b) => a - b);
  const share = (part: number): number => sorted[Math.floor(part * (sorted.length - 1))] ?? 0;
  const spent = times.reduce((sum, ms) => sum + ms, 0) / 1000;
  const spread = { p50Ms: share(0.5), p95Ms: share(0.95) };
  return { name, what, count: times.length, unit, seconds: spent, ...spread };
}

function whole(
  name: string,
  what: string,
  count: number,
  unit: Measured["unit"],
  ms: number,
): Measured {
  return { name, what, count, unit, seconds: ms / 1000, p50Ms: null, p95Ms: null };
}
