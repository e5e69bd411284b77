/**
 * The state of `transcript` as text: what `reach show` prints below its header. Without colours,
 * without anything from the log that a terminal would obey, the same on every machine (no locale).
 */
import type { Calls, ToolUse } from "./calls.ts";
import type { Clock } from "./clock.ts";
import type { Tally } from "./entries.ts";
import type { TouchedFile, TranscriptState } from "./state.ts";
import { dateTime, duration, grouped, printable, rounded, size } from "./text.ts";
import type { Tokens } from "./tokens.ts";

const lineCharsMax = 92;
const rowsShown = 8;
const excerptsShown = 3;
const excerptCharsMax = 72;
const labelChars = 10;

/**
 * The summary as lines of text, without a last newline. `state` is a `TranscriptState`, as the
 * program made it or decoded from a snapshot of version 1.
 */
export function renderTranscript(state: unknown): string {
  return rendered(state as TranscriptState);
}

function rendered(state: TranscriptState): string {
  const sections = [
    overview(state),
    toolTable(state.calls),
    fileTable(state.files.entries, state.files.dropped),
    excerpts("slowest calls", state.calls.slowest, (call) => [
      `event ${call.seq}`,
      `${duration(call.ms).padStart(11)}  ${printable(call.tool, 40)}`,
    ]),
    excerpts("longest pauses", state.clock.idle.longest, (gap) => [
      `event ${gap.seq}`,
      `${duration(gap.ms).padStart(11)}  before it`,
    ]),
    excerpts("last errors", state.errors.last.toReversed(), (error) => [
      `event ${error.seq}`,
      printable(error.text, excerptCharsMax),
    ]),
    excerpts("last messages", state.messages.last.toReversed(), (message) => [
      `event ${message.seq}`,
      printable(`${message.role}: ${message.text}`, excerptCharsMax),
    ]),
  ];
  const filled = sections.filter((lines) => lines.length > 0);
  return filled.map((lines) => lines.map((line) => line.trimEnd()).join("\n")).join("\n\n");
}

function overview(state: TranscriptState): string[] {
  const { clock, sessions, errors, unparsed } = state;
  const about = state.title ?? state.prompt?.text;
  return [
    ...labelled("format", [formatOf(state), count(sessions.count, "session")]),
    ...labelled("about", [about ?? ""]),
    ...labelled("time", timeParts(clock)),
    ...labelled("messages", roleParts(state)),
    ...labelled("models", tallyParts(state.models)),
    ...labelled("tokens", tokenParts(state.tokens)),
    ...labelled("calls", callParts(state.calls)),
    ...labelled("errors", [errors.count > 0 ? grouped(errors.count) : ""]),
    ...labelled("unparsed", unparsedParts(unparsed)),
    ...labelled("events", [grouped(state.events), ...tallyParts(state.types)]),
  ];
}

function formatOf({ format }: TranscriptState): string {
  return format === null || format === "records" ? "none that is known" : format;
}

/** `label     part   part   part`, broken between parts; nothing where all parts are empty. */
function labelled(label: string, parts: readonly string[]): string[] {
  const lines: string[] = [];
  let line = "";
  for (const part of parts) {
    const shown = printable(part, lineCharsMax - labelChars);
    if (shown === "") continue;
    if (line !== "" && labelChars + line.length + 3 + shown.length > lineCharsMax) {
      lines.push(line);
      line = shown;
    } else line = line === "" ? shown : `${line}   ${shown}`;
  }
  if (line !== "") lines.push(line);
  return lines.map((text, i) => `${(i === 0 ? label : "").padEnd(labelChars)}${text}`);
}

function count(amount: number, noun: string): string {
  return amount === 0 ? "" : `${grouped(amount)} ${noun}${amount === 1 ? "" : "s"}`;
}

function timeParts(clock: Clock): string[] {
  const { first, last, idle, backward, between } = clock;
  if (first === null || last === null) return [];
  const back = backward.count > 0 ? `went back ${count(backward.count, "time")}` : "";
  const pauses = idle.count > 0 ? `idle ${duration(idle.ms)} in ${count(idle.count, "pause")}` : "";
  return [
    `${dateTime(first)} to ${dateTime(last)} UTC`,
    duration(last - first),
    pauses,
    between.count > 0 ? `${duration(between.ms)} between sessions` : "",
    back === "" ? "" : `${back} (at most ${duration(backward.longestMs)})`,
  ];
}

function roleParts(state: TranscriptState): string[] {
  const roles = state.messages.roles.toSorted((a, b) => b.count - a.count);
  return roles.map((role) => `${role.name} ${grouped(role.count)} (${size(role.bytes)})`);
}

function tallyParts(counts: Tally): string[] {
  const entries = counts.entries.toSorted((a, b) => b.count - a.count);
  const shown = entries.slice(0, rowsShown).map((entry) => `${entry.name} ${grouped(entry.count)}`);
  const rest = entries.slice(rowsShown);
  const others = rest.reduce((sum, entry) => sum + entry.count, counts.others.count);
  const names = rest.length + counts.others.names;
  return [...shown, names > 0 ? `${grouped(names)} more ${grouped(others)}` : ""];
}

function tokenParts(tokens: Tokens): string[] {
  if (tokens.replies === 0) return [];
  const { cacheRead, cacheWrite } = tokens;
  return [
    `input ${rounded(tokens.input)}`,
    `output ${rounded(tokens.output)}`,
    cacheRead > 0 ? `cache read ${rounded(cacheRead)}` : "",
    cacheWrite > 0 ? `cache written ${rounded(cacheWrite)}` : "",
    tokens.replies === 1 ? "1 reply" : `${grouped(tokens.replies)} replies`,
    tokens.cost === null ? "" : `cost $${tokens.cost.toFixed(tokens.cost < 1 ? 4 : 2)}`,
  ];
}

function callParts(calls: Calls): string[] {
  const { total } = calls;
  if (total.calls + calls.unmatched === 0) return [];
  return [
    grouped(total.calls),
    `finished ${grouped(total.finished)}`,
    total.failed > 0 ? `failed ${grouped(total.failed)}` : "",
    calls.open.length > 0 ? `open ${grouped(calls.open.length)}` : "",
    calls.openDropped > 0 ? `never answered ${grouped(calls.openDropped)}` : "",
    calls.unmatched > 0 ? `results without a call ${grouped(calls.unmatched)}` : "",
    total.timed > 0 && total.longestMs > 0 ? `half below ${duration(median(calls))}` : "",
  ];
}

/** The upper end of the bucket that holds the middle call. */
function median(calls: Calls): number {
  let below = 0;
  for (let i = 0; i < calls.histogram.length; i++) {
    below += calls.histogram[i] ?? 0;
    if (2 * below >= calls.total.timed) return 2 ** i;
  }
  return calls.total.longestMs;
}

function unparsedParts(unparsed: TranscriptState["unparsed"]): string[] {
  if (unparsed.count === 0) return [];
  return [count(unparsed.count, "record"), `last: event ${unparsed.last.at(-1)}`];
}

function toolTable(calls: Calls): string[] {
  const tools = calls.tools.toSorted((a, b) => b.calls - a.calls || (a.name < b.name ? -1 : 1));
  if (tools.length === 0) return [];
  const rows = tools.slice(0, rowsShown).map((tool) => toolRow(tool.name, tool));
  const rest = tools.slice(rowsShown);
  const more = rest.length + calls.otherTools.names;
  if (more > 0) rows.push(toolRow(`${grouped(more)} more`, sumOf([...rest, calls.otherTools])));
  return table(["tool", "calls", "failed", "average", "longest"], rows, "start");
}

function toolRow(name: string, use: ToolUse): string[] {
  const timed = use.timed > 0 && use.longestMs > 0;
  return [
    printable(name, 40),
    grouped(use.calls),
    use.failed > 0 ? grouped(use.failed) : "",
    timed ? duration(use.ms / use.timed) : "",
    timed ? duration(use.longestMs) : "",
  ];
}

function sumOf(uses: readonly ToolUse[]): ToolUse {
  const sum = { calls: 0, finished: 0, failed: 0, timed: 0, ms: 0, longestMs: 0 };
  for (const use of uses) {
    sum.calls += use.calls;
    sum.failed += use.failed;
    sum.timed += use.timed;
    sum.ms += use.ms;
    sum.longestMs = Math.max(sum.longestMs, use.longestMs);
  }
  return sum;
}

function fileTable(files: readonly TouchedFile[], dropped: number): string[] {
  if (files.length === 0) return [];
  const uses = (file: TouchedFile): number => file.reads + file.writes + file.edits;
  const most = files.toSorted((a, b) => uses(b) - uses(a) || b.last - a.last).slice(0, rowsShown);
  const rows = most.map((file) => [
    file.reads > 0 ? grouped(file.reads) : "",
    file.writes > 0 ? grouped(file.writes) : "",
    file.edits > 0 ? grouped(file.edits) : "",
    pathEnd(file.path),
  ]);
  const more = files.length - most.length;
  const forgotten = dropped > 0 ? `, ${grouped(dropped)} older forgotten` : "";
  if (more > 0) rows.push(["", "", "", `and ${grouped(more)} more${forgotten}`]);
  return table(["read", "written", "edited", "file"], rows, "end");
}

/** The end of a path: that is what tells files apart. */
function pathEnd(path: string): string {
  const shown = printable(path, Number.MAX_SAFE_INTEGER);
  const chars = [...shown];
  return chars.length <= 72 ? shown : `…${chars.slice(-71).join("")}`;
}

/** Columns of equal width; the text column, first or last, is aligned to the left. */
function table(head: readonly string[], rows: string[][], text: "start" | "end"): string[] {
  const widths = head.map((cell, i) => {
    return Math.max(cell.length, ...rows.map((row) => row[i]?.length ?? 0));
  });
  const last = head.length - 1;
  return [head, ...rows].map((row) => {
    const cells = row.map((cell, i) => {
      const left = text === "start" ? i === 0 : i === last;
      return left ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0);
    });
    return cells.join("  ");
  });
}

function excerpts<Entry>(
  title: string,
  entries: readonly Entry[],
  row: (entry: Entry) => [string, string],
): string[] {
  const rows = entries.slice(0, excerptsShown).map(row);
  if (rows.length === 0) return [];
  const width = Math.max(...rows.map(([where]) => where.length));
  const shown = rows.map(([where, text]) => {
    return `  ${where.padEnd(width)}  ${text}`;
  });
  return [title, ...shown];
}
