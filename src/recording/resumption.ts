/**
 * Going on with a recording whose process is gone: a note says where, and calls that were under way
 * get a result that says so. Nobody knows what became of them; but a rerun, and whoever reads the
 * log, knows that nothing more will come.
 */
import { ReachError } from "../base/index.ts";
import type { EventView } from "../event/index.ts";
import { type EncodedEvent, eventNow } from "./encoded-event.ts";

/** The type of the note that stands where a recording is taken up again. */
export const resumedNoteType = "reach.resumed";

/** A call of an effect that has no result. */
export interface OpenCall {
  readonly seq: number;
  /** Of its effect. */
  readonly name: string;
}

/** The note of a recording that is taken up again. */
export function resumedNote(): EncodedEvent {
  return eventNow("note", resumedNoteType, null, {});
}

/** Whether an event was written by whoever took a recording up again, and not by its code. */
export function isResumedNote({ kind, type, ref }: EventView): boolean {
  return kind === "note" && type === resumedNoteType && ref === null;
}

/** The result of a call whose process is gone: a failure with the code `INTERRUPTED`. */
export function interruptedResult({ seq, name }: OpenCall): EncodedEvent {
  const message = `the process that ran "${name}" ended before its result was recorded`;
  return eventNow("result", name, seq, {
    error: { name: "ReachError", message, code: "INTERRUPTED" },
  });
}

/** Finds the calls that are open at the end of a log: told of its events in order. */
export class OpenCallSearch {
  readonly #open = new Map<number, EventView>();

  /** Takes the next event. */
  see(event: EventView): void {
    if (event.kind === "call") this.#open.set(event.seq, event);
    else if (event.kind === "result" && event.ref !== null) this.#open.delete(event.ref);
  }

  /**
   * The open calls of effects, in order. Calls that code appended by itself have data of another
   * shape: who answers those, and when, is for that code to say.
   */
  found(): OpenCall[] {
    const calls = [...this.#open.values()].filter(isOfEffect);
    return calls.map(({ seq, type }) => ({ seq, name: type }));
  }
}

function isOfEffect({ data }: EventView): boolean {
  if (typeof data !== "object" || data === null || Array.isArray(data)) return false;
  const [key, ...others] = Object.keys(data);
  return key === "input" && others.length === 0;
}

/** Whether events of a recorder may be appended to what a manifest describes. */
export function isOwnRecording(manifest: {
  readonly kind: string;
  readonly format: string;
}): boolean {
  return manifest.kind === "recorded" && manifest.format === "";
}

/** The error for a session that no recorder has written. */
export function notRecorded(id: string): ReachError {
  return new ReachError("CONFLICT", `session ${id} was not recorded by its own code`, {
    where: id,
    hint: "a program's session goes on by itself; behind an import or a stream append events",
  });
}
