// Reach as a library: one session, one event for each of the events, its bytes as a JSON payload.
// A batch is acknowledged when the journal has been synced.

import path from "node:path";
import { Directory } from "../../../../src/session/index.ts";
import type { EventHeader } from "../prepared-events.ts";
import type { Store, StoreWriter } from "../store.ts";

function folder(place: string): string {
  return path.join(place, "default");
}

/** A data directory with one session. */
export const reach: Store = {
  async openForAppends(place, events): Promise<StoreWriter> {
    const directory = await Directory.open({ path: folder(place), mode: "write" });
    const writer = directory.createSession({ name: "peers" });
    return {
      append(from, to) {
        let durable = Promise.resolve();
        for (let i = from; i < to; i++) {
          const { time, kind, type, ref } = events.headers[i] as EventHeader;
          const bytes = events.at(i);
          ({ durable } = writer.append({ time, kind, type, ref, form: "json", bytes }));
        }
        return durable;
      },
      close: () => directory.close(),
    };
  },
  async readAll(place, take) {
    const directory = await Directory.open({ path: folder(place), mode: "read" });
    const [id] = directory.sessionIds();
    if (id === undefined) throw new Error("there is no session");
    const reader = directory.session(id);
    for (const event of reader.events()) take(event.payloadBytes);
    reader.close();
    await directory.close();
  },
};
