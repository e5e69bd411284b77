/**
 * What the manifest of a fork says of the events that it shares with its source: a root, which is
 * compared like that of a checkpoint, and how many there are at least. Whoever has the source can
 * show that it is the root there.
 */
import type { Manifest } from "./manifest.ts";
import type { RootClaim } from "./root-marks.ts";
import type { ProblemList } from "./verify-report.ts";

/** The claim of a fork; nothing for other sessions. */
export function forkClaim({ fork }: Manifest, problems: ProblemList): RootClaim[] {
  if (!fork) return [];
  const { at, root, source } = fork;
  const settle = (holds: boolean | undefined): void => {
    if (holds !== false) return;
    problems.add("manifest.cbor", `its first ${at} events are not those of session ${source}`);
  };
  return [{ size: at, root, settle }];
}

/**
 * A fork is there with all events that it shares, and its `fork` event behind them: notes what is
 * missing of these in a session of `end` events.
 */
export function forkShortfall({ fork }: Manifest, end: number, problems: ProblemList): void {
  const events = fork ? fork.at + 1 : 0;
  if (end >= events) return;
  const message = `events from ${end} on are missing: the fork began with ${events}`;
  problems.missing(end, "events", message, events - end);
}
