/**
 * What `reach doctor` found, as a person reads it: the facts first, then everything that is not as
 * it should be, and what to do about it.
 */
import * as path from "node:path";
import { limits } from "../base/index.ts";
import { type DoctorReport, holderText, type SettingLine } from "./doctor-report.ts";
import type { Output } from "./output.ts";
import { byteSize, counted, grouped } from "./quantity.ts";
import { labelled } from "./table.ts";
import { oneLine } from "./terminal-text.ts";

/** What a person should do something about. */
export interface Finding {
  readonly level: "warning" | "error";
  readonly message: string;
  readonly hint: string | null;
}

/** Room below which a directory is about to refuse appends. */
const roomBytesMin = 2 * limits.journalSegmentBytes;

/** Everything that is not as it should be. */
export function findingsOf(report: DoctorReport): Finding[] {
  return [...machineFindings(report), ...directoryFindings(report), ...sessionFindings(report)];
}

function machineFindings({ directory }: DoctorReport): Finding[] {
  const findings: Finding[] = [];
  if (directory.freeBytes !== null && directory.freeBytes < roomBytesMin) {
    findings.push({
      level: "warning",
      message: `only ${byteSize(directory.freeBytes)} are free on the disk`,
      hint: "appends stop when it is full, and go on by themselves once there is room",
    });
  }
  return findings;
}

function directoryFindings({ directory }: DoctorReport): Finding[] {
  const findings: Finding[] = [];
  const { problem, journal, tornFiles } = directory;
  if (problem) findings.push({ level: "error", message: problem.message, hint: null });
  if (journal.state === "unrecovered") {
    findings.push({
      level: "warning",
      message: "a writer ended without closing: what it acknowledged last is in the journal",
      hint: "`reach doctor --recover` puts it in place; so does the next command that writes",
    });
  }
  if (tornFiles.length > 0) {
    findings.push({
      level: "warning",
      message: `${counted(tornFiles.length, "torn group")} of writers that crashed were saved`,
      hint: "they were never acknowledged; delete them when nobody needs them",
    });
  }
  return findings;
}

function sessionFindings({ directory }: DoctorReport): Finding[] {
  const interrupted = directory.interrupted.map((id): Finding => {
    const message = `session ${id}: an import was interrupted`;
    const hint =
      "run the same import again, or `reach doctor --recover` to keep what is acknowledged";
    return { level: "warning", message, hint };
  });
  const troubled = directory.troubled.map(({ id, status, problem }): Finding => {
    const about = problem === null ? "" : `: ${oneLine(problem)}`;
    const hint = `\`reach verify ${id}\` says what is intact`;
    return { level: "error", message: `session ${id} is ${status}${about}`, hint };
  });
  return [...interrupted, ...troubled];
}

/** The lines of the whole report. */
export function doctorLines(
  report: DoctorReport,
  findings: readonly Finding[],
  output: Output,
): string[] {
  const { node, version, settings, directory, workspaces } = report;
  const others = workspaces.filter((name) => name !== path.basename(directory.path));
  const lines = labelled([
    ["reach", version],
    ["node", node.version],
    ...settings.map((line) => [line.setting, settingText(line)] as const),
    ["directory", directory.exists ? directory.path : `none yet at ${directory.path}`],
    ["others", others.length > 0 ? `${others.join(", ")}  (see --workspace)` : undefined],
    ["writer", directory.exists ? holderText(directory.holder) : undefined],
    ["journal", directory.exists ? directory.journal.state : undefined],
    ["sessions", directory.exists ? sessionsText(report) : undefined],
    ["key", directory.verifierKey ?? undefined],
    ["room", directory.freeBytes === null ? undefined : `${byteSize(directory.freeBytes)} free`],
  ]);
  const shown = findings.flatMap((finding) => findingLines(finding, output));
  if (shown.length === 0) return [...lines, "", output.style("green", "nothing to complain about")];
  return [...lines, "", ...shown];
}

function settingText({ value, source, name }: SettingLine): string {
  if (value === "") return "none";
  return `${value}  (${name === "" ? source : `${source}: ${name}`})`;
}

function sessionsText({ directory }: DoctorReport): string {
  const { count, events, bytes } = directory.sessions;
  const payloads = `${byteSize(directory.blobBytes)} of payloads`;
  return `${grouped(count)}, ${counted(events, "event")}, ${byteSize(bytes)} and ${payloads}`;
}

function findingLines({ level, message, hint }: Finding, output: Output): string[] {
  const mark = output.style(level === "error" ? "red" : "yellow", level);
  const lines = [`${mark}  ${oneLine(message)}`];
  if (hint !== null) lines.push(`  ${hint}`);
  return lines;
}
