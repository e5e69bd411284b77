/**
 * Notes of one session that wait for their place: they are appended between activations only, where
 * no program sees them.
 */
import type { LoggedEvent, SessionLog } from "./session-log.ts";

/** What is noted in an event: a note has no data but these. */
export type Note = Omit<LoggedEvent, "kind">;

/** Notes that are not in the log yet. */
export class PendingNotes {
  readonly #log: SessionLog;
  #waiting: Note[] = [];

  constructor(log: SessionLog) {
    this.#log = log;
  }

  get size(): number {
    return this.#waiting.length;
  }

  add(note: Note): void {
    this.#waiting.push(note);
  }

  /** Appends all of them. */
  flush(): void {
    const notes = this.#waiting;
    this.#waiting = [];
    for (const note of notes) this.#log.append({ kind: "note", ...note });
  }
}
