/**
 * `reach replay`: runs an executed session again and compares everything it makes; folds a recorded
 * one and compares the states with those that were kept. Keeps the states of a program that has
 * none yet, where the data directory can be written.
 */
import * as os from "node:os";
import type { Command } from "commander";
import { limits, type SessionId } from "../../base/index.ts";
import type { ReachClient } from "../../client/index.ts";
import {
  closeWorkers,
  programFor,
  type ReplayReport,
  replaySession,
  startWorkers,
} from "../../runtime/index.ts";
import type { Directory } from "../../session/index.ts";
import {
  addPatience,
  addProgram,
  addRange,
  type CommandDefinition,
  type PatienceFlags,
  parsePositive,
  patienceMsOf,
  type RangeFlags,
} from "../command.ts";
import type { ExitCode } from "../exit-codes.ts";
import { interruption } from "../interrupt.ts";
import type { Invocation } from "../invocation.ts";
import type { Output } from "../output.ts";
import { checkProgram } from "../program-choice.ts";
import { localOnly, remoteOf, resolveRemote } from "../remote.ts";
import { replayExitCodes, replayLines } from "../replay-text.ts";
import { resolveSession, withReader, withWriterOrReader } from "../sessions.ts";

interface ReplayFlags extends RangeFlags, PatienceFlags {
  readonly program?: string;
  readonly workers?: number;
  readonly keep: boolean;
  readonly strict?: boolean;
}

/** `reach replay`. */
export const replayCommand: CommandDefinition = {
  examples: [
    ["reach replay 0199c1f2", "with the program it ran, or the built-in one"],
    ["reach replay 0199c1f2 --program changed.ts", "with changed code, or a reducer of your own"],
    ["reach replay 0199c1f2 --from 40000 --to 48000 --workers 1", "a part of it, on one core"],
  ],
  notes: [
    "Verdicts: identical, computed (nothing to compare with yet), diverged (exit 3: the log is " +
      "intact, and the program did something else), corrupt (exit 4: nothing is said about " +
      "the program). With --json: all of the report. With --quiet: the verdict alone.",
    "Of an executed session every step is run again over its recorded events: calls, emits, " +
      "timers, ends of steps and states are compared, and no effect is run. With --program the " +
      "same session is run with other code, and only what it makes is compared.",
  ],
  configure(command: Command, start) {
    command.argument("<id>", "session, by id or a unique beginning of one");
    addProgram(command);
    addRange(command);
    command
      .option("--workers <count>", "threads (default: one per core)", parsePositive)
      .option("--strict", "begin every step in a fresh context, not only some (slower)")
      .option("--no-keep", "keep no snapshots of a program that has none yet");
    addPatience(command);
    command.action((id: string, flags: ReplayFlags) => {
      return start((invocation) => replay(invocation, id, flags));
    });
  },
};

async function replay(invocation: Invocation, text: string, flags: ReplayFlags): Promise<ExitCode> {
  const { output } = invocation;
  const client = remoteOf(invocation);
  if (client) return replayRemote(invocation, client, text, flags);
  if (flags.program !== undefined) checkProgram(flags.program);
  const stop = interruption(() => {});
  let report: ReplayReport;
  try {
    const work = (directory: Directory): Promise<ReplayReport> => {
      return replayIn(invocation, directory, text, flags, stop.signal);
    };
    report = flags.keep
      ? await withWriterOrReader(invocation, "snapshots are not kept", work)
      : await withReader(invocation, work);
  } finally {
    stop.end();
    await closeWorkers();
  }
  await printReport(output, report);
  return stop.exitCode ?? replayExitCodes[report.verdict];
}

async function printReport(output: Output, report: ReplayReport): Promise<void> {
  if (output.json) await output.printObject(report);
  else if (output.quiet) await output.print(report.verdict);
  else await output.print(...replayLines(report, output));
}

/** The server replays, with the program that it has. */
async function replayRemote(
  invocation: Invocation,
  client: ReachClient,
  text: string,
  { program, workers, strict, from, to, keep, patience }: ReplayFlags,
): Promise<ExitCode> {
  if (program !== undefined) throw localOnly("--program");
  if (workers !== undefined) throw localOnly("--workers");
  if (strict) throw localOnly("--strict");
  if (patience !== undefined) throw localOnly("--patience");
  const id = await resolveRemote(client, text);
  const stop = interruption(() => {});
  const progress = invocation.progress("replaying");
  try {
    const range = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
    const { signal } = stop;
    const { size } = await client.session(id);
    const done = (share: number): void => {
      progress.update({ done: Math.round(share * size), total: size, unit: "events" });
    };
    const found = await client.replay(id, { ...range, keep, signal, onProgress: done });
    progress.clear();
    const report = found as ReplayReport;
    await printReport(invocation.output, report);
    return stop.exitCode ?? replayExitCodes[report.verdict];
  } finally {
    progress.clear();
    stop.end();
  }
}

/** Threads that a replay will use: they load their code while its program is being bundled. */
function threadsFor(directory: Directory, id: SessionId, workers: number | undefined): number {
  const reader = directory.session(id);
  try {
    const stretches = Math.ceil(reader.size / limits.snapshotEventsDefault);
    return Math.min(workers ?? os.availableParallelism(), Math.max(1, stretches));
  } finally {
    reader.close();
  }
}

async function replayIn(
  invocation: Invocation,
  directory: Directory,
  text: string,
  { program: spec, workers, from, to, keep, strict, patience }: ReplayFlags,
  signal: AbortSignal,
): Promise<ReplayReport> {
  const id = resolveSession(directory, text);
  startWorkers(threadsFor(directory, id, workers));
  const program = await programFor(directory, id, spec, signal);
  const progress = invocation.progress("replaying");
  try {
    return await replaySession(directory, id, {
      program,
      ...(workers === undefined ? {} : { workers }),
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
      keep: keep && directory.writable,
      strict,
      patienceMs: patienceMsOf(patience),
      onProgress: progress.update,
      signal,
    });
  } finally {
    progress.clear();
  }
}
