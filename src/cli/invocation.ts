/**
 * One call of a command: its settings, its output, its progress. Commands get everything they use
 * of the process through it.
 */
import process from "node:process";
import { Output } from "./output.ts";
import { Progress } from "./progress.ts";
import { type CommonFlags, readSettings, type Settings } from "./settings.ts";

/** What a command works with. */
export interface Invocation {
  readonly settings: Settings;
  readonly output: Output;
  /** A line of progress on stderr; clear it when the work is done. */
  progress(label: string): Progress;
}

/** The invocation that flags and the environment of this process make. Throws `USAGE`. */
export function invocationOf(flags: CommonFlags): Invocation {
  const settings = readSettings(flags, process.env);
  const quiet = flags.quiet === true;
  const output = new Output({
    stdout: process.stdout,
    stderr: process.stderr,
    colour: settings.colour.value,
    json: flags.json === true,
    quiet,
  });
  return {
    settings,
    output,
    progress: (label) => new Progress(process.stderr, label, { enabled: !quiet }),
  };
}
