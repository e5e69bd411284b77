/**
 * Notes of one session that wait for their place: they are appended between activations only, where
 * no program sees them.
 */
import type { Note, SessionLog } from "./session-log.ts";

/** Notes that are not in the log yet. */
export class PendingNotes {
  readonly #log: SessionLog;
  readonly #refused: (error: unknown) => void;
  #waiting: Note[] = [];

  /** `refused` is told of a note that the log does not take: it is left out. */
  constructor(log: SessionLog, refused: (error: unknown) => void) {
    this.#log = log;
    this.#refused = refused;
  }

  get size(): number {
    return this.#waiting.length;
  }

  add(note: Note): void {
    this.#waiting.push(note);
  }

  /** Appends all of them. Never throws: a note is not worth what its session is about to do. */
  flush(): void {
    const notes = this.#waiting;
    this.#waiting = [];
    for (const note of notes) {
      try {
        this.#log.append({ kind: "note", ...note });
      } catch (error) {
        this.#refused(error);
      }
    }
  }
}
