/**
 * From arguments to an exit code. `--version` is answered before anything is loaded that it does
 * not need.
 */
import process from "node:process";
import { packageVersion } from "./package-version.ts";

/** Runs the command with `args` (without node and script); never throws. */
export async function run(args: readonly string[]): Promise<number> {
  const [first] = args;
  if (args.length === 1 && (first === "--version" || first === "-V")) {
    process.stdout.write(`${packageVersion()}\n`);
    return 0;
  }
  // Stacks name the files that people can read; reading the maps costs time.
  if (args.includes("--debug")) process.setSourceMapsEnabled(true);
  const { runProgram } = await import("./program.ts");
  return runProgram(args, packageVersion());
}
