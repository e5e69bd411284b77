/**
 * `reach export`: a session as other programs can read it, to a file, a folder or stdout. What has
 * a name is complete.
 */
import * as fs from "node:fs";
import { type Command, Option } from "commander";
import { ReachError } from "../../base/index.ts";
import {
  type ByteSink,
  type Directory,
  exportBundle,
  exportNdjson,
  exportOriginal,
  exportTlogTiles,
  type TilesOptions,
  writeBundlePage,
} from "../../session/index.ts";
import { addRange, type CommandDefinition, parseOutput, type RangeFlags } from "../command.ts";
import { type Interruption, interruption } from "../interrupt.ts";
import type { Invocation } from "../invocation.ts";
import { fileError, throwIfAborted, writeResult } from "../output-file.ts";
import { byteSize, counted } from "../quantity.ts";
import { redaction } from "../redaction.ts";
import { sessionPage } from "../session-page.ts";
import { resolveSession, withReader } from "../sessions.ts";

const exportFormats = ["original", "bundle", "html", "ndjson", "tlog-tiles"] as const;

interface ExportFlags extends RangeFlags {
  readonly format: (typeof exportFormats)[number];
  readonly output?: string;
  readonly redact?: readonly string[];
}

/** `reach export`. */
export const exportCommand: CommandDefinition = {
  examples: [
    ["reach export 0199c1f2 --format original -o session.jsonl", "the very bytes that came in"],
    ["reach export 0199c1f2 --format bundle -o run.bundle", "to verify elsewhere, offline"],
    [
      "reach export 0199c1f2 --format bundle --redact '37,40-52,user/*' -o run.bundle",
      "the same, and these events stay here",
    ],
    ["reach export 0199c1f2 --format html -o run.html", "to look at in a browser, offline"],
    ["reach export 0199c1f2 --format ndjson | jq .type", "one event per line"],
    ["reach export 0199c1f2 --format tlog-tiles -o tiles/", "for tools of transparency logs"],
  ],
  notes: [
    "A file appears under its name when it is complete and durable. A new one can be read by its " +
      "owner alone, one that is replaced keeps its mode. tlog-tiles needs -o with a folder that " +
      "does not exist yet. With -o and --json: what was written, as an object.",
    "html is a bundle in a page: a browser verifies it, then shows the events, and of recorded " +
      "sessions the states, without a server and without the network. `reach verify FILE` and " +
      "`reach events FILE` read it as well.",
    "A bundle made with --redact has the hash of each withheld event in its place, so it " +
      "verifies against the same signatures; what was withheld cannot be guessed from it. " +
      "Events that hold a hash of others (notes of imports and of idempotency keys, steps with " +
      "a snapshot) are withheld as well; those that repeat what others say are for you to name. " +
      "Name, program and beginning of the session stay. Such a bundle can be verified and looked " +
      "at (`reach events FILE`), not imported or replayed.",
  ],
  configure(command: Command, start) {
    command
      .argument("<id>", "session, by id or a unique beginning of one")
      .addOption(
        new Option("--format <format>", "what to write").choices(exportFormats).default("original"),
      )
      .option("-o, --output <file>", "write to this file (for tlog-tiles: folder)", parseOutput);
    addRange(command);
    command.option(
      "--redact <events>",
      "withhold these from a bundle: seqs, ranges and types, such as 37,40-52,user/*",
      (text: string, before: readonly string[] = []) => [...before, text],
    );
    command.action((id: string, flags: ExportFlags) => {
      return start((invocation) => exportSession(invocation, id, flags));
    });
  },
};

async function exportSession(
  invocation: Invocation,
  text: string,
  flags: ExportFlags,
): Promise<Interruption["exitCode"]> {
  checkFlags(flags);
  const stop = interruption(() => {});
  try {
    await withReader(invocation, async (directory) => {
      const id = resolveSession(directory, text);
      if (flags.format === "tlog-tiles") {
        await writeTiles(invocation, directory, id, flags, stop.signal);
      } else await writeFile(invocation, directory, id, flags, stop.signal);
    });
  } finally {
    stop.end();
  }
  return stop.exitCode;
}

function checkFlags({ format, from, to, output, redact }: ExportFlags): void {
  if ((from !== undefined || to !== undefined) && format !== "ndjson") {
    throw new ReachError("USAGE", `--from and --to have no meaning for ${format}`, {
      hint: "a part of a session is exported with --format ndjson",
    });
  }
  if (redact && format !== "bundle" && format !== "html") {
    throw new ReachError("USAGE", `--redact has no meaning for ${format}`, {
      hint: "events are withheld from a bundle: --format bundle, or html",
    });
  }
  if (format === "tlog-tiles" && (output === undefined || output === "-")) {
    throw new ReachError("USAGE", "tlog-tiles are many files", { hint: "name a folder with -o" });
  }
}

async function writeFile(
  invocation: Invocation,
  directory: Directory,
  id: string,
  flags: ExportFlags,
  signal: AbortSignal,
): Promise<void> {
  const { output } = invocation;
  const { format, output: file } = flags;
  const toFile = file !== undefined && file !== "-";
  if (output.json && !toFile) {
    throw new ReachError("USAGE", "--json describes a file that was written: name one with -o", {
      hint: "without --json the export itself goes to stdout",
    });
  }
  const progress = invocation.progress("exporting");
  let bytes = 0;
  const counting = (sink: ByteSink): ByteSink => {
    return async (piece) => {
      bytes += piece.length;
      progress.update({ done: bytes, total: null, unit: "bytes" });
      await sink(piece);
    };
  };
  const target = { file, binary: format === "bundle", signal };
  try {
    const produce = (sink: ByteSink) => produceFormat(directory, id, flags, counting(sink));
    const summary = await writeResult(output, target, produce);
    progress.clear();
    if (!toFile) return;
    if (output.json) await output.printObject({ id, format, file, bytes, ...summary });
    else output.note(`wrote ${byteSize(bytes)} to ${file}${withheldText(summary)}`);
  } finally {
    progress.clear();
  }
}

function withheldText({ withheld = 0 }: Partial<Exported> = {}): string {
  return withheld === 0 ? "" : `: ${counted(withheld, "event")} withheld`;
}

/** What is said of an export with --json, beside what it was and where it went. */
interface Exported {
  readonly bytes: number;
  readonly withheld?: number;
}

async function produceFormat(
  directory: Directory,
  id: string,
  { format, from, to, redact }: ExportFlags,
  sink: ByteSink,
): Promise<Exported> {
  const session = directory.session(id);
  try {
    if (format === "bundle" || format === "html") {
      const options = redact ? { withhold: redaction(session, redact) } : {};
      const produce = (to: ByteSink) => exportBundle(directory, id, to, options);
      if (format === "bundle") return await produce(sink);
      return await writeBundlePage(sink, sessionPage(session.manifest.name || id), produce);
    }
    if (format === "original") return await exportOriginal(session, sink);
    return await exportNdjson(session, sink, {
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
    });
  } finally {
    session.close();
  }
}

/** Into a folder beside the one that was named, which then gets its name. */
async function writeTiles(
  invocation: Invocation,
  directory: Directory,
  id: string,
  { output: folder = "" }: ExportFlags,
  signal: AbortSignal,
): Promise<void> {
  const { output } = invocation;
  if (fs.existsSync(folder)) {
    throw new ReachError("ALREADY_EXISTS", `${folder} is there already`, {
      hint: "name a folder that does not exist yet",
    });
  }
  const temporary = `${folder.replace(/\/+$/, "")}.${process.pid}.tmp`;
  const session = directory.session(id);
  const progress = invocation.progress("exporting");
  const onProgress: TilesOptions["onProgress"] = (step) => {
    throwIfAborted(signal);
    progress.update(step);
  };
  try {
    await fs.promises.mkdir(temporary, { mode: 0o700 });
    const summary = await exportTlogTiles(session, temporary, { onProgress });
    await fs.promises.rename(temporary, folder);
    progress.clear();
    if (output.json) await output.printObject({ id, format: "tlog-tiles", folder, ...summary });
    else output.note(`wrote tiles to ${folder}`);
  } catch (error) {
    await fs.promises.rm(temporary, { recursive: true, force: true }).catch(() => {});
    throw fileError(error, folder);
  } finally {
    progress.clear();
    session.close();
  }
}
