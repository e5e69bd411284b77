/**
 * `--path`: the way to an array inside a JSON document, as people write it: `a.b[0].c`, with an
 * optional `$` in front, and `["a.b"]` for keys that are no plain words.
 */
import { ReachError } from "../base/index.ts";

/** A key of an object or an index of an array. */
export type PathStep = string | number;

const step = /(?:^|\.)([^.[\]"]+)|\[(\d{1,15})\]|\[("(?:[^"\\]|\\.)*")\]/y;

/** The steps of a path; none for the document itself. Throws `USAGE` when it is malformed. */
export function parsePath(text: string): readonly PathStep[] {
  const steps: PathStep[] = [];
  const rest = text.replace(/^\$\.?/, "");
  let at = 0;
  while (at < rest.length) {
    step.lastIndex = at;
    const found = step.exec(rest);
    const [, word, index, quoted] = found ?? [];
    const key = word ?? (quoted === undefined ? undefined : unquoted(quoted));
    if (!found || (key === undefined && index === undefined)) {
      throw new ReachError("USAGE", `"${text}" is no path to an array: see character ${at + 1}`, {
        hint: 'write keys and indexes, as in `a.b[0].c` or `["a.b"]`',
      });
    }
    steps.push(key ?? Number(index));
    at = step.lastIndex;
  }
  return steps;
}

function unquoted(text: string): string | undefined {
  try {
    return String(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** A path as `parsePath` reads it; the whole document is `$`. */
export function formatPath(steps: readonly PathStep[]): string {
  let text = "";
  for (const each of steps) {
    if (typeof each === "number") text += `[${each}]`;
    else if (!/^[^.[\]"$\s][^.[\]"]*$/.test(each)) text += `[${JSON.stringify(each)}]`;
    else text += text === "" ? each : `.${each}`;
  }
  return text === "" ? "$" : text;
}
