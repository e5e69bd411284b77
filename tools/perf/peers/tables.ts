// The result as Markdown: what was measured, what each store promises for that, and the replay.

import type { Machine } from "../../bench/report.ts";
import { ratioOf, type Spread, spreadOf } from "../../bench/spread.ts";
import type { ReplaySeries, Replays, StoreSeries, Task } from "./comparison.ts";
import { peerVersion } from "./peer-modules.ts";
import type { Row } from "./rows.ts";
import { batchEvents, batchesAhead } from "./store.ts";

/** Everything that was measured. */
export interface Result {
  readonly machine: Machine;
  readonly began: string;
  readonly rounds: number;
  readonly events: number;
  readonly load: { readonly before: number; readonly after: number };
  readonly stores: readonly StoreSeries[];
  readonly replays: readonly ReplaySeries[];
}

const replayGoals = { speed: 10, memory: 0.5 };
const mebibyte = 1024 * 1024;

function digits(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString("en-US");
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

function spreadText({ median, min, max }: Spread, unit: string): string {
  const range = min === max ? "" : ` [${digits(min)}–${digits(max)}]`;
  return `${digits(median)}${unit}${range}`;
}

function ratioText({ median, min, max }: Spread): string {
  const range = min === max ? "" : ` [${min.toFixed(2)}–${max.toFixed(2)}]`;
  return `${median.toFixed(2)}x${range}`;
}

/** Lines of cells as a Markdown table that reads well as it is. */
export function markdownTable(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, i) => {
    return Math.max(...lines.map((line) => (line[i] ?? "").length));
  });
  const text = lines.map((line) => {
    return `| ${line.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  });
  const rule = `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`;
  return `${[text[0], rule, ...text.slice(1)].join("\n")}\n`;
}

function titleOf({ title, package: name }: Row): string {
  return name === undefined ? title : `${title} (${name} ${peerVersion(name)})`;
}

const tasks: readonly (readonly [Task, string])[] = [
  ["sequential", "append, one by one"],
  ["pipelined", `append, ${batchesAhead} under way`],
  ["read", "read back"],
];

function storesTable(stores: readonly StoreSeries[]): string {
  const header = ["store", ...tasks.flatMap(([, title]) => [title, "to Reach"])];
  const lines = stores.map((series) => {
    const base = stores.find(({ row }) => row.name === series.row.against);
    const cells = tasks.flatMap(([task]) => [timeText(series, task), toReach(series, base, task)]);
    const disk = digits(spreadOf(series.diskBytes).median / mebibyte);
    const memory = digits(spreadOf(series.readRssBytes).median / mebibyte);
    return [titleOf(series.row), ...cells, cpuText(series), `${disk} MiB`, `${memory} MiB`];
  });
  const last = ["CPU: append, read", "on disk", "peak RSS, read"];
  return markdownTable([[...header, ...last], ...lines]);
}

function timeText(series: StoreSeries, task: Task): string {
  const times = series.tasks[task].map(({ seconds }) => seconds);
  return times.length === 0 ? "" : spreadText(spreadOf(times), " s");
}

/** Processor time of the whole process; of a server the client does not know it. */
function cpuText({ row, tasks }: StoreSeries): string {
  if (row.kind === "server") return "";
  const texts = [tasks.sequential, tasks.read].map((list) => {
    return `${digits(spreadOf(list.map(({ cpuSeconds }) => cpuSeconds)).median)} s`;
  });
  return texts.join(", ");
}

/** Above 1: Reach is faster. */
function toReach(series: StoreSeries, base: StoreSeries | undefined, task: Task): string {
  const times = series.tasks[task].map(({ seconds }) => seconds);
  const reach = base?.tasks[task].map(({ seconds }) => seconds) ?? [];
  if (times.length === 0 || reach.length === 0) return "";
  return ratioText(ratioOf(times, reach));
}

function promisesTable(stores: readonly StoreSeries[]): string {
  const header = [
    ...["store", "durable when acknowledged", "check sums", "evidence of tampering"],
    ...["retries stored once", "settings"],
  ];
  const lines = stores.flatMap(({ row: { title, promises } }) => {
    if (!promises) return [];
    const { durable, checksums, tamper, dedup, settings } = promises;
    return [[title, durable, checksums, tamper, dedup, settings]];
  });
  return markdownTable([header, ...lines]);
}

function replayTable(replays: readonly ReplaySeries[]): string {
  const header = ["replay", "Temporal", "Reach, 1 worker", "Reach / Temporal", "goal", ""];
  return markdownTable([header, ...replays.flatMap(replayLines)]);
}

function replayLines({ events, reachEvents, effects, first, again }: ReplaySeries): string[][] {
  const memory = [first.temporal, first.reach].map((list) =>
    list.map((one) => one.peakRssBytes / mebibyte),
  );
  const rss = ratioOf(memory[1] ?? [], memory[0] ?? []);
  const count = effects.toLocaleString("en-US");
  const [theirs, ours] = [events, reachEvents].map((number) => number.toLocaleString("en-US"));
  const what = `${count} effects (Temporal: ${theirs} events, Reach: ${ours})`;
  return [
    [`${what}: effects per second`, ...speedCells(effects, first)],
    ["the same in a process that has replayed it before", ...speedCells(effects, again)],
    [
      "peak RSS of the process that replays it once",
      ...memory.map((list) => spreadText(spreadOf(list), " MiB")),
      ratioText(rss),
      `<= ${replayGoals.memory}x`,
      rss.median <= replayGoals.memory ? "ok" : "MISSED",
    ],
  ];
}

function speedCells(effects: number, { temporal, reach }: Replays): string[] {
  const rates = [temporal, reach].map((list) => list.map(({ seconds }) => effects / seconds));
  const speed = ratioOf(rates[1] ?? [], rates[0] ?? []);
  return [
    ...rates.map((list) => spreadText(spreadOf(list), "")),
    ratioText(speed),
    `>= ${replayGoals.speed}x`,
    speed.median >= replayGoals.speed ? "ok" : "MISSED",
  ];
}

/** Everything that is printed. */
export function resultText(result: Result): string {
  const { machine, load, rounds, events, stores, replays } = result;
  const { node, cores, processor, system } = machine;
  const parts = [
    `${node}, ${cores} x ${processor}, ${system}; load ${load.before} before, ${load.after} ` +
      `after; ${rounds} rounds, interleaved; median [min–max]`,
  ];
  if (stores.length > 0) {
    parts.push(
      `${events.toLocaleString("en-US")} events in batches of ${batchEvents}. "to Reach": their ` +
        "time divided by Reach's of the same round, above 1 Reach is faster; servers are held " +
        "against Reach's server.",
      storesTable(stores).trimEnd(),
      promisesTable(stores).trimEnd(),
    );
  }
  if (replays.length > 0) parts.push(replayTable(replays).trimEnd());
  return `${parts.join("\n\n")}\n`;
}
