// The floor: a file to which each batch is written and synced in a bare loop, and which is read in
// one piece. Nobody who keeps events in a file can do less.

import * as fs from "node:fs";
import path from "node:path";
import type { PreparedEvents } from "../prepared-events.ts";
import type { Store, StoreWriter } from "../store.ts";

const lengthBytes = 4;

/** Writes and syncs, and nothing else. */
export const bare: Store = {
  async openForAppends(place, events, ahead): Promise<StoreWriter> {
    const file = fs.openSync(path.join(place, "log"), "w");
    let unsynced = 0;
    return {
      append(from, to) {
        fs.writeSync(file, framed(events, from, to));
        unsynced += 1;
        if (unsynced < ahead && to < events.count) return;
        fs.fdatasyncSync(file);
        unsynced = 0;
      },
      close: () => fs.closeSync(file),
    };
  },
  async readAll(place, take) {
    const bytes = fs.readFileSync(path.join(place, "log"));
    for (let at = 0; at < bytes.length; ) {
      const start = at + lengthBytes;
      at = start + bytes.readUInt32LE(at);
      take(bytes.subarray(start, at));
    }
  },
};

function framed(events: PreparedEvents, from: number, to: number): Buffer {
  const whole = events.between(from, to);
  const bytes = Buffer.allocUnsafe(whole.length + lengthBytes * (to - from));
  let at = 0;
  for (let i = from; i < to; i++) {
    const event = events.at(i);
    at = bytes.writeUInt32LE(event.length, at);
    at += event.copy(bytes, at);
  }
  return bytes;
}
