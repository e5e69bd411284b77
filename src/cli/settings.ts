/**
 * Settings and where each came from: flags first, then the environment, then `reach.config.ts`,
 * then defaults. `reach doctor` prints both, because a wrong data directory looks like lost
 * sessions.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import process from "node:process";
import { checkWorkspaceName, messageOf, ReachError } from "../base/index.ts";
import { findConfig, type LoadedConfig } from "../config/index.ts";

/** Where a setting came from. */
export type SettingSource = "flag" | "environment" | "configuration" | "default";

/** A setting: its value, and which flag, variable, file or default gave it. */
export interface Setting<Value> {
  readonly value: Value;
  readonly source: SettingSource;
  /** `--data`, `REACH_DATA`, a file; empty for a default. */
  readonly name: string;
}

/** Whether text is coloured: `terminal` means where it goes to a terminal. */
export type ColourChoice = "always" | "never" | "terminal";

/** Everything that can be set for all commands. */
export interface Settings {
  /** Absolute path of the data directory. */
  readonly data: Setting<string>;
  /** Name of the workspace in it. */
  readonly workspace: Setting<string>;
  /** Absolute path of that workspace: what is opened. */
  readonly folder: string;
  readonly colour: Setting<ColourChoice>;
  /** Path of the configuration; empty without one. */
  readonly config: Setting<string>;
  /** The server that is asked instead of the data directory. */
  readonly server: ServerSetting | undefined;
}

/** A server, and what it is told of who asks. */
export interface ServerSetting {
  readonly url: string;
  readonly token: string | undefined;
}

/** Flags that every command takes. `color` is false with `--no-color`. */
export interface CommonFlags {
  readonly url?: string;
  readonly data?: string;
  readonly workspace?: string;
  readonly config?: string;
  readonly color?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly debug?: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

const defaultData = "./.reach";
const defaultWorkspace = "default";

/** The settings of one call of the command. Throws `USAGE` for values that cannot be meant. */
export function readSettings(
  flags: CommonFlags,
  environment: Environment,
  config: LoadedConfig | undefined,
): Settings {
  const data = dataSetting(flags, environment, config);
  const workspace = workspaceSetting(flags, environment);
  return {
    config: configSetting(flags, environment),
    server: serverSetting(flags, environment),
    data,
    workspace,
    folder: path.join(data.value, workspace.value),
    colour: colourSetting(flags, environment),
  };
}

/** The configuration that is meant: by flag, by variable, or the one of this folder. */
export function configSetting(flags: CommonFlags, environment: Environment): Setting<string> {
  if (flags.config !== undefined) {
    return { value: path.resolve(flags.config), source: "flag", name: "--config" };
  }
  const { REACH_CONFIG } = environment;
  if (REACH_CONFIG) {
    return { value: path.resolve(REACH_CONFIG), source: "environment", name: "REACH_CONFIG" };
  }
  return { value: findConfig(process.cwd()) ?? "", source: "default", name: "" };
}

function dataSetting(
  flags: CommonFlags,
  environment: Environment,
  config: LoadedConfig | undefined,
): Setting<string> {
  if (flags.data !== undefined) {
    if (flags.data === "") throw new ReachError("USAGE", "--data names no folder");
    return { value: path.resolve(flags.data), source: "flag", name: "--data" };
  }
  const { REACH_DATA } = environment;
  if (REACH_DATA) {
    return { value: path.resolve(REACH_DATA), source: "environment", name: "REACH_DATA" };
  }
  if (config?.data !== undefined) {
    const value = path.resolve(path.dirname(config.file), config.data);
    return { value, source: "configuration", name: path.basename(config.file) };
  }
  return { value: path.resolve(defaultData), source: "default", name: "" };
}

function workspaceSetting(
  { workspace, url }: CommonFlags,
  { REACH_WORKSPACE }: Environment,
): Setting<string> {
  if (workspace !== undefined) {
    if (url !== undefined) {
      throw new ReachError("USAGE", "--url takes no --workspace: the token says which one", {
        hint: "`reach token create --workspace` makes one for it",
      });
    }
    checkWorkspaceName(workspace);
    return { value: workspace, source: "flag", name: "--workspace" };
  }
  if (!REACH_WORKSPACE) return { value: defaultWorkspace, source: "default", name: "" };
  checkWorkspaceName(REACH_WORKSPACE);
  return { value: REACH_WORKSPACE, source: "environment", name: "REACH_WORKSPACE" };
}

/** A token stands in the environment or in a file: other people see the flags of a process. */
function serverSetting(
  { url, data }: CommonFlags,
  { REACH_TOKEN, REACH_TOKEN_FILE }: Environment,
): ServerSetting | undefined {
  if (url === undefined) return undefined;
  if (data !== undefined) throw new ReachError("USAGE", "--url and --data are two places to look");
  if (REACH_TOKEN || !REACH_TOKEN_FILE) return { url, token: REACH_TOKEN || undefined };
  try {
    return { url, token: fs.readFileSync(REACH_TOKEN_FILE, "utf8").trim() };
  } catch (error) {
    throw new ReachError("NOT_FOUND", `REACH_TOKEN_FILE: ${messageOf(error)}`, { cause: error });
  }
}

/** https://no-color.org: any value but the empty one. `FORCE_COLOR` as Node reads it. */
export function colourSetting(flags: CommonFlags, environment: Environment): Setting<ColourChoice> {
  const { NO_COLOR, FORCE_COLOR, TERM } = environment;
  if (flags.color === false) return { value: "never", source: "flag", name: "--no-color" };
  if (NO_COLOR) return { value: "never", source: "environment", name: "NO_COLOR" };
  if (FORCE_COLOR !== undefined && !["0", "false"].includes(FORCE_COLOR)) {
    return { value: "always", source: "environment", name: "FORCE_COLOR" };
  }
  if (TERM === "dumb") return { value: "never", source: "environment", name: "TERM" };
  return { value: "terminal", source: "default", name: "" };
}

/** Throws `USAGE` when the data directory is something other than a folder. */
export function checkDataFolder({ data, folder }: Settings): void {
  for (const place of [data.value, folder]) {
    const found = fs.statSync(place, { throwIfNoEntry: false });
    if (!found || found.isDirectory()) continue;
    throw new ReachError("USAGE", `the data directory ${place} is a file`, {
      where: place,
      hint: "name a folder with --data or REACH_DATA",
    });
  }
}
