/**
 * The verdict of a replay, as a person reads it, with what it rests on; and the exit code that
 * belongs to it.
 */
import { renderDivergence, renderOperationDivergence } from "../replay/index.ts";
import type { ReplayReport } from "../runtime/index.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { shortHash } from "./import-text.ts";
import type { Output } from "./output.ts";
import { counted, perSecond, seconds } from "./quantity.ts";
import { oneLine } from "./terminal-text.ts";

/** What the command ends with, by verdict. */
export const replayExitCodes: Readonly<Record<ReplayReport["verdict"], ExitCode>> = {
  identical: exitCodes.ok,
  computed: exitCodes.ok,
  diverged: exitCodes.diverged,
  corrupt: exitCodes.unverified,
};

const verdictColumns = 12;

/** The lines about one replay. */
export function replayLines(report: ReplayReport, output: Output): string[] {
  if (report.divergence) return divergenceLines(report, output);
  const good = report.verdict === "identical" || report.verdict === "computed";
  const verdict = output.style(good ? "green" : "red", report.verdict);
  const space = " ".repeat(verdictColumns - report.verdict.length);
  const lines = [`${verdict}${space}${figures(report)}`];
  if (report.problem) lines.push(`  ${problemText(report.problem)}`);
  const hashes = hashText(report);
  if (hashes !== "") lines.push(`  ${hashes}`);
  return [...lines, ...remarks(report).map((remark) => `  ${remark}`)];
}

function figures(report: ReplayReport): string {
  const { events, operations, snapshots, keptSnapshots, workers } = report;
  const speed = `${perSecond(events, report.seconds)} events/s, ${counted(workers, "worker")}`;
  const parts = [counted(events, "event")];
  if (operations) {
    parts.push(counted(operations.count, "operation"), counted(operations.steps, "step"));
  }
  if (snapshots > 0) parts.push(counted(snapshots, "snapshot"));
  if (keptSnapshots > 0) parts.push(`${counted(keptSnapshots, "snapshot")} kept`);
  return [...parts, `${seconds(report.seconds)} (${speed})`].join("   ");
}

function hashText({ operations, stateHash, root, signedBy }: ReplayReport): string {
  const parts: string[] = [];
  if (operations?.hash) parts.push(`operations ${shortHash(operations.hash)}`);
  if (stateHash !== null) parts.push(`state ${shortHash(stateHash)}`);
  if (root !== null) parts.push(`root ${shortHash(root)}`);
  if (signedBy !== null) parts.push(`checkpoint signed by ${oneLine(signedBy)}`);
  return parts.join("   ");
}

/** What a verdict rests on, where that is not plain from the verdict. */
function remarks(report: ReplayReport): string[] {
  const { verdict, kept, program, comparedTo, to, damagedSnapshots } = report;
  const remarks: string[] = [];
  if (verdict === "computed") {
    const of = `${oneLine(program.name)} ${oneLine(program.version)}`;
    const there = report.operations
      ? "the session has made nothing yet"
      : `there were no snapshots of ${of} yet`;
    remarks.push(`nothing to compare with: ${there}`);
  } else if (verdict === "identical" && comparedTo < to) {
    remarks.push(`compared up to ${counted(comparedTo, "event")}; what lies behind was computed`);
  }
  if (damagedSnapshots > 0) {
    const damaged = `${counted(damagedSnapshots, "snapshot")} could not be read`;
    remarks.push(kept ? `${damaged}: made again` : damaged);
  }
  return remarks;
}

function problemText(problem: { readonly seq: number | null; readonly message: string }): string {
  const place = problem.seq === null ? "" : `event ${problem.seq}: `;
  return `${place}${oneLine(problem.message)}`;
}

function divergenceLines(report: ReplayReport, output: Output): string[] {
  const { divergence } = report;
  if (!divergence) return [];
  const text =
    divergence.about === "state"
      ? renderDivergence(divergence)
      : renderOperationDivergence(divergence);
  const [first = "", ...others] = text.split("\n");
  const headline = first.replace(/^diverged/, (word) => output.style("red", word));
  return [headline, ...others, `  ${figures(report)}`];
}
