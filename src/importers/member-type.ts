/**
 * What records of no particular format say about themselves: the members that most JSON logs use
 * for the type of a record and for its time. JSON Lines and JSON documents share these rules.
 */
import type { JsonObject } from "./reading.ts";
import { textOf, typeWord } from "./reading.ts";
import { timeOf } from "./times.ts";

const typeMembers = ["type", "event", "kind", "name"] as const;
const timeMembers = ["timestamp", "time", "ts", "created_at", "createdAt"] as const;

/** The first of `type`, `event`, `kind`, `name` that is a text an event can have as its type. */
export function ownType(record: JsonObject): string | undefined {
  for (const member of typeMembers) {
    const word = typeWord(textOf(record[member]));
    if (word !== undefined) return word;
  }
  return undefined;
}

/** The first of `timestamp`, `time`, `ts`, `created_at`, `createdAt` that tells a time, in ms. */
export function ownTime(record: JsonObject): number | null {
  for (const member of timeMembers) {
    const time = timeOf(record[member]);
    if (time !== null) return time;
  }
  return null;
}
