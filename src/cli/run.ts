/**
 * From arguments to an exit code. `--version` is answered before anything is loaded that it does
 * not need.
 */
import process from "node:process";
import { exitCodes } from "./exit-codes.ts";
import { packageVersion } from "./package-version.ts";

/** Major and minor version of the oldest Node that Reach runs on. */
const oldestNode = [20, 20] as const;

/** Runs the command with `args` (without node and script); never throws. */
export async function run(args: readonly string[]): Promise<number> {
  const [first] = args;
  if (args.length === 1 && (first === "--version" || first === "-V")) {
    process.stdout.write(`${packageVersion()}\n`);
    return 0;
  }
  if (nodeTooOld()) return 1;
  if (folderGone()) return exitCodes.notFound;
  // Stacks name the files that people can read; reading the maps costs time.
  if (args.includes("--debug")) process.setSourceMapsEnabled(true);
  const { runProgram } = await import("./program.ts");
  return runProgram(args, packageVersion());
}

/** Says so: whatever is looked for is looked for from there. */
function folderGone(): boolean {
  try {
    process.cwd();
    return false;
  } catch {
    const message = "the folder that this is called in is gone\n  change to one that is there";
    process.stderr.write(`reach: ${message}\n`);
    return true;
  }
}

/** Says so, and what is needed; anything else would fail in places that tell nobody why. */
function nodeTooOld(): boolean {
  const { node } = process.versions;
  const [major = 0, minor = 0] = node.split(".").map(Number);
  const [leastMajor, leastMinor] = oldestNode;
  if (major > leastMajor || (major === leastMajor && minor >= leastMinor)) return false;
  const needed = oldestNode.join(".");
  process.stderr.write(`reach: this is Node ${node}\n  Reach needs Node ${needed} or newer\n`);
  return true;
}
