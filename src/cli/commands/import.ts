/**
 * `reach import`: transcripts into sessions, one per file. Ctrl-C ends it at a point that has been
 * acknowledged; the same command again goes on from there.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import { type Command, Option } from "commander";
import { isSessionId, ReachError, type SessionId } from "../../base/index.ts";
import type { ReachClient } from "../../client/index.ts";
import {
  fileSource,
  formatNamed,
  formats,
  importSource,
  PeekedStream,
  type Source,
  streamSource,
} from "../../importers/index.ts";
import {
  type BundleImport,
  type BundleSource,
  type Directory,
  importBundle,
  isBundleHead,
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
import type { Output } from "../output.ts";
import type { Progress } from "../progress.ts";
import { remoteOf, resolveRemote } from "../remote.ts";
import { idsLike, restoreElsewhere, type SendOptions, sendOne } from "../remote-import.ts";
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
  readonly restore?: boolean;
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
    ["reach import run.bundle --restore", "the same, damaged here, whole again"],
    ["reach import session.jsonl --url http://host:4320", "into a server that runs"],
  ],
  notes: [
    "A folder is one session, its files read one behind the other; folder/* is one for each file.",
    "A bundle is known by its content, also on standard input. With --key nothing else is taken " +
      "in: what is no bundle is refused, not imported unverified. Of a session that is here it " +
      "brings back payloads; with --restore it takes the place of one that is damaged or has " +
      "fewer events, if it holds everything that can be read or was signed here.",
    "A longer version of a file that was imported before continues its session, after proving " +
      "that the beginning is the same. Nothing is dropped: `reach export ID --format original` " +
      "gives back the very bytes.",
    "A bundle of a session that was run brings its program along. `verify`, `events` and " +
      "`export` run nothing of it; `show`, `state` and `replay` do, in a context that reaches " +
      "nothing of this machine but is no wall against somebody who means harm.",
    "With --url the source is sent to a server, which imports it: the same in every respect, but " +
      "that it takes files and standard input, no folders, and no --restore; and that standard " +
      "input, too, continues the session of a shorter version of it. A token needs " +
      "sessions:append, for a bundle with a program admin. What breaks off is sent again by " +
      "itself, and standard input by you: it " +
      "goes on.",
    'With --json: {"imports": [{"source", "id", "format", "records", "events", ...}]}. ' +
      "With --quiet: the ids.",
  ],
  configure(command: Command, start) {
    command
      .argument("<file...>", "files, folders, or - for standard input")
      .addOption(
        new Option(
          "--format <name>",
          `auto, bundle, or ${formats.map(({ name }) => name).join(", ")}`,
        ).default("auto"),
      )
      .option("--path <path>", "where in a JSON document the array of records is: a.b[0].c")
      .option("--id <id>", "id of the session to make or to continue")
      .option("--fresh", "make a new session in any case")
      .option("--key <key>", "verifier key (C2SP vkey) that has to have signed a bundle")
      .option("--restore", "put a bundle in the place of its session, where that is damaged")
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
  const client = remoteOf(invocation);
  checkFlags(files, flags);
  if (client && flags.restore) throw restoreElsewhere();
  const { output } = invocation;
  const stop = interruption(() => output.note("stopping at an acknowledged point…"));
  const input = new PeekedStream(streamSource("stdin", standardInput(stop.signal)));
  const outcomes: Outcome[] = [];
  try {
    const open = (file: string): Promise<Opened> => opened(file, flags, input, stop.signal);
    const only = files.length === 1 ? await open(files[0] as string) : undefined;
    // Where nothing can be read, no data directory is made either.
    if (only && "error" in only) throw only.error;
    await withPlace(invocation, client, flags, stop.signal, async ({ importOne, idsBeside }) => {
      for (const file of files) {
        if (stop.signal.aborted) break;
        const outcome = await importOne(only ?? (await open(file)));
        outcomes.push(outcome);
        if ("error" in outcome && !concernsSource(outcome.error)) throw outcome.error;
        const ids = "error" in outcome ? [] : await idsBeside(sessionOf(outcome));
        await tellOutcome(output, ids, outcome, files.length === 1);
      }
    });
  } catch (error) {
    // What has been imported is there, whatever ends the rest.
    if (outcomes.some((outcome) => !("error" in outcome))) await tellAll(output, outcomes);
    throw error;
  } finally {
    stop.end();
    await input.close();
  }
  await tellAll(output, outcomes);
  const done = outcomes.length === files.length && outcomes.every(isComplete);
  return done ? exitCodes.ok : (stop.exitCode ?? exitCodeOfOutcomes(outcomes));
}

/** Where sources are imported: the data directory, or a server. */
interface Place {
  importOne(from: Opened): Promise<Outcome>;
  /** Ids that the new one has to be told apart from; it may be among them. */
  idsBeside(id: SessionId): Promise<readonly SessionId[]>;
}

async function withPlace(
  invocation: Invocation,
  client: ReachClient | undefined,
  flags: ImportFlags,
  signal: AbortSignal,
  work: (place: Place) => Promise<void>,
): Promise<void> {
  if (client) {
    const { id: text, ...rest } = flags;
    const id = text === undefined ? undefined : await remoteIdFor(client, text);
    await work({
      importOne: (from) => sendTo(invocation, client, from, { ...rest, id }, signal),
      // Where nobody says which there are, the whole id tells it apart.
      idsBeside: async (made) => (await idsLike(client, made)) ?? [`${made}-`],
    });
    return;
  }
  await withWriter(invocation, { create: true }, async (directory) => {
    const ids = directory.sessionIds();
    await work({
      importOne: (from) => importOne(invocation, directory, from, flags, signal),
      idsBeside: async (id) => {
        const before = [...ids];
        ids.push(id);
        return before;
      },
    });
  });
}

async function sendTo(
  invocation: Invocation,
  client: ReachClient,
  from: Opened,
  options: SendOptions,
  signal: AbortSignal,
): Promise<Outcome> {
  const { file } = from;
  if ("error" in from) return { source: file, error: from.error };
  const progress = invocation.progress(`importing ${nameOf(file)}`);
  try {
    return await sendOne(client, file, from, options, { progress, signal });
  } finally {
    progress.clear();
  }
}

/** A folder of transcripts, one in each file, was hardly meant to be one session. */
function noteFolder({ output }: Invocation, file: string, source: Source, format: string): void {
  const { fileCount = 1 } = source;
  if (fileCount === 1 || formatNamed(format)?.fileReader) return;
  const folder = oneLine(file.replace(/\/+$/, ""));
  const each = `\`reach import ${folder}/*\` makes one of each`;
  output.note(`the ${fileCount} files of ${folder} are one session: ${each}`);
}

async function tellAll(output: Output, outcomes: readonly Outcome[]): Promise<void> {
  if (output.json) await output.printObject({ imports: outcomes.map(outcomeObject) });
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
  if (!formatNames.includes(format)) {
    throw new ReachError("USAGE", `there is no format "${format}"`, {
      hint: didYouMean(closest(format, formatNames)) ?? `formats: ${formatNames.join(", ")}`,
    });
  }
  if (key === undefined || format === "auto" || format === "bundle") return;
  throw new ReachError("USAGE", `--key is for bundles, and --format ${format} for what is none`);
}

async function opened(
  file: string,
  flags: ImportFlags,
  input: PeekedStream,
  signal: AbortSignal,
): Promise<Opened> {
  try {
    if (file === "-") return await openedInput(flags, input, signal);
    const found = fs.statSync(file, { throwIfNoEntry: false });
    if (flags.format === "bundle" && found?.isDirectory()) {
      throw new ReachError("USAGE", `${file} is a folder, not a bundle`, {
        hint: "a bundle is one file",
      });
    }
    const source = fileSource(file);
    if (!isBundle(file, flags, () => isBundleFile(file))) return { file, source };
    return { file, bundle: file, size: source.size };
  } catch (error) {
    return { file, error };
  }
}

async function openedInput(
  flags: ImportFlags,
  input: PeekedStream,
  signal: AbortSignal,
): Promise<Opened> {
  const file = "-";
  const head = await input.head();
  if (signal.aborted) throw new ReachError("INTERRUPTED", "interrupted; nothing was imported");
  const bundle = isBundle("standard input", flags, () => isBundleHead(head));
  if (bundle) return { file, bundle: input.all(), size: null };
  return { file, source: streamSource("stdin", input.all()) };
}

/** Whether a source is taken for a bundle. Throws `USAGE` where a flag would then be ignored. */
function isBundle(
  name: string,
  { format, id, path: array, fresh, key, restore }: ImportFlags,
  look: () => boolean,
): boolean {
  const bundle = format === "bundle" || (format === "auto" && look());
  if (bundle && (id !== undefined || array !== undefined || fresh)) {
    throw new ReachError("USAGE", "--id, --path and --fresh have no meaning for a bundle", {
      hint: "a bundle brings its session along, with its id",
    });
  }
  if (!bundle && restore) {
    throw new ReachError("USAGE", `--restore is given, and ${name} is no bundle`, {
      hint: "make bundles of what may have to be restored: `reach export ID --format bundle`",
    });
  }
  if (!bundle && key !== undefined) {
    throw new ReachError("USAGE", `--key is given, and ${name} is no bundle`, {
      hint: "without --key it is imported as a transcript, which nobody has signed",
    });
  }
  return bundle;
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
  const progress = invocation.progress(`importing ${nameOf(file)}`);
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
    noteFolder(invocation, file, source, report.format);
    return { source: file, report };
  } catch (error) {
    return { source: file, error };
  } finally {
    progress.clear();
  }
}

async function takeBundle(
  directory: Directory,
  { bundle, size }: { readonly bundle: BundleSource; readonly size: number | null },
  { key, restore = false }: ImportFlags,
  progress: Progress,
  signal: AbortSignal,
): Promise<BundleImport> {
  return importBundle(directory, bundle, {
    ...(key === undefined ? {} : { verifierKey: key }),
    restore,
    onProgress: (step) => progress.update({ ...step, total: size }),
    signal,
  });
}

function nameOf(file: string): string {
  return file === "-" ? "standard input" : oneLine(path.basename(file));
}

async function remoteIdFor(client: ReachClient, text: string): Promise<SessionId> {
  const id = text.toLowerCase();
  return isSessionId(id) ? id : resolveRemote(client, text);
}

/** A whole id may be new; a beginning means a session that is there. */
function sessionIdFor(directory: Directory, text: string): SessionId {
  const id = text.toLowerCase();
  return isSessionId(id) ? id : resolveSession(directory, text);
}
