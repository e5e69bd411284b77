/**
 * The import of one source into a session, from the first look at its bytes to the signed
 * checkpoint. A longer version of something imported before continues that session, once the bytes
 * already imported have proved to be the same.
 */
import { ReachError, toHex } from "../base/index.ts";
import { type Directory, ImportIndex } from "../session/index.ts";
import { detectFormat, formatNamed, formats } from "./detect.ts";
import { type Earlier, endsAt, findEarlier } from "./earlier-import.ts";
import type { ImportOptions, ImportReport } from "./import-report.ts";
import { ImportRun } from "./import-run.ts";
import type { Format } from "./importer.ts";
import { PeekedStream } from "./peeked-stream.ts";
import { type Source, sourceProblems } from "./source.ts";
import { SourceHash } from "./source-hash.ts";

/**
 * Imports a source. Throws `FORMAT_UNKNOWN` for what is no transcript, `SOURCE_UNREADABLE`,
 * `USAGE` for options that do not fit it; then nothing of a new session stays behind.
 */
export async function importSource(
  directory: Directory,
  options: ImportOptions,
): Promise<ImportReport> {
  const started = performance.now();
  const hash = SourceHash.of(options.source);
  const stream = new PeekedStream(options.source, hash.take);
  try {
    return await importStream(directory, options, stream, hash, started);
  } finally {
    // The file first: what is being read ahead may wait for the thread.
    await stream.close().finally(() => hash.close());
  }
}

async function importStream(
  directory: Directory,
  options: ImportOptions,
  stream: PeekedStream,
  hash: SourceHash,
  started: number,
): Promise<ImportReport> {
  const { source, path } = options;
  const head = await stream.head();
  checkWanted(options);
  const format = chooseFormat(head, options);
  // Refuses a path that has no use here, also where there is nothing to read any more.
  format.reader(path === undefined ? {} : { path });
  const index = new ImportIndex(directory);
  const earlier = await findEarlier(directory, index, options, format, head);
  if (earlier && !earlier.note.interrupted && (await endsAt(source, earlier.note.size))) {
    return unchangedReport(directory, earlier, source, started);
  }
  checkWanted(options);
  const run = new ImportRun(directory, options, format, { earlier, hash });
  try {
    await run.open();
    await run.read(stream);
    return await run.finish(index, head, started);
  } catch (error) {
    throw await run.discard(error);
  }
}

/** What is taken as a whole may have ended early when it is interrupted: its head is none. */
function checkWanted({ asWhole, signal }: ImportOptions): void {
  if (!asWhole || !signal?.aborted) return;
  throw new ReachError("INTERRUPTED", "interrupted; nothing new was imported");
}

function chooseFormat(head: Uint8Array, { format, source }: ImportOptions): Format {
  if (format !== undefined && format !== "auto") {
    const named = formatNamed(format);
    if (named) return named;
    throw new ReachError("USAGE", `there is no format "${format}"`, {
      hint: `formats: auto, ${formats.map(({ name }) => name).join(", ")}`,
    });
  }
  const found = detectFormat(head, source.name);
  if (found) return found;
  const what = head.length === 0 ? "is empty" : "is no transcript that Reach knows";
  throw new ReachError("FORMAT_UNKNOWN", `${source.name} ${what}`, {
    where: source.name,
    hint: `--format takes ${formats.map(({ name }) => name).join(", ")}`,
  });
}

function unchangedReport(
  directory: Directory,
  { id, note }: Earlier,
  source: Source,
  started: number,
): ImportReport {
  // What is left out of a folder may have come since.
  const told = new Set(note.problems.map(({ message }) => message));
  const since = sourceProblems(source).filter(({ message }) => !told.has(message));
  const reader = directory.session(id);
  try {
    return {
      id,
      format: note.format,
      records: 0,
      events: reader.size,
      bytes: note.size,
      seconds: (performance.now() - started) / 1000,
      continuedFrom: reader.size,
      unchanged: true,
      interrupted: false,
      root: toHex(reader.root()),
      blobs: { count: 0, bytes: 0, storedBytes: 0 },
      problems: [...since, ...note.problems],
      problemCount: note.problemCount + since.length,
      unparsed: 0,
      fragments: 0,
    };
  } finally {
    reader.close();
  }
}
