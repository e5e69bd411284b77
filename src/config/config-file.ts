/**
 * Finds and loads `reach.config.ts`. Unlike a program it is code of this process: it may use Node,
 * packages and the environment. TypeScript is turned into JavaScript beside the file, since that is
 * where its packages are found, and deleted again at once.
 */
import { existsSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import type { Message, Plugin } from "esbuild";
import { messageOf, ReachError } from "../base/index.ts";
import { publicEntry } from "../disk/index.ts";
import { type CheckedConfig, checkConfig } from "./reach-config.ts";

/** Names that are looked for, the first one that is there is taken. */
export const configNames = [
  "reach.config.ts",
  "reach.config.mts",
  "reach.config.js",
  "reach.config.mjs",
];

/** A configuration and where it came from. */
export interface LoadedConfig extends CheckedConfig {
  /** Absolute path. */
  readonly file: string;
}

/** The configuration file of a folder, if it has one. */
export function findConfig(folder: string): string | undefined {
  return configNames.map((name) => path.join(folder, name)).find((file) => existsSync(file));
}

/**
 * Loads a configuration. Throws `NOT_FOUND` when there is no such file, `USAGE` for a folder,
 * `CONFIG_INVALID` with the place when it does not compile, throws, or says what cannot be meant.
 */
export async function loadConfig(file: string): Promise<LoadedConfig> {
  const where = path.resolve(file);
  if (!existsSync(where)) {
    throw new ReachError("NOT_FOUND", `there is no configuration ${file}`, {
      where,
      hint: "give the path of a reach.config.ts with --config or REACH_CONFIG",
    });
  }
  if (statSync(where).isDirectory()) {
    throw new ReachError("USAGE", `the configuration ${file} is a folder`, {
      where,
      hint: "name a reach.config.ts with --config or REACH_CONFIG",
    });
  }
  const shown = path.relative(process.cwd(), where) || where;
  const module = await imported(where, shown);
  return { ...checkConfig(module.default, shown), file: where };
}

async function imported(where: string, shown: string): Promise<{ readonly default?: unknown }> {
  const script = await bundled(where, shown);
  const name = `.reach.config.${process.pid}.${Date.now().toString(36)}.mjs`;
  const beside = path.join(path.dirname(where), name);
  try {
    writeFileSync(beside, script, { flag: "wx" });
  } catch (cause) {
    const message = `${shown} cannot be compiled: nothing can be written beside it`;
    throw new ReachError("IO_FAILED", message, { where, hint: messageOf(cause), cause });
  }
  const removed = removedAtTheEnd(beside);
  try {
    return await Promise.race([import(pathToFileURL(beside).href), removed.stalled]);
  } catch (cause) {
    const message = `${shown}: ${messageOf(cause)}`;
    const hint = "it is loaded like a module of Node, and threw while it was";
    throw new ReachError("CONFIG_INVALID", message, { where, hint, cause });
  } finally {
    removed.end();
  }
}

/**
 * Removes a file in `end`, and when the process ends before. `stalled` rejects when nothing is left
 * that could have the file go on loading.
 */
function removedAtTheEnd(file: string): { readonly stalled: Promise<never>; end(): void } {
  const remove = (): void => rmSync(file, { force: true });
  const killed = (signal: NodeJS.Signals): void => {
    end();
    process.kill(process.pid, signal);
  };
  let stall = (): void => {};
  const stalled = new Promise<never>((_, reject) => {
    stall = () => reject(new Error("it waits for something that never comes"));
  });
  const end = (): void => {
    remove();
    process
      .off("exit", remove)
      .off("beforeExit", stall)
      .off("SIGINT", killed)
      .off("SIGTERM", killed);
  };
  process.on("exit", remove).on("beforeExit", stall).on("SIGINT", killed).on("SIGTERM", killed);
  return { stalled, end };
}

/** What it imports of Reach is this Reach, wherever the file lies. */
const ownEntries: Plugin = {
  name: "reach-config",
  setup(context) {
    context.onResolve({ filter: /^reach-replay\/config$/ }, () => {
      return { path: pathToFileURL(publicEntry("config.js")).href, external: true };
    });
  },
};

async function bundled(where: string, shown: string): Promise<string> {
  const { build } = await import("esbuild");
  try {
    const { outputFiles } = await build({
      entryPoints: [where],
      absWorkingDir: path.dirname(where),
      write: false,
      bundle: true,
      packages: "external",
      format: "esm",
      platform: "node",
      target: "node20",
      sourcemap: "inline",
      logLevel: "silent",
      plugins: [ownEntries],
    });
    return outputFiles[0]?.text ?? "";
  } catch (error) {
    const [first] = (error as { errors?: readonly Message[] } | null)?.errors ?? [];
    if (!first) throw error;
    const { location, text } = first;
    const at = location ? `${shown}:${location.line}:${location.column + 1}` : shown;
    throw new ReachError("CONFIG_INVALID", `${at}: ${text}`, { where: at, cause: error });
  }
}
