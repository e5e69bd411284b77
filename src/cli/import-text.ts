/**
 * What an import did, as a person reads it: one to a few lines per source, problems summed up by
 * sort.
 */
import type { ImportReport } from "../importers/index.ts";
import { byteSize, counted, grouped, seconds } from "./quantity.ts";
import { twoColumns } from "./table.ts";
import { oneLine } from "./terminal-text.ts";

/** A problem of a source, as reports hold them. */
type Problem = ImportReport["problems"][number];

const problemLinesMax = 8;

/** The lines about one source. `id` is the shortened id of its session. */
export function importLines(report: ImportReport, id: string): string[] {
  const payloads = payloadText(report);
  const pairs: [string, string][] = [[headline(report), `id    ${id}`]];
  const root = `root  ${shortHash(report.root)}`;
  if (!report.unchanged) pairs.push([payloads === undefined ? "" : `  ${payloads}`, root]);
  return [...twoColumns(pairs), ...continuation(report), ...problemLines(report)];
}

function headline(report: ImportReport): string {
  const { records, bytes, format, continuedFrom, unchanged } = report;
  if (unchanged) return `unchanged: the ${counted(report.events, "event")} of it are here already`;
  const what = `${counted(records, "event")} (${byteSize(bytes)})`;
  const time = seconds(report.seconds);
  const verb = continuedFrom === null ? "imported" : "continued with";
  return `${verb} ${what} from ${format} in ${time}`;
}

/** `12,795 payloads, 250 MB -> 131 MB stored (1.9x)`. */
function payloadText({ blobs }: ImportReport): string | undefined {
  if (blobs.count === 0) return undefined;
  const { count, bytes, storedBytes } = blobs;
  const times = storedBytes > 0 ? ` (${(bytes / storedBytes).toFixed(1)}x)` : "";
  const stored = `${byteSize(bytes)} -> ${byteSize(storedBytes)} stored${times}`;
  return `blobs ${counted(count, "payload")}, ${stored}`;
}

function continuation({ continuedFrom, unchanged }: ImportReport): string[] {
  if (continuedFrom === null || unchanged) return [];
  return [`  proved consistent with the ${counted(continuedFrom, "event")} before`];
}

function problemLines(report: ImportReport): string[] {
  const lines = summariseProblems(report.problems);
  const told = lines.slice(0, problemLinesMax).map((line) => `  ${line}`);
  const kept = report.problems.length;
  if (lines.length > told.length) told.push("  and other problems: --json lists the first 100");
  else if (report.problemCount > kept) {
    told.push(`  and ${counted(report.problemCount - kept, "more problem")}`);
  }
  return told;
}

/** One line per sort of problem: how often, and where first. */
export function summariseProblems(problems: readonly Problem[]): string[] {
  const groups = new Map<string, Problem[]>();
  for (const problem of problems) {
    const sort = sortOf(problem);
    const group = groups.get(sort);
    if (group) group.push(problem);
    else groups.set(sort, [problem]);
  }
  return [...groups].map(([sort, group]) => groupText(sort, group));
}

const gluedRecords = /^holds (\d+) records without a newline between them$/;

/** The message without the place, which differs from one problem to the next. */
function sortOf({ message }: Problem): string {
  const text = oneLine(message).replace(/^line \d+ /, "");
  if (gluedRecords.test(text)) return "glued";
  return text.replace(/\d+/g, "#");
}

function groupText(sort: string, group: readonly Problem[]): string {
  const first = group[0] as Problem;
  const text = oneLine(first.message);
  if (sort === "glued") return gluedText(group);
  if (group.length === 1) return text;
  const bare = text.replace(/^line \d+ /, "");
  const noun = first.line === null ? "place" : "line";
  return `${counted(group.length, noun)}: ${bare} (first: ${placeOf(first)})`;
}

function gluedText(group: readonly Problem[]): string {
  const first = group[0] as Problem;
  const lines = counted(group.length, "line");
  const numbers = group.map(({ message }) => /holds (\d+) records/.exec(message)?.[1]);
  const two = numbers.every((number) => number === "2");
  const records = two ? "two records" : "several records";
  const kept = two ? "both kept" : "all kept";
  const what = `held ${records} without a newline between them: ${kept}`;
  return `${lines} ${what} (first: ${placeOf(first)})`;
}

function placeOf({ line, offset }: Problem): string {
  return line === null ? `byte ${grouped(offset)}` : `line ${grouped(line)}`;
}

/** A hash by its ends: enough to compare by eye, too little to mistake for the whole. */
export function shortHash(hex: string): string {
  return `${hex.slice(0, 8)}…${hex.slice(-4)}`;
}
