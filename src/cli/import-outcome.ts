/**
 * What became of each source of an import, and how that is told: as lines, as an object, as an
 * exit code. One source that fails does not keep the others from being imported.
 */
import { codeOf, type SessionId } from "../base/index.ts";
import type { ImportReport } from "../importers/index.ts";
import type { BundleImport } from "../session/index.ts";
import { bundleLines } from "./bundle-file.ts";
import { type ExitCode, exitCodeOf, exitCodes } from "./exit-codes.ts";
import { complainOf, failureOf } from "./failure.ts";
import { importLines } from "./import-text.ts";
import type { Output } from "./output.ts";
import { counted } from "./quantity.ts";
import { shortId } from "./sessions.ts";
import { oneLine } from "./terminal-text.ts";

/** What became of one source; `source` is what was given on the command line. */
export type Outcome = { readonly source: string } & (
  | { readonly report: ImportReport }
  | { readonly bundle: BundleImport }
  | { readonly error: unknown }
);

const ofOneSource = new Set<string | undefined>([
  "BUNDLE_INVALID",
  "CONFLICT",
  "FORMAT_UNKNOWN",
  "GONE",
  "INTERRUPTED",
  "NOT_FOUND",
  "SOURCE_UNREADABLE",
  "USAGE",
]);

/** Whether an error is about one source alone: not about the disk, nor about the directory. */
export function concernsSource(error: unknown): boolean {
  return ofOneSource.has(codeOf(error));
}

/**
 * Tells of one source, unless that is done at the end. The error of a `single` one is thrown. `ids`
 * are those of all other sessions, which its id has to be told apart from.
 */
export async function tellOutcome(
  output: Output,
  ids: readonly SessionId[],
  outcome: Outcome,
  single: boolean,
): Promise<void> {
  if ("error" in outcome) {
    if (single) throw outcome.error;
    if (!output.json) complainOf(output, outcome.error);
    return;
  }
  if (output.quiet && !output.json) await output.print(sessionOf(outcome));
  else if (!output.json) {
    const id = shortId(sessionOf(outcome), ids);
    const lines =
      "bundle" in outcome
        ? bundleLines(outcome.bundle, output.style("bold", id))
        : importLines(outcome.report, output.style("bold", id));
    const heading = single ? [] : [oneLine(outcome.source)];
    await output.print(...heading, ...lines.map((line) => (single ? line : `  ${line}`)));
  }
  if ("report" in outcome && outcome.report.interrupted) {
    output.note(
      `interrupted after ${counted(outcome.report.events, "event")}: the session is whole up to ` +
        "there; run the same command again to go on",
    );
  }
}

/** The session that a source was imported into. */
export function sessionOf(outcome: Exclude<Outcome, { error: unknown }>): SessionId {
  return "bundle" in outcome ? outcome.bundle.id : outcome.report.id;
}

/** The outcome for `--json`. */
export function outcomeObject(outcome: Outcome): object {
  const { source } = outcome;
  if ("error" in outcome) return { source, error: failureOf(outcome.error) };
  if ("bundle" in outcome) return { source, format: "bundle", ...outcome.bundle };
  return { source, ...outcome.report };
}

/** The exit code of the first source that failed. */
export function exitCodeOfOutcomes(outcomes: readonly Outcome[]): ExitCode {
  const failed = outcomes.find((outcome) => "error" in outcome);
  return failed && "error" in failed ? exitCodeOf(failed.error) : exitCodes.ok;
}

/** Whether a source was imported, and to its end. */
export function isComplete(outcome: Outcome): boolean {
  if ("error" in outcome) return false;
  return "bundle" in outcome || !outcome.report.interrupted;
}
