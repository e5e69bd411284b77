/**
 * The last thing that happened to a session, looked for from the end of its log: how an executed
 * session ended is in its last event, unless that is a note.
 */
import type { EventView } from "../event/index.ts";
import type { SessionReader } from "./session-reader.ts";

/** Events that are looked at in one go, at first. */
const firstLook = 1;

/** The last event that is no note, of those that can be read. Throws what reading throws. */
export function lastEvent(reader: SessionReader): EventView | undefined {
  let look = firstLook;
  for (let end = reader.size; end > 0; look *= 4) {
    const begin = Math.max(0, end - look);
    let last: EventView | undefined;
    for (const event of reader.events(begin, end)) if (event.kind !== "note") last = event;
    if (last) return last;
    end = begin;
  }
  return undefined;
}
