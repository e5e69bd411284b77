/**
 * Notes of one session that wait for their place: they are appended between activations only, where
 * no program sees them.
 */
import type { Appended } from "../session/index.ts";
import type { LoggedEvent, SessionLog } from "./session-log.ts";

/** What is noted in an event: a note has no data but these. */
export type Note = Omit<LoggedEvent, "kind">;

/** Notes that are not in the log yet. */
export class PendingNotes {
  readonly #log: SessionLog;
  readonly #appended: (appended: Appended) => void;
  #waiting: Note[] = [];

  /** `appended` is told of every note that is on its way. */
  constructor(log: SessionLog, appended: (appended: Appended) => void) {
    this.#log = log;
    this.#appended = appended;
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
    for (const note of notes) this.#appended(this.#log.append({ kind: "note", ...note }));
  }
}
