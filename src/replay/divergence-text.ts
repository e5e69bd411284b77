/**
 * A divergence for a terminal: no colours (the command line adds them), no control characters,
 * every line short enough for a normal window where the values allow it.
 */
import type { Difference } from "./difference.ts";
import { visible } from "./display.ts";
import type { Divergence } from "./divergence.ts";
import type { EventMark } from "./locate.ts";

const lineCharsMax = 96;

/**
 * The report as lines of text, without a last newline:
 *
 *   diverged  between 47,000 and 48,000 events
 *     last match     the snapshot at 47,000 events
 *     last written   by event 47213, result, user/tool_result, 2026-01-05T12:17:36.583Z
 *     state          expected 8d0a31f29c77…  actual 77fe02b1d90c…
 *     $.tokens.input
 *       expected  1200
 *       actual    1201
 *     cause          the code changed: ...
 */
export function renderDivergence(divergence: Divergence): string {
  const lines = [
    `diverged  between ${grouped(divergence.from)} and ${grouped(divergence.to)} events`,
    labelled("last match", lastMatch(divergence)),
    labelled(divergence.actualHash === null ? "failed" : "last written", writer(divergence)),
    labelled("state", hashes(divergence)),
    ...divergence.paths.flatMap(pathLines),
  ];
  if (divergence.more) lines.push("  … and more");
  lines.push(...wrapped("cause", divergence.cause.text));
  return lines.join("\n");
}

/** One line of a report: a label, and what stands behind it. */
export function labelled(label: string, text: string): string {
  return `  ${label.padEnd(13)}  ${text}`;
}

function lastMatch({ lastMatching }: Divergence): string {
  if (lastMatching === null) return "none: the stretch begins with the first event";
  return `the snapshot at ${grouped(lastMatching)} events`;
}

function writer(divergence: Divergence): string {
  if (divergence.event) {
    const by = divergence.actualHash === null ? "at" : "by";
    return `${by} event ${eventText(divergence.event)}`;
  }
  if (divergence.paths.length > 0) return "by no event of this stretch";
  return "unknown: the two states cannot be compared";
}

function eventText(event: EventMark): string {
  const parts = [String(event.seq), event.kind, visible(event.type)];
  return [...parts, ...dateText(event.time)].join(", ");
}

/** A time of an event as text; nothing for one that no calendar has. */
export function dateText(time: number): string[] {
  return time > 0 && time <= 8.64e15 ? [new Date(time).toISOString()] : [];
}

function hashes(divergence: Divergence): string {
  const { actualHash } = divergence;
  const actual = actualHash === null ? "none: the program failed" : `${actualHash.slice(0, 12)}…`;
  return `expected ${divergence.expectedHash.slice(0, 12)}…  actual ${actual}`;
}

/** The lines about a place where two values differ. */
export function pathLines({ path, expected, actual }: Difference): string[] {
  return [`  ${path}`, `    expected  ${expected}`, `    actual    ${actual}`];
}

/** A label and a long text, wrapped. */
export function wrapped(label: string, text: string): string[] {
  const lines: string[] = [];
  let line = labelled(label, "").trimEnd().padEnd(16);
  for (const word of visible(text).split(" ")) {
    if (line.length + 1 + word.length > lineCharsMax) {
      lines.push(line);
      line = " ".repeat(16);
    }
    line += ` ${word}`;
  }
  return [...lines, line];
}

/** A count with separators: `48,213`. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(?:\d{3})+$)/g, ",");
}
