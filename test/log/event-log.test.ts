// Reading an event log at any place through its index: the index saves time and is never believed.

import { afterEach, beforeEach, expect, it } from "vitest";
import type { SessionId } from "../../src/base/index.ts";
import { nodeDisk } from "../../src/disk/index.ts";
import { EventLog, eventLogPath } from "../../src/log/index.ts";
import { Directory } from "../../src/session/index.ts";
import { Scratch, writeSample } from "../session/sample-session.ts";

const count = 1000;

let scratch: Scratch;
beforeEach(() => {
  scratch = new Scratch();
});
afterEach(() => scratch.remove());

async function stored(): Promise<SessionId> {
  const directory = await Directory.open({ path: scratch.at("data"), mode: "write" });
  const id = await writeSample(directory, count);
  await directory.close();
  return id;
}

/** The log with an index that knows nothing yet. */
function opened(id: SessionId): EventLog {
  const path = eventLogPath(scratch.at("data"), id);
  return new EventLog(nodeDisk, path, scratch.at("no index"), id, true);
}

function placesIn(log: EventLog, from: number, to: number): [seq: number, offset: number][] {
  return [...log.batches(from, to)].map(({ firstSeq, fileOffset }) => [firstSeq, fileOffset]);
}

it("reads the same batches from anywhere, also when its index names wrong places", async () => {
  const id = await stored();
  const log = opened(id);
  const all = placesIn(log, 0, count);
  log.close();
  const [seq, offset] = all.at(-1) as [number, number];
  const wrong: [seq: number, offset: number][] = [
    [seq - 70, offset - 1],
    [seq - 70, offset],
    [1, offset],
    [seq - 70, offset + 2 ** 24],
  ];
  for (const [wrongSeq, wrongOffset] of wrong) {
    const misled = opened(id);
    misled.index.add(wrongSeq, wrongOffset);
    expect(placesIn(misled, seq - 20, count)).toEqual(all.slice(-2));
    expect(placesIn(misled, 0, count)).toEqual(all);
    misled.close();
  }
});
