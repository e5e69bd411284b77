/**
 * One call of a command: its settings, its output, its progress. Commands get everything they use
 * of the process through it.
 */
import process from "node:process";
import { type LoadedConfig, loadConfig } from "../config/index.ts";
import { Output } from "./output.ts";
import { Progress } from "./progress.ts";
import {
  type CommonFlags,
  colourSetting,
  configSetting,
  readSettings,
  type Settings,
} from "./settings.ts";

/** What a command works with. */
export interface Invocation {
  readonly settings: Settings;
  /** The configuration of the project, if there is one. */
  readonly config: LoadedConfig | undefined;
  readonly output: Output;
  /** A line of progress on stderr; clear it when the work is done. */
  progress(label: string): Progress;
}

/** The configuration that is meant, loaded. Throws `NOT_FOUND`, `CONFIG_INVALID`. */
export async function configOf(flags: CommonFlags): Promise<LoadedConfig | undefined> {
  const { value } = configSetting(flags, process.env);
  return value === "" ? undefined : loadConfig(value);
}

/**
 * The invocation that flags, the environment of this process and a configuration make. Throws
 * `USAGE`.
 */
export function invocationOf(flags: CommonFlags, config?: LoadedConfig): Invocation {
  const settings = readSettings(flags, process.env, config);
  return {
    settings,
    config,
    output: outputOf(flags),
    progress: (label) => new Progress(process.stderr, label, { enabled: flags.quiet !== true }),
  };
}

/** Where a command writes to, whatever its other settings are. */
export function outputOf(flags: CommonFlags): Output {
  return new Output({
    stdout: process.stdout,
    stderr: process.stderr,
    colour: colourSetting(flags, process.env).value,
    json: flags.json === true,
    quiet: flags.quiet === true,
  });
}
