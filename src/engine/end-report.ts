/**
 * How a session ended, from its last event: one that was just appended, or one that was read from
 * the log of a session that nobody runs any more.
 */
import { ReachError, type SessionId } from "../base/index.ts";
import type { EndReport, SessionOutcome } from "./engine-options.ts";

const outcomes: readonly SessionOutcome[] = ["done", "failed", "cancelled", "infrastructure"];

/** What an `end` event says, with its data decoded. */
export interface EndEvent {
  readonly seq: number;
  readonly type: string;
  readonly time: number;
  readonly data: unknown;
}

/** The report that an `end` event makes. Throws `CORRUPT` for one that no host has written. */
export function endReport(id: SessionId, { seq, type, time, data }: EndEvent): EndReport {
  const outcome = outcomes.find((one) => one === type);
  const fields = (typeof data === "object" && data !== null ? data : {}) as {
    result?: unknown;
    error?: EndReport["error"];
    forced?: unknown;
  };
  if (!outcome) {
    throw new ReachError("CORRUPT", `session ${id} ended as "${type}", which is no outcome`, {
      where: `${id}@${seq}`,
    });
  }
  const { result, error, forced } = fields;
  return {
    id,
    outcome,
    seq,
    time,
    ...(result === undefined ? {} : { result }),
    ...(error === undefined ? {} : { error }),
    forced: forced === true,
  };
}
