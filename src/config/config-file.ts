/**
 * Finds and loads `reach.config.ts`. Unlike a program it is code of this process: it may use Node,
 * packages and the environment. TypeScript is turned into JavaScript beside the file, since that is
 * where its packages are found, or in the temporary folder where it cannot be, and deleted at once.
 */
import { Buffer } from "node:buffer";
import { existsSync, rmSync, statSync, writeFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import type { BuildOptions, Message, Plugin } from "esbuild";
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
  const { file, url } = await scriptOf(where, shown);
  const removed = removedAtTheEnd(file);
  try {
    return await Promise.race([import(url), removed.stalled]);
  } catch (cause) {
    const message = `${shown}: ${messageOf(cause)}`;
    const hint = "it is loaded like a module of Node, and threw while it was";
    throw new ReachError("CONFIG_INVALID", message, { where, hint, cause });
  } finally {
    removed.end();
  }
}

interface Script {
  /** Where it lies; nowhere, where no file can be written at all. */
  readonly file?: string;
  readonly url: string;
}

async function scriptOf(where: string, shown: string): Promise<Script> {
  const beside = written(path.dirname(where), await bundled(where, shown, byName));
  if (beside) return beside;
  const script = await bundled(where, shown, byPlace(where));
  const url = `data:text/javascript;base64,${Buffer.from(script).toString("base64")}`;
  return written(tmpdir(), script) ?? { url };
}

/** A new file with `script` in a folder; `undefined` where none can be written. */
function written(folder: string, script: string): Script | undefined {
  const name = `.reach.config.${process.pid}.${Date.now().toString(36)}.mjs`;
  const file = path.join(folder, name);
  try {
    writeFileSync(file, script, { flag: "wx", mode: 0o600 });
    return { file, url: pathToFileURL(file).href };
  } catch (error) {
    // An empty file is what is left where there is no room for more.
    if ((error as NodeJS.ErrnoException).code === "ENOSPC") rmSync(file, { force: true });
    return undefined;
  }
}

/**
 * Removes a file, if there is one, in `end`, and when the process ends before. `stalled` rejects
 * when nothing is left that could have the configuration go on loading.
 */
function removedAtTheEnd(file?: string): { readonly stalled: Promise<never>; end(): void } {
  const remove = (): void => {
    if (file !== undefined) rmSync(file, { force: true });
  };
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

const insidePackages = Symbol("what a plugin resolves is not asked of it again");

/** Packages are named by the file that they lead to from where the configuration lies. */
const placedPackages: Plugin = {
  name: "placed-packages",
  setup(context) {
    context.onResolve({ filter: /^[^./#]/ }, async ({ path: name, ...from }) => {
      const isKnown = from.pluginData === insidePackages || from.kind === "entry-point";
      if (isKnown || isBuiltin(name)) return undefined;
      const { kind, importer, resolveDir } = from;
      const asked = { kind, importer, resolveDir, pluginData: insidePackages };
      const { errors, path: found } = await context.resolve(name, asked);
      // Said once more by whoever knows the line. What is no package becomes part of the module.
      if (errors.length > 0) return undefined;
      if (!found.split(path.sep).includes("node_modules")) return { path: found };
      return { path: pathToFileURL(found).href, external: true };
    });
  },
};

/** A script that lies beside the configuration finds packages by itself. */
const byName: BuildOptions = { packages: "external", sourcemap: "inline", plugins: [ownEntries] };

/** One that lies elsewhere is told where they are, and where it would be. */
function byPlace(where: string): BuildOptions {
  const define = {
    "import.meta.url": JSON.stringify(pathToFileURL(where).href),
    "import.meta.filename": JSON.stringify(where),
    "import.meta.dirname": JSON.stringify(path.dirname(where)),
  };
  // Without this, packages would be taken in the form that is meant for bundlers.
  return { define, conditions: [], plugins: [ownEntries, placedPackages] };
}

async function bundled(where: string, shown: string, options: BuildOptions): Promise<string> {
  const { build } = await import("esbuild");
  try {
    const { outputFiles } = await build({
      entryPoints: [where],
      absWorkingDir: path.dirname(where),
      write: false,
      bundle: true,
      format: "esm",
      platform: "node",
      target: "node20",
      logLevel: "silent",
      ...options,
    });
    return outputFiles?.[0]?.text ?? "";
  } catch (error) {
    const [first] = (error as { errors?: readonly Message[] } | null)?.errors ?? [];
    if (!first) throw error;
    const { location, text } = first;
    const at = location ? `${shown}:${location.line}:${location.column + 1}` : shown;
    throw new ReachError("CONFIG_INVALID", `${at}: ${text}`, { where: at, cause: error });
  }
}
