/**
 * Where two sessions part, as a person reads it: the two events, the paths at which their data
 * differ, what follows.
 */
import type { ComparedEvent, SessionDifference } from "../session/index.ts";
import type { Output } from "./output.ts";
import { counted, grouped, timestamp } from "./quantity.ts";
import { table } from "./table.ts";
import { oneLine } from "./terminal-text.ts";

const typesShown = 10;

/** The lines about two sessions. */
export function diffLines(difference: SessionDifference, output: Output): string[] {
  return [...forkLines(difference), ...relationLines(difference, output)];
}

function forkLines({ fork }: SessionDifference): string[] {
  if (!fork) return [];
  const source = fork.fork === "a" ? "b" : "a";
  const settled =
    fork.settled === 0 ? "" : `; ${counted(fork.settled, "event")} settled there, not compared`;
  const events = counted(fork.at, "event");
  return [`forked   ${fork.fork} left ${source} after ${events}${settled}`];
}

function relationLines(difference: SessionDifference, output: Output): string[] {
  const { relation, same, events } = difference;
  if (relation === "identical") {
    return [`${output.style("green", "identical")}   ${counted(same, "event")}`];
  }
  if (relation === "diverged") return divergedLines(difference, output);
  const [shorter, longer] = relation === "a-is-prefix" ? ["a", "b"] : ["b", "a"];
  const more = Math.abs(events.a - events.b);
  const headline = `${shorter} is the beginning of ${longer}`;
  const counts = `${counted(same, "event")} are the same, ${longer} has ${grouped(more)} more`;
  return [`${output.style("yellow", headline)}   ${counts}`, ...typeLines(difference)];
}

function divergedLines(difference: SessionDifference, output: Output): string[] {
  const { same, at, fields, paths, events } = difference;
  const lines = [
    `${output.style("red", "diverged")}   after ${counted(same, "event")} that are the same`,
    `  a  ${eventText(at.a)}`,
    `  b  ${eventText(at.b)}`,
  ];
  for (const { field, a, b } of fields) {
    // Of the data the paths say more than its size does.
    if (field === "data" && paths.length > 0) continue;
    lines.push(`  ${field}`, `    a  ${oneLine(a)}`, `    b  ${oneLine(b)}`);
  }
  for (const { path, expected, actual } of paths) {
    lines.push(`  ${oneLine(path)}`, `    a  ${expected}`, `    b  ${actual}`);
  }
  const rest = `${counted(events.a - same, "event")} of a, ${grouped(events.b - same)} of b`;
  return [...lines, `  from there on: ${rest}`, ...typeLines(difference)];
}

function eventText(event: ComparedEvent | null): string {
  if (!event) return "(has ended)";
  const ref = event.ref === null ? [] : [`answers ${event.ref}`];
  const parts = [`event ${event.seq}`, event.kind, oneLine(event.type), ...ref];
  return [...parts, timestamp(event.time)].join(", ");
}

/** Of which types the rests do not hold the same number. */
function typeLines({ types }: SessionDifference): string[] {
  if (types.length === 0) return [];
  const rows = types
    .slice(0, typesShown)
    .map(({ type, a, b }) => [oneLine(type), grouped(a), grouped(b)]);
  const lines = table(
    [{ heading: "type" }, { heading: "a", align: "right" }, { heading: "b", align: "right" }],
    rows,
  );
  const more = types.length - rows.length;
  if (more > 0) lines.push(`and ${counted(more, "more type")}`);
  return lines.map((line) => `    ${line}`);
}
