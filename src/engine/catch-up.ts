/**
 * Compares what a program makes while it is resumed with what its log says it made: kind, type and
 * payload, byte by byte. What comes behind the end of the log is left to be appended.
 */
import { equalBytes, ReachError } from "../base/index.ts";
import type { MadeEvent, Turn } from "../driver/index.ts";
import type { RecordedEvent } from "./resume-plan.ts";

/** The recorded events of an unfinished step, on the way to their end. */
export class CatchUp {
  readonly #tail: readonly RecordedEvent[];
  readonly #logged: number;
  #at = 0;
  /** Turns that have to come: the beginning of the step, and one for each outside event. */
  #turnsLeft: number;

  /** `logged`: how many notes the log holds of what the program logged in the last turn. */
  constructor(tail: readonly RecordedEvent[], logged: number) {
    this.#tail = tail;
    this.#logged = logged;
    this.#turnsLeft = 1 + tail.filter(({ isMade }) => !isMade).length;
  }

  /** Whether everything recorded has been seen again. */
  get done(): boolean {
    return this.#turnsLeft === 0;
  }

  /** Everything recorded of the step. */
  get recorded(): readonly RecordedEvent[] {
    return this.#tail;
  }

  /** The last turn without the notes of it that the log has; only an end comes behind those. */
  behindNotes(turn: Turn): Turn {
    const firstSeq = turn.firstSeq + this.#logged;
    return { ...turn, firstSeq, logs: turn.logs.slice(this.#logged) };
  }

  /**
   * Takes the next turn; returns what it made and the log does not hold, which only the last turn
   * can have. Throws `RESUME_DIVERGED`.
   */
  take({ firstSeq, made, ended }: Turn): readonly MadeEvent[] {
    this.#turnsLeft -= 1;
    for (const [i, event] of made.entries()) {
      const recorded = this.#tail[this.#at];
      if (!recorded) {
        if (this.#turnsLeft > 0) throw diverged(firstSeq + i, "made more than its log holds");
        return made.slice(i);
      }
      this.#compare(recorded, event, firstSeq + i);
      this.#at += 1;
    }
    const next = this.#tail[this.#at];
    if (next?.isMade)
      throw diverged(next.seq, `did not make the ${next.kind} "${next.type}" again`);
    if (ended && !this.done) throw diverged(firstSeq, "ended before its log does");
    // The outside event that the next turn is about.
    if (next) this.#at += 1;
    return [];
  }

  #compare(recorded: RecordedEvent, made: MadeEvent, seq: number): void {
    const { kind, type } = recorded;
    if (!recorded.isMade || recorded.seq !== seq) {
      throw diverged(seq, `made a ${made.kind} "${made.type}" that its log does not hold`);
    }
    if (kind !== made.kind || type !== made.type) {
      const expected = `the ${kind} "${type}"`;
      throw diverged(seq, `made the ${made.kind} "${made.type}" instead of ${expected}`);
    }
    if (recorded.form !== "cbor" || !equalBytes(recorded.payload, made.data)) {
      throw diverged(seq, `made the ${kind} "${type}" with other data`);
    }
  }
}

function diverged(seq: number, what: string): ReachError {
  return new ReachError("RESUME_DIVERGED", `at event ${seq} the program ${what}`, {
    hint: "`reach replay` says where the program did something else, and why",
  });
}
