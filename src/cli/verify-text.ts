/**
 * What verifying found, as a person reads it: the two verdicts, which are never mixed up, then what
 * is wrong and where.
 */
import type { BundleReport, VerifyReport } from "../session/index.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { shortHash } from "./import-text.ts";
import type { Output } from "./output.ts";
import { byteSize, counted, grouped, seconds } from "./quantity.ts";
import { oneLine } from "./terminal-text.ts";

const problemsShown = 10;
const verdictColumns = 12;

/** What the command ends with. Where no checkpoint tells, nothing is wrong. */
export function verifyExitCode(report: VerifyReport): ExitCode {
  const wrong = report.integrity === "damaged" || report.completeness === "incomplete";
  return wrong ? exitCodes.unverified : exitCodes.ok;
}

/** The verdicts in two words, for `--quiet`. */
export function verdictWords(report: VerifyReport): string {
  return `${report.integrity} ${completenessWord(report)}`;
}

/** What the key proves that a bundle was checked with. */
export function keyRemark({ keyFrom, verifierKey }: BundleReport): string {
  if (keyFrom === "given") return "checked with the key that was given";
  const key = verifierKey === null ? "" : ` ${oneLine(verifierKey)}`;
  return `consistent by the key that it brings along; compare it, or give yours with --key:${key}`;
}

/** What is said of a bundle that withholds events. */
export function withheldText({ withheld }: BundleReport): string {
  return `${counted(withheld, "event")} withheld: only their hashes are here`;
}

/** The lines about one session or bundle. */
export function verifyLines(report: VerifyReport | BundleReport, output: Output): string[] {
  const lines = [
    `${verdict(report.integrity, report.integrity === "intact", output)}${figures(report)}`,
    `${verdict(completenessWord(report), completenessGood(report), output)}${signature(report)}`,
    `  root ${shortHash(report.root)}${derivedText(report)}`,
  ];
  const { quarantine, unrecovered } = report;
  if (quarantine)
    lines.push(`  read-only since event ${quarantine.seq}: ${oneLine(quarantine.reason)}`);
  if ("keyFrom" in report) lines.push(`  ${keyRemark(report)}`);
  if ("withheld" in report && report.withheld > 0) lines.push(`  ${withheldText(report)}`);
  if (unrecovered > 0) {
    lines.push(
      `  ${byteSize(unrecovered)} at the end are still being written, or not yet recovered`,
    );
  }
  return [...lines, ...problemLines(report)];
}

function verdict(word: string, good: boolean | undefined, output: Output): string {
  const space = " ".repeat(Math.max(2, verdictColumns - word.length));
  const style = good === undefined ? "yellow" : good ? "green" : "red";
  return output.style(style, word) + space;
}

function completenessWord({ completeness }: VerifyReport): string {
  return completeness === "unknown" ? "unsigned" : completeness;
}

function completenessGood({ completeness }: VerifyReport): boolean | undefined {
  return completeness === "unknown" ? undefined : completeness === "complete";
}

function figures({ events, blobs, snapshots, seconds: time }: VerifyReport): string {
  const parts = [counted(events, "event")];
  if (blobs.count > 0) parts.push(`${counted(blobs.count, "payload")} (${byteSize(blobs.bytes)})`);
  if (snapshots.count > 0) parts.push(counted(snapshots.count, "snapshot"));
  return [...parts, seconds(time)].join("   ");
}

function signature({ signedSize, signedBy, completeness }: VerifyReport): string {
  if (completeness === "unknown" || signedSize === null) {
    return "no checkpoint says how many events there should be";
  }
  const by = signedBy === null ? "" : ` by ${oneLine(signedBy)}`;
  return `signed over ${counted(signedSize, "event")}${by}`;
}

function derivedText({ derived, snapshots }: VerifyReport): string {
  const parts: string[] = [];
  if (derived !== "ok") parts.push(`derived files ${derived}: they are rebuilt when needed`);
  if (snapshots.damaged > 0) {
    parts.push(`${counted(snapshots.damaged, "snapshot")} damaged: replay makes them again`);
  }
  return parts.length === 0 ? "" : `   ${parts.join("   ")}`;
}

function problemLines({ problems, problemCount, firstBad, badEvents }: VerifyReport): string[] {
  if (problemCount === 0) return [];
  const lines: string[] = [];
  if (firstBad !== null) {
    lines.push(`  first bad event: ${grouped(firstBad)} (${counted(badEvents, "event")} in all)`);
  }
  for (const { seq, where, message } of problems.slice(0, problemsShown)) {
    const place = seq === null ? oneLine(where) : `event ${grouped(seq)}, ${oneLine(where)}`;
    lines.push(`  ${place}: ${oneLine(message)}`);
  }
  const more = problemCount - Math.min(problems.length, problemsShown);
  if (more > 0) lines.push(`  and ${counted(more, "more problem")}`);
  return lines;
}
