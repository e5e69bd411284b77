// Durable appends of 100,000 events from one writer, in batches of 50: each batch waited for before
// the next one, and pipelined, with a few batches under way. The floor appends the bytes that Reach
// wrote to its journal, in the same pieces, with the same number of fdatasyncs, in a bare loop.

import { closeSync, fdatasyncSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { encodeValue, limits } from "../../../src/base/index.ts";
import { Directory, type NewEvent, type SessionWriter } from "../../../src/session/index.ts";
import { agentEvents, type GeneratedEvent } from "../../generator/index.ts";
import type { Bench, Pairs } from "../bench.ts";
import { CountingDisk } from "../counting-disk.ts";
import { type Measurement, measured, type Work } from "../measurement.ts";
import { speedRow } from "../rows.ts";
import type { Row, Scenario } from "../scenario.ts";

/** Batches under way at a time in the pipelined variant. */
const batchesAhead = 8;
const seed = 42;
const module = "scenarios/append";

/** How events are appended. */
interface Variant {
  readonly what: string;
  /** Batches that may wait for the disk. */
  readonly ahead: number;
  /** Whether encoding the values is part of what is measured. */
  readonly values: boolean;
  /** Least share of the floor's speed. */
  readonly least?: number;
}

const variants: readonly Variant[] = [
  { what: "one batch after the other", ahead: 0, values: false, least: 0.5 },
  { what: "pipelined", ahead: batchesAhead, values: false, least: 0.5 },
  { what: "one batch after the other, values encoded on the way", ahead: 0, values: true },
  { what: "pipelined, values encoded on the way", ahead: batchesAhead, values: true },
];

export const append: Scenario = {
  name: "append",
  long: false,
  async run(bench: Bench): Promise<readonly Row[]> {
    const events = bench.events(100_000);
    const rows: Row[] = [];
    for (const variant of variants) {
      bench.say(`append: ${variant.what}`);
      const pairs = await turns(bench, events, variant);
      const syncs = pairs.reach.map(({ facts }) => Number(facts["syncs"]));
      const counts = [...new Set([Math.min(...syncs), Math.max(...syncs)])].join("–");
      const what = `append of ${events} events, ${variant.what} (${counts} fdatasyncs): speed`;
      rows.push(speedRow(what, pairs, variant.least));
    }
    return rows;
  },
};

/** Reach goes first here: the floor makes as many fdatasyncs as Reach has just made. */
async function turns(bench: Bench, events: number, variant: Variant): Promise<Pairs> {
  const reach: Measurement[] = [];
  const floor: Measurement[] = [];
  const root = bench.path("append");
  for (let round = 0; round < bench.rounds(5); round++) {
    const input = { root, events, ahead: variant.ahead, values: variant.values };
    reach.push(await bench.measure({ module, name: "appended", input }));
    floor.push(await bench.measure({ module, name: "bareAppend", input }));
    bench.remove("append");
  }
  return { reach, floor };
}

/** Writes and syncs in the steps of `steps.json`, which `appended` has left. */
export function bareAppend({ root }: { readonly root: string }): Promise<Work> {
  const steps = JSON.parse(readFileSync(path.join(root, "steps.json"), "utf8")) as number[];
  const bytes = Buffer.alloc(Math.max(...steps), "something to write ");
  const file = openSync(path.join(root, "bare"), "w");
  const work = measured(() => {
    for (const step of steps) {
      if (step > 0) writeSync(file, bytes, 0, step);
      fdatasyncSync(file);
    }
    return { syncs: steps.length };
  });
  closeSync(file);
  return work;
}

/** Appends generated events; they are durable when the clock stops. */
export async function appended(input: {
  readonly root: string;
  readonly events: number;
  readonly ahead: number;
  readonly values: boolean;
}): Promise<Work> {
  const { root, ahead } = input;
  mkdirSync(root, { recursive: true });
  const disk = new CountingDisk();
  const data = path.join(root, "data");
  const directory = await Directory.open({ path: data, mode: "write", disk: disk.port });
  const events = [...agentEvents({ events: input.events, seed })];
  const writer = directory.createSession();
  const next = input.values ? encodedLate(events) : encodedBefore(events);
  disk.steps.length = 0;
  const work = await measured(async () => {
    await appendAll(writer, events.length, next, ahead);
    return { syncs: disk.steps.length };
  });
  writeFileSync(path.join(root, "steps.json"), JSON.stringify(disk.steps));
  await directory.close();
  rmSync(data, { recursive: true });
  return work;
}

type EventAt = (position: number) => NewEvent;

function eventOf({ data, ...header }: GeneratedEvent): NewEvent {
  return { ...header, form: "cbor", bytes: encodeValue(data) };
}

function encodedLate(events: readonly GeneratedEvent[]): EventAt {
  return (position) => eventOf(events[position] as GeneratedEvent);
}

function encodedBefore(events: readonly GeneratedEvent[]): EventAt {
  const encoded = events.map(eventOf);
  return (position) => encoded[position] as NewEvent;
}

async function appendAll(
  writer: SessionWriter,
  count: number,
  eventAt: EventAt,
  ahead: number,
): Promise<void> {
  const waiting: Promise<void>[] = [];
  for (let from = 0; from < count; from += limits.batchEventsMax) {
    let durable = Promise.resolve();
    for (let i = from; i < Math.min(from + limits.batchEventsMax, count); i++) {
      ({ durable } = writer.append(eventAt(i)));
    }
    waiting.push(durable);
    if (waiting.length > ahead) await waiting.shift();
  }
  await Promise.all(waiting);
}
