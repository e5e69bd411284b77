/**
 * The report about an executed session for a terminal: no colours (the command line adds them), no
 * control characters, every line short enough for a normal window where the values allow it.
 */

import { visible } from "./display.ts";
import { dateText, grouped, labelled, pathLines, wrapped } from "./divergence-text.ts";
import type { EventMark } from "./locate.ts";
import type { OperationMark } from "./operation.ts";
import type { OperationDivergence, PendingMarks, StateMarks } from "./operation-divergence.ts";

const pendingShown = 5;

/**
 * The report as lines of text, without a last newline:
 *
 *   diverged  at event 4,213, in the step that began with event 4,201
 *     last match     the snapshot at 4,001 events
 *     given          event 4212, result, tool.search
 *     expected       call tool.fetch, input 8d0a31f29c77… (41 bytes)
 *     actual         call tool.fetch, input 77fe02b1d90c… (44 bytes)
 *     $.input.query
 *       expected  "a"
 *       actual    "b"
 *     source         agent.ts:41:26
 *     pending        event 4202, call, llm.chat
 *     change         the call "tool.fetch" has another input
 *     cause          the code changed: ...
 */
export function renderOperationDivergence(divergence: OperationDivergence): string {
  const { expected, actual, source, state } = divergence;
  const lines = [
    ...beginning(divergence),
    labelled("expected", expected ? operation(expected) : "nothing: the log ends here"),
    labelled("actual", actual ? operation(actual) : "nothing: the program waits, or has ended"),
    ...(state ? stateLines(state) : []),
    ...divergence.paths.flatMap(pathLines),
  ];
  if (divergence.more) lines.push("  … and more");
  if (source !== null) lines.push(labelled("source", visible(source)));
  lines.push(labelled("pending", pendingText(divergence.pending)));
  lines.push(...wrapped("change", divergence.change.text));
  lines.push(...wrapped("cause", divergence.cause.text));
  return lines.join("\n");
}

/** Code that recorded itself has no steps and no snapshots. */
function beginning({ seq, stepFrom, delivered, lastMatching }: OperationDivergence): string[] {
  const at = `diverged  at event ${grouped(seq)}`;
  const given = (otherwise: string): string => {
    return labelled("given", delivered ? eventText(delivered) : otherwise);
  };
  if (stepFrom === null) return [at, given("nothing yet")];
  return [
    `${at}, in the step that began with event ${grouped(stepFrom)}`,
    labelled("last match", lastMatch(lastMatching)),
    given("the beginning of the step"),
  ];
}

function lastMatch(lastMatching: number | null): string {
  if (lastMatching === null) return "none: the run began with the first event";
  return `the snapshot at ${grouped(lastMatching)} events`;
}

function eventText({ seq, kind, type, time }: EventMark): string {
  return [`event ${seq}`, kind, visible(type), ...dateText(time)].join(", ");
}

function operation({ kind, type, inputHash, bytes, shown }: OperationMark): string {
  const input = `input ${inputHash.slice(0, 12)}… (${grouped(bytes)} bytes)`;
  return `${kind} ${visible(type)}, ${input}, ${shown}`;
}

function stateLines({ recorded, run, folded }: StateMarks): string[] {
  const parts = [
    recorded === null ? undefined : `recorded ${recorded.slice(0, 12)}…`,
    `run ${run === null ? "failed" : `${run.slice(0, 12)}…`}`,
    `folded ${folded === null ? "failed" : `${folded.slice(0, 12)}…`}`,
  ];
  return [labelled("state", parts.filter((part) => part !== undefined).join("  "))];
}

function pendingText({ calls, timers, inputs }: PendingMarks): string {
  const parts = [
    ...calls.slice(0, pendingShown).map(({ seq, type }) => `call ${visible(type)} (${seq})`),
    ...timers.slice(0, pendingShown).map(({ seq }) => `a timer (${seq})`),
    ...inputs.slice(0, pendingShown).map((type) => `input ${visible(type)}`),
  ];
  const all = calls.length + timers.length + inputs.length;
  if (all > parts.length) parts.push(`… ${all} in all`);
  return parts.length === 0 ? "nothing" : parts.join(", ");
}
