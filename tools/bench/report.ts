// The result of a run as people read it, and as a program does.

import { readFileSync, statfsSync } from "node:fs";
import * as os from "node:os";
import process from "node:process";
import { type Goal, type Row, reached, type Unit } from "./scenario.ts";
import type { Spread } from "./spread.ts";

/** The machine, and how busy it was. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly system: string;
  readonly node: string;
  /** Type of the file system that was measured, as a number of Linux in hexadecimal. */
  readonly fileSystem: string;
}

const tmpfs = 0x01021994;

/** The machine that this runs on; `folder` is on the disk that is measured. */
export function thisMachine(folder: string): Machine {
  return {
    processor: os.cpus()[0]?.model ?? "unknown",
    cores: os.availableParallelism(),
    memoryBytes: os.totalmem(),
    system: `${os.type()} ${os.release()}`,
    node: process.version,
    fileSystem: `0x${statfsSync(folder).type.toString(16)}`,
  };
}

/** Whether a folder lies in memory, where an fdatasync costs nothing and says nothing. */
export function isInMemory(folder: string): boolean {
  return statfsSync(folder).type === tmpfs;
}

/** Processes that wanted to run, on average over the last minute. */
export function loadNow(): number {
  try {
    return Number(readFileSync("/proc/loadavg", "utf8").split(" ")[0]);
  } catch {
    return os.loadavg()[0] ?? Number.NaN;
  }
}

function digits(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString("en-US");
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

function valueText(value: number, unit: Unit): string {
  if (unit === "records") return value.toLocaleString("en-US");
  if (unit !== "bytes") return digits(value);
  return digits(value / (1024 * 1024));
}

const unitNames: Readonly<Record<Unit, string>> = {
  s: " s",
  ms: " ms",
  bytes: " MiB",
  records: "",
  "MB/s": " MB/s",
};

function spreadText(spread: Spread | undefined, unit: Unit): string {
  if (!spread) return "";
  const median = valueText(spread.median, unit) + unitNames[unit];
  const [min, max] = [valueText(spread.min, unit), valueText(spread.max, unit)];
  return min === max ? median : `${median} [${min}–${max}]`;
}

function ratioText(ratio: Spread | undefined): string {
  if (!ratio) return "";
  const { median, min, max } = ratio;
  const range = min === max ? "" : ` [${min.toFixed(2)}–${max.toFixed(2)}]`;
  return `${median.toFixed(2)}x${range}`;
}

function goalText({ relation, value, of }: Goal, unit: Unit): string {
  const amount = of === "ratio" ? `${value}x` : valueText(value, unit) + unitNames[unit];
  return `${relation} ${amount}`;
}

const verdicts = new Map([
  [true, "ok"],
  [false, "MISSED"],
]);

/** The rows as a Markdown table, which reads well as it is. */
export function tableText(rows: readonly Row[]): string {
  const header = ["what", "reach", "floor", "ratio", "busiest thread", "goal", ""];
  const lines = rows.map((row) => [
    row.what,
    spreadText(row.reach, row.unit),
    spreadText(row.floor, row.unit),
    ratioText(row.ratio),
    row.threadRatio ? `${row.threadRatio.median.toFixed(2)}x` : "",
    row.goal ? goalText(row.goal, row.unit) : "",
    verdicts.get(reached(row) as boolean) ?? "",
  ]);
  const widths = header.map((title, i) => {
    return Math.max(...[header, ...lines].map((line) => (line[i] ?? title).length));
  });
  const lineText = (line: readonly string[]): string =>
    `| ${line.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  const rule = `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`;
  return `${[lineText(header), rule, ...lines.map(lineText)].join("\n")}\n`;
}
