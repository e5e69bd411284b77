/**
 * `--program`: a file, or the name of a built-in program. What is neither is probably a typing
 * error and gets a suggestion.
 */
import * as fs from "node:fs";
import { ReachError } from "../base/index.ts";
import { builtIn, builtInPrograms } from "../programs/index.ts";
import { closest, didYouMean } from "./suggest.ts";

/** Throws `NOT_FOUND` when there is no program and no file of that name, `USAGE` for a folder. */
export function checkProgram(text: string): void {
  if (builtIn(text)) return;
  const found = fs.statSync(text, { throwIfNoEntry: false });
  if (found?.isDirectory()) {
    throw new ReachError("USAGE", `the program ${text} is a folder`, {
      hint: "name a .ts or .js file in it",
    });
  }
  if (found) return;
  const names = builtInPrograms.map(({ name }) => name);
  const suggestion = didYouMean(closest(text, names));
  throw new ReachError("NOT_FOUND", `there is no program ${text}`, {
    hint:
      suggestion ?? `give the path of a .ts or .js file, or a built-in name: ${names.join(", ")}`,
  });
}
