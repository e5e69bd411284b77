/**
 * `--path` chooses an array of a JSON document. For the other formats it would be ignored, and
 * nothing that a person asks for is ignored in silence.
 */
import { ReachError } from "../base/index.ts";
import type { ReaderOptions } from "./importer.ts";
import { formatPath, parsePath } from "./json-path.ts";

/** Throws `USAGE` when a path is given to a format that has no use for it. */
export function refusePath(format: string, options: ReaderOptions): void {
  if (options.path === undefined) return;
  throw new ReachError("USAGE", `--path has no meaning for ${format}`, {
    hint: "add `--format json` to read the source as a plain JSON document",
  });
}

/** The path as the note of an import has it: one spelling for each array. Throws `USAGE`. */
export function notedPath({ path }: ReaderOptions): string | undefined {
  return path === undefined ? undefined : formatPath(parsePath(path));
}
