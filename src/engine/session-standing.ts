/**
 * Where a session stands, for those who ask: its phase, what it waits for, how it ended or why it
 * cannot go on.
 */
import type { ReachError } from "../base/index.ts";
import type { Waiting } from "../driver/index.ts";
import type { EndReport, SessionPhase, SessionStatus } from "./engine-options.ts";

/** The standing of one session. */
export class SessionStanding {
  readonly #changed: (phase: SessionPhase) => void;
  phase: SessionPhase = "queued";
  /** Events known to be in its log. */
  size = 0;
  /** How it ended, once that is durable. */
  report: EndReport | undefined;
  /** Why it is stuck. */
  error: ReachError | undefined;
  /** Seqs of open calls, and types of the inputs that it waits for. */
  calls: readonly number[] = [];
  inputs: readonly string[] = [];

  constructor(changed: (phase: SessionPhase) => void) {
    this.#changed = changed;
  }

  waitsFor({ calls, inputs }: Waiting): void {
    this.calls = calls;
    this.inputs = inputs;
  }

  /** A session that is parked stays so until it ends. */
  become(phase: SessionPhase): void {
    const parked = this.phase === "parked" && phase !== "ended" && phase !== "stuck";
    if (this.phase === phase || parked) return;
    this.phase = phase;
    this.#changed(phase);
  }

  /** `nextSeq` of its log, as far as that is open; `due`: when its next timer is. */
  status(nextSeq: number, due: number | undefined): SessionStatus {
    const { phase, report, error, calls, inputs } = this;
    return {
      phase,
      size: Math.max(this.size, nextSeq),
      ...(report ? { outcome: report.outcome } : {}),
      ...(phase === "waiting" ? { waiting: { calls, inputs, due: due ?? null } } : {}),
      ...(error ? { error: { code: error.code, message: error.message } } : {}),
    };
  }
}
