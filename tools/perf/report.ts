// A run as people read it: one table for each scenario, and what the baseline says.

import type { Judged, Verdict } from "./budgets.ts";
import type { Comparison } from "./comparison.ts";
import type { ScenarioResult } from "./scenario.ts";

function digits(value: number): string {
  if (Number.isNaN(value)) return "not measured";
  if (value >= 100 || Number.isInteger(value)) return value.toFixed(0);
  return value.toPrecision(3);
}

function boundText(judged: Judged | undefined): string {
  if (!judged) return "";
  const mark = judged.holds ? "ok" : "MISSED";
  const text = judged.text === "" ? "" : ` (${judged.text})`;
  return `<= ${digits(judged.max)}${text} ${mark}`;
}

function changeText(change: Comparison | undefined): string {
  if (!change) return "";
  const { ratio, low, high, verdict } = change;
  return `${ratio.toFixed(2)}x [${low.toFixed(2)}–${high.toFixed(2)}] ${verdict}`;
}

/** The table of one scenario, in Markdown. */
export function tableOf(
  result: ScenarioResult,
  verdicts: readonly Verdict[],
  changes: ReadonlyMap<string, Comparison>,
): string {
  const head = ["level (P95, median of rounds)", "measured", "P50", "P99", "floor", "contract"];
  head.push("goal", "against the baseline");
  const lines = verdicts.map(({ level, value, floor, contract, goal }) => [
    level.name,
    `${digits(value)} ${level.unit}`,
    level.distribution ? digits(level.distribution.p50) : "",
    level.distribution ? digits(level.distribution.p99) : "",
    floor === undefined ? "" : `${digits(floor)} (${(value / floor).toFixed(1)}x)`,
    boundText(contract),
    boundText(goal),
    changeText(changes.get(level.name)),
  ]);
  const widths = head.map((title, i) => {
    return Math.max(title.length, ...lines.map((line) => line[i]?.length ?? 0));
  });
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  const rule = `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`;
  const title = `### ${result.name}: ${result.about} (${result.seconds.toFixed(0)} s)`;
  return `${[title, "", line(head), rule, ...lines.map(line)].join("\n")}\n`;
}
