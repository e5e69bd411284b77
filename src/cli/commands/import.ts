/**
 * `reach import`: transcripts into sessions, one per file. Ctrl-C ends it at a point that has been
 * acknowledged; the same command again goes on from there.
 */
import * as path from "node:path";
import { type Command, Option } from "commander";
import { isSessionId, ReachError, type SessionId } from "../../base/index.ts";
import {
  fileSource,
  formats,
  importSource,
  type Source,
  streamSource,
} from "../../importers/index.ts";
import {
  type BundleImport,
  type BundleSource,
  type Directory,
  importBundle,
} from "../../session/index.ts";
import { isBundleFile } from "../bundle-file.ts";
import type { CommandDefinition } from "../command.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import {
  concernsSource,
  exitCodeOfOutcomes,
  isComplete,
  type Outcome,
  outcomeObject,
  sessionOf,
  tellOutcome,
} from "../import-outcome.ts";
import { interruption } from "../interrupt.ts";
import type { Invocation } from "../invocation.ts";
import type { Progress } from "../progress.ts";
import { resolveSession, withWriter } from "../sessions.ts";
import { standardInput } from "../standard-input.ts";
import { closest, didYouMean } from "../suggest.ts";
import { oneLine } from "../terminal-text.ts";
import { checkKey } from "../verifier-key.ts";

interface ImportFlags {
  readonly format: string;
  readonly path?: string;
  readonly id?: string;
  readonly fresh?: boolean;
  readonly key?: string;
}

const formatNames = ["auto", ...formats.map(({ name }) => name), "bundle"];

/** `reach import`. */
export const importCommand: CommandDefinition = {
  examples: [
    ["reach import session.jsonl", "the format is found by looking at the content"],
    ["reach import ~/.claude/projects/app/*.jsonl", "several files: a session each"],
    ["reach import events/", "a folder: its files, by name, as one session"],
    ["reach import dump.json --path data.runs[0].events", "the array that holds the records"],
    ["zcat old.jsonl.gz | reach import -", "from standard input"],
    ["reach import run.bundle --key reach.local+5ab3c0de+AbCd…", "a session from elsewhere"],
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
      .option("--key <key>", "verifier key (C2SP vkey) that has to have signed a bundle")
      .action((files: string[], flags: ImportFlags) => {
        return start((invocation) => importAll(invocation, files, flags));
      });
  },
};

/** What a file on the command line stands for. */
type Opened = { readonly file: string } & (
  | { readonly source: Source }
  | { readonly bundle: BundleSource; readonly size: number | null }
  | { readonly error: unknown }
);

async function importAll(
  invocation: Invocation,
  files: readonly string[],
  flags: ImportFlags,
): Promise<ExitCode> {
  checkFlags(files, flags);
  const { output } = invocation;
  const stop = interruption(() => output.note("stopping at an acknowledged point…"));
  const outcomes: Outcome[] = [];
  try {
    const sources = files.map((file) => opened(file, flags, stop.signal));
    const [only] = sources;
    // Where nothing can be read, no data directory is made either.
    if (sources.length === 1 && only && "error" in only) throw only.error;
    await withWriter(invocation, { create: true }, async (directory) => {
      const ids = directory.sessionIds();
      for (const source of sources) {
        if (stop.signal.aborted) break;
        const outcome = await importOne(invocation, directory, source, flags, stop.signal);
        outcomes.push(outcome);
        await tellOutcome(output, ids, outcome, sources.length === 1);
        if (!("error" in outcome)) ids.push(sessionOf(outcome));
      }
    });
  } finally {
    stop.end();
  }
  if (output.json) await output.printObject({ imports: outcomes.map(outcomeObject) });
  const done = outcomes.length === files.length && outcomes.every(isComplete);
  return done ? exitCodes.ok : (stop.exitCode ?? exitCodeOfOutcomes(outcomes));
}

function checkFlags(files: readonly string[], { id, format, key }: ImportFlags): void {
  if (id !== undefined && files.length > 1) {
    throw new ReachError("USAGE", `--id names one session, and ${files.length} files are given`, {
      hint: "import them one by one",
    });
  }
  if (files.filter((file) => file === "-").length > 1) {
    throw new ReachError("USAGE", "standard input (-) can be read only once");
  }
  checkKey(key);
  if (formatNames.includes(format)) return;
  throw new ReachError("USAGE", `there is no format "${format}"`, {
    hint: didYouMean(closest(format, formatNames)) ?? `formats: ${formatNames.join(", ")}`,
  });
}

function opened(file: string, { format }: ImportFlags, signal: AbortSignal): Opened {
  try {
    if (format === "bundle" || (format === "auto" && isBundleFile(file))) {
      if (file === "-") return { file, bundle: standardInput(signal), size: null };
      return { file, bundle: file, size: fileSource(file).size };
    }
    if (file === "-") return { file, source: streamSource("stdin", standardInput(signal)) };
    return { file, source: fileSource(file) };
  } catch (error) {
    return { file, error };
  }
}

async function importOne(
  invocation: Invocation,
  directory: Directory,
  from: Opened,
  flags: ImportFlags,
  signal: AbortSignal,
): Promise<Outcome> {
  const { file } = from;
  if ("error" in from) return { source: file, error: from.error };
  const name = file === "-" ? "standard input" : oneLine(path.basename(file));
  const progress = invocation.progress(`importing ${name}`);
  try {
    if ("bundle" in from) {
      const bundle = await takeBundle(directory, from, flags, progress, signal);
      return { source: file, bundle };
    }
    const { source } = from;
    const report = await importSource(directory, {
      source,
      format: flags.format,
      fresh: flags.fresh === true,
      ...(flags.path === undefined ? {} : { path: flags.path }),
      ...(flags.id === undefined ? {} : { id: sessionIdFor(directory, flags.id) }),
      signal,
      onProgress: ({ bytes, records }) => {
        progress.update({ done: bytes, total: source.size, unit: "bytes", events: records });
      },
    });
    return { source: file, report };
  } catch (error) {
    if (concernsSource(error)) return { source: file, error };
    throw error;
  } finally {
    progress.clear();
  }
}

async function takeBundle(
  directory: Directory,
  { bundle, size }: { readonly bundle: BundleSource; readonly size: number | null },
  { id, path: array, fresh, key }: ImportFlags,
  progress: Progress,
  signal: AbortSignal,
): Promise<BundleImport> {
  if (id !== undefined || array !== undefined || fresh) {
    throw new ReachError("USAGE", "--id, --path and --fresh have no meaning for a bundle", {
      hint: "a bundle brings its session along, with its id",
    });
  }
  return importBundle(directory, bundle, {
    ...(key === undefined ? {} : { verifierKey: key }),
    onProgress: (step) => progress.update({ ...step, total: size }),
    signal,
  });
}

/** A whole id may be new; a beginning means a session that is there. */
function sessionIdFor(directory: Directory, text: string): SessionId {
  const id = text.toLowerCase();
  return isSessionId(id) ? id : resolveSession(directory, text);
}
