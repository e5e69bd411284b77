/**
 * `reach import`: transcripts into sessions, one per file. Ctrl-C ends it at a point that has been
 * acknowledged; the same command again goes on from there.
 */
import * as path from "node:path";
import { type Command, Option } from "commander";
import { codeOf, ReachError, type SessionId } from "../../base/index.ts";
import {
  fileSource,
  formats,
  type ImportReport,
  importSource,
  type Source,
  streamSource,
} from "../../importers/index.ts";
import type { Directory } from "../../session/index.ts";
import type { CommandDefinition } from "../command.ts";
import { type ExitCode, exitCodeOf, exitCodes } from "../exit-codes.ts";
import { complainOf, failureOf } from "../failure.ts";
import { importLines } from "../import-text.ts";
import { type Interruption, interruption } from "../interrupt.ts";
import type { Invocation } from "../invocation.ts";
import { counted } from "../quantity.ts";
import { resolveSession, shortId, withWriter } from "../sessions.ts";
import { standardInput } from "../standard-input.ts";
import { closest, didYouMean } from "../suggest.ts";
import { oneLine } from "../terminal-text.ts";

interface ImportFlags {
  readonly format: string;
  readonly path?: string;
  readonly id?: string;
  readonly fresh?: boolean;
}

/** `reach import`. */
export const importCommand: CommandDefinition = {
  examples: [
    ["reach import session.jsonl", "the format is found by looking at the content"],
    ["reach import ~/.claude/projects/app/*.jsonl", "several files: a session each"],
    ["reach import events/", "a folder: its files, by name, as one session"],
    ["reach import dump.json --path data.runs[0].events", "the array that holds the records"],
    ["zcat old.jsonl.gz | reach import -", "from standard input"],
  ],
  notes: [
    "A longer version of a file that was imported before continues its session, after proving " +
      "that the beginning is the same. Nothing is dropped: `reach export ID --format original` " +
      "gives back the very bytes.",
    'With --json: {"imports": [{"source", "id", "format", "records", "events", ...}]}. ' +
      "With --quiet: the ids.",
  ],
  configure(command: Command, start) {
    command
      .argument("<file...>", "files, folders, or - for standard input")
      .addOption(
        new Option(
          "--format <name>",
          `auto, or ${formats.map(({ name }) => name).join(", ")}`,
        ).default("auto"),
      )
      .option("--path <path>", "where in a JSON document the array of records is: a.b[0].c")
      .option("--id <id>", "id of the session to make or to continue")
      .option("--fresh", "make a new session in any case")
      .action((files: string[], flags: ImportFlags) => {
        return start((invocation) => importAll(invocation, files, flags));
      });
  },
};

/** What became of one source. */
type Outcome = { readonly source: string } & (
  | { readonly report: ImportReport }
  | { readonly error: unknown }
);

/** Errors of one source that do not keep the next one from being imported. */
const ofOneSource = new Set(["NOT_FOUND", "SOURCE_UNREADABLE", "FORMAT_UNKNOWN", "USAGE"]);

async function importAll(
  invocation: Invocation,
  files: readonly string[],
  flags: ImportFlags,
): Promise<ExitCode> {
  checkFlags(files, flags);
  const { output } = invocation;
  const stop = interruption(() => output.note("stopping at an acknowledged point…"));
  try {
    const sources = files.map((file) => sourceOf(file, stop.signal));
    const [only] = sources;
    // Where nothing can be read, no data directory is made either.
    if (sources.length === 1 && only && "error" in only) throw only.error;
    const outcomes: Outcome[] = [];
    await withWriter(invocation, { create: true }, async (directory) => {
      for (const { file, ...source } of sources) {
        if (stop.signal.aborted) break;
        const outcome = await importOne(invocation, directory, file, source, flags, stop);
        outcomes.push(outcome);
        await tell(invocation, directory, outcome, sources.length === 1);
      }
    });
    if (output.json) await output.printObject({ imports: outcomes.map(outcomeObject) });
    return exitCodeFor(outcomes, stop);
  } finally {
    stop.end();
  }
}

function checkFlags(files: readonly string[], { id, format }: ImportFlags): void {
  if (id !== undefined && files.length > 1) {
    throw new ReachError("USAGE", `--id names one session, and ${files.length} files are given`, {
      hint: "import them one by one",
    });
  }
  if (files.filter((file) => file === "-").length > 1) {
    throw new ReachError("USAGE", "standard input (-) can be read only once");
  }
  const names = ["auto", ...formats.map(({ name }) => name)];
  if (names.includes(format)) return;
  throw new ReachError("USAGE", `there is no format "${format}"`, {
    hint: didYouMean(closest(format, names)) ?? `formats: ${names.join(", ")}`,
  });
}

type Opened = { readonly file: string } & (
  | { readonly source: Source }
  | { readonly error: unknown }
);

function sourceOf(file: string, signal: AbortSignal): Opened {
  try {
    if (file === "-") return { file, source: streamSource("stdin", standardInput(signal)) };
    return { file, source: fileSource(file) };
  } catch (error) {
    return { file, error };
  }
}

async function importOne(
  invocation: Invocation,
  directory: Directory,
  file: string,
  opened: { readonly source: Source } | { readonly error: unknown },
  flags: ImportFlags,
  stop: Interruption,
): Promise<Outcome> {
  if ("error" in opened) return { source: file, error: opened.error };
  const { source } = opened;
  const progress = invocation.progress(`importing ${path.basename(source.name)}`);
  const { format, fresh } = flags;
  try {
    const report = await importSource(directory, {
      source,
      format,
      fresh: fresh === true,
      ...(flags.path === undefined ? {} : { path: flags.path }),
      ...(flags.id === undefined ? {} : { id: sessionIdFor(directory, flags.id) }),
      signal: stop.signal,
      onProgress: ({ bytes, records }) => {
        progress.update({ done: bytes, total: source.size, unit: "bytes", events: records });
      },
    });
    return { source: file, report };
  } catch (error) {
    if (!ofOneSource.has(codeOf(error) ?? "") && codeOf(error) !== "INTERRUPTED") throw error;
    return { source: file, error };
  } finally {
    progress.clear();
  }
}

/** A whole id may be new; a beginning means a session that is there. */
function sessionIdFor(directory: Directory, text: string): SessionId {
  const whole = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
  return whole ? text.toLowerCase() : resolveSession(directory, text);
}

async function tell(
  { output }: Invocation,
  directory: Directory,
  outcome: Outcome,
  single: boolean,
): Promise<void> {
  if ("error" in outcome) {
    if (single) throw outcome.error;
    if (!output.json) complainOf(output, outcome.error);
    return;
  }
  const { source, report } = outcome;
  if (output.quiet && !output.json) await output.print(report.id);
  else if (!output.json) {
    const id = output.style("bold", shortId(report.id, directory.sessionIds()));
    const heading = single ? [] : [oneLine(source)];
    const lines = importLines(report, id).map((line) => (single ? line : `  ${line}`));
    await output.print(...heading, ...lines);
  }
  if (report.interrupted) {
    output.note(
      `interrupted after ${counted(report.events, "event")}: the session is whole up to there; ` +
        "run the same command again to go on",
    );
  }
}

function outcomeObject(outcome: Outcome): object {
  const { source } = outcome;
  if ("error" in outcome) return { source, error: failureOf(outcome.error) };
  return { source, ...outcome.report };
}

function exitCodeFor(outcomes: readonly Outcome[], stop: Interruption): ExitCode {
  if (stop.exitCode !== undefined) return stop.exitCode;
  const failed = outcomes.find((outcome) => "error" in outcome);
  return failed && "error" in failed ? exitCodeOf(failed.error) : exitCodes.ok;
}
