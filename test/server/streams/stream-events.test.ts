// Following a stream: whatever its log shows, an answer leaves the thread to others.

import { EventEmitter } from "node:events";
import type { ServerResponse } from "node:http";
import { expect, it } from "vitest";
import type { ServerConfig } from "../../../src/server/server-options.ts";
import { type Following, follow } from "../../../src/server/streams/stream-events.ts";
import type { StreamPiece } from "../../../src/server/streams/stream-reading.ts";
import type { TailHub } from "../../../src/server/tails/tail-hub.ts";

/** A response that takes everything. */
class Taken extends EventEmitter {
  readonly writableNeedDrain = false;
  readonly destroyed = false;
  text = "";
  ended = false;

  write(text: string): boolean {
    this.text += text;
    return true;
  }

  end(): void {
    this.ended = true;
  }
}

it("ends when the log does not show what it should have, and the client comes back", async () => {
  let reads = 0;
  const read = async (): Promise<StreamPiece> => {
    reads += 1;
    // Promises that are settled: it would go on for ever, and nobody else would run.
    if (reads > 100) throw new Error("the same place is read again and again");
    return { messages: [], next: 7, upToDate: false, closed: false };
  };
  const response = new Taken();
  const following = {
    streams: { read, touch: () => {}, follow: () => () => {} },
    tails: { stopping: false } as TailHub,
    config: { streamEventsMs: 60_000, heartbeatMs: 15_000 } as ServerConfig,
    stream: { observers: 0, state: { size: 9, deleted: false, json: true }, config: {} },
    from: 7,
    cursor: undefined,
  } as unknown as Following;
  await follow(response as unknown as ServerResponse, following);
  expect(response.ended).toBe(true);
  expect(reads).toBe(1);
  expect(response.text).toContain("streamNextOffset");
});
