/**
 * `--program`: a file, or the name of a built-in program. What is neither is probably a typing
 * error and gets a suggestion.
 */
import * as fs from "node:fs";
import { ReachError } from "../base/index.ts";
import { builtIn, builtInPrograms } from "../programs/index.ts";
import { closest, didYouMean } from "./suggest.ts";

/** Throws `NOT_FOUND` when there is neither a program nor a file of that name. */
export function checkProgram(text: string): void {
  if (builtIn(text) || fs.existsSync(text)) return;
  const names = builtInPrograms.map(({ name }) => name);
  const suggestion = didYouMean(closest(text, names));
  throw new ReachError("NOT_FOUND", `there is no program ${text}`, {
    hint:
      suggestion ?? `give the path of a .ts or .js file, or a built-in name: ${names.join(", ")}`,
  });
}
