// What is measured, each in a process of its own: appending all events to a store, and reading them
// back. Everything else (opening, reading the prepared events, closing) is off the clock.

import { readdirSync, statSync } from "node:fs";
import path from "node:path";
import { measured, type Work } from "../../bench/measurement.ts";
import { ByteCheck, PreparedEvents, prepareEvents } from "./prepared-events.ts";
import { batchEvents, type Store } from "./store.ts";
import { bare } from "./stores/bare.ts";
import { hypercore } from "./stores/hypercore.ts";
import { lmdb } from "./stores/lmdb.ts";
import { reach } from "./stores/reach.ts";
import { sqlite } from "./stores/sqlite.ts";
import { stream } from "./stores/streams.ts";

const stores: Readonly<Record<string, Store>> = {
  floor: bare,
  reach,
  "sqlite-full": sqlite("FULL"),
  "sqlite-normal": sqlite("NORMAL"),
  lmdb,
  hypercore,
  "reach-http": stream,
  "durable-streams": stream,
};

/** Which store, where it is, and the file of the prepared events. */
export interface StoreInput {
  readonly store: string;
  /** A folder that exists, or an address. */
  readonly place: string;
  readonly events: string;
  /** Batches that may be under way beside the newest; 0: one after another. */
  readonly ahead: number;
}

function storeOf(name: string): Store {
  const store = stores[name];
  if (!store) throw new Error(`there is no store ${name}`);
  return store;
}

/** Writes the events that all stores get. */
export function prepared(input: { readonly file: string; readonly count: number }): Promise<Work> {
  return measured(() => prepareEvents(input.file, input.count));
}

/** Appends all events; the clock stops when the last batch is acknowledged. */
export async function appended({ store, place, events, ahead }: StoreInput): Promise<Work> {
  const all = new PreparedEvents(events);
  const writer = await storeOf(store).openForAppends(place, all, ahead);
  const work = await measured(async () => {
    const waiting: (Promise<void> | void)[] = [];
    for (let from = 0; from < all.count; from += batchEvents) {
      waiting.push(writer.append(from, Math.min(from + batchEvents, all.count)));
      if (waiting.length > ahead) await waiting.shift();
    }
    await Promise.all(waiting);
    return { events: all.count };
  });
  await writer.close();
  return work;
}

/** Reads all events back and compares their bytes. */
export async function readBack({ store, place, events }: StoreInput): Promise<Work> {
  const all = new PreparedEvents(events);
  const check = new ByteCheck(all, store === "durable-streams" ? respelled : undefined);
  return measured(async () => {
    await storeOf(store).readAll(place, (bytes) => check.take(bytes), all.count);
    return { events: check.finish() };
  });
}

/** As the peer keeps JSON: parsed and written again, other bytes for the same value. */
function respelled(bytes: Buffer): Buffer {
  return Buffer.from(JSON.stringify(JSON.parse(bytes.toString())));
}

/** Bytes that the files below a folder take on the disk. */
export function bytesBelow(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => statSync(path.join(entry.parentPath, entry.name)).blocks * 512)
    .reduce((sum, bytes) => sum + bytes, 0);
}
