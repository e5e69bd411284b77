/**
 * Places in a bundle told as places in the sources it was made of, by its source map: of refusals,
 * of operations, and of failures.
 */
import { SourceMap } from "node:module";
import path from "node:path";

/** The name that the entry has in a bundle, so that renaming the file does not change the hash. */
export const entryName = "program";

/** The name of a source as its author knows it; `where` is the file that was bundled. */
export function sourceName(source: string, where: string): string {
  return source === entryName ? path.basename(where) : source;
}

/** A place in a source. */
export interface SourcePlace {
  /** `file:line:column`, both from 1. */
  readonly text: string;
  /** What the identifier there is called in the source, where the bundle renamed it. */
  readonly name: string | undefined;
}

/** The source of `line` (from 1) and `column` (from 0) of a bundle, or nothing if no map tells. */
export function sourcePlace(
  map: string | null,
  where: string,
  line: number,
  column: number,
): SourcePlace | undefined {
  if (map === null) return undefined;
  const entry = new SourceMap(JSON.parse(map)).findEntry(line - 1, column);
  if (!("originalSource" in entry) || entry.originalLine === undefined) return undefined;
  const source = sourceName(entry.originalSource, where);
  const text = `${source}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
  return { text, name: (entry as { name?: string }).name };
}

/**
 * The place in its source of the innermost frame of a stack that a context collected (`stacks` of
 * an activation, `stack` of a failure): `file:line:column`, or nothing if the map does not tell.
 */
export function stackPlace(
  { map, where }: { readonly map: string | null; readonly where: string },
  stack: string,
): string | undefined {
  const [, line, column] = /:(\d+):(\d+)\)$/m.exec(stack) ?? [];
  if (line === undefined || column === undefined) return undefined;
  return sourcePlace(map, where, Number(line), Number(column) - 1)?.text;
}
