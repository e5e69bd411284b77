/**
 * Turns the file of a program into one script and the hash that names it. The script holds nothing
 * of where the file lay, how it was spelled out or what Reach it was bundled by, so that the same
 * program has the same name everywhere and its snapshots are found again.
 */
import { readFileSync } from "node:fs";
import path from "node:path";
import type { BuildOptions, Loader, Message, Plugin } from "esbuild";
import { fromUtf8, messageOf, ReachError, sha256 } from "../base/index.ts";
import { codeFault, entryName, sourceName } from "../sandbox/index.ts";
import { builtFile } from "../threads/index.ts";
import type { ProgramText } from "./protocol.ts";

const ownEntry = "reach-replay/program";

/** Only this of Reach belongs into a program: types, and one function that returns its argument. */
const programEntry: Plugin = {
  name: "reach-program",
  setup(context) {
    context.onResolve({ filter: /.*/ }, ({ kind }) => {
      if (kind !== "dynamic-import") return undefined;
      return { errors: [{ text: "`import(…)` cannot be used in a program" }] };
    });
    context.onResolve({ filter: /^reach-replay(?:\/|$)/ }, ({ path: wanted }) => {
      if (wanted === ownEntry) return { path: ownEntry, namespace: "reach" };
      const text = `a program imports "reach-replay/program" and nothing else of Reach`;
      return { errors: [{ text }] };
    });
    // Without its own source map: that would name where Reach is installed.
    context.onLoad({ filter: /.*/, namespace: "reach" }, () => {
      const text = readFileSync(builtFile("program.js"), "utf8");
      return { contents: text.replace(/^\/\/# sourceMappingURL=.*$/m, "") };
    });
  },
};

const loaders: Readonly<Record<string, Loader>> = {
  ".ts": "ts",
  ".mts": "ts",
  ".cts": "ts",
  ".tsx": "tsx",
  ".jsx": "jsx",
};

/** Paths in the output are relative to the folder of the file, so they do not change it either. */
function optionsFor(file: string, contents: string): BuildOptions & { write: false } {
  const folder = path.dirname(file);
  const loader = loaders[path.extname(file)] ?? "js";
  return {
    stdin: { contents, resolveDir: folder, sourcefile: entryName, loader },
    absWorkingDir: folder,
    outfile: "program.js",
    write: false,
    bundle: true,
    format: "iife",
    globalName: "program",
    platform: "neutral",
    mainFields: ["module", "main"],
    target: "node20",
    minifyWhitespace: true,
    legalComments: "none",
    sourcemap: "external",
    logLevel: "silent",
    plugins: [programEntry],
  };
}

/**
 * Bundles the program in a file. Throws `NOT_FOUND` when there is no such file, `PROGRAM_INVALID`
 * with file, line and column when it cannot be bundled, or holds what no program may hold
 * (`import(…)`, assignments to variables outside of functions).
 */
export async function bundleProgram(file: string): Promise<ProgramText> {
  const where = path.resolve(file);
  const contents = readProgram(file, where);
  // Loaded late: it costs 20 ms, and most replays need no bundler.
  const { build } = await import("esbuild");
  try {
    const { outputFiles } = await build(optionsFor(where, contents));
    const output = (suffix: string): Uint8Array => {
      const found = outputFiles.find((candidate) => candidate.path.endsWith(suffix));
      if (!found) throw new ReachError("BUG", `the bundler made no ${suffix}`);
      return found.contents;
    };
    const bytes = output("program.js");
    const hash = new Uint8Array(sha256(bytes));
    const code = fromUtf8(bytes);
    const map = fromUtf8(output("program.js.map"));
    const fault = codeFault({ where, code, map });
    if (fault) throw fault;
    return { hash, where, code, map };
  } catch (error) {
    throw bundleError(file, where, error);
  }
}

function readProgram(file: string, where: string): string {
  try {
    return readFileSync(where, "utf8");
  } catch (cause) {
    const message = `the program ${file} cannot be read: ${messageOf(cause)}`;
    throw new ReachError("NOT_FOUND", message, {
      where,
      hint: "give the path of a .ts or .js file, or `transcript`, which is built in",
      cause,
    });
  }
}

function bundleError(file: string, where: string, error: unknown): unknown {
  const errors = (error as { errors?: unknown } | null)?.errors;
  if (!Array.isArray(errors) || errors.length === 0) return error;
  const [first, ...more] = errors as [Message, ...Message[]];
  const at = placeOf(first, where);
  const rest = more.length > 0 ? ` (and ${more.length} more)` : "";
  const hint = hintFor(first);
  return new ReachError("PROGRAM_INVALID", `${file} is no program: ${at}: ${first.text}${rest}`, {
    where: at,
    ...(hint === undefined ? {} : { hint }),
    cause: error,
  });
}

/** `file:line:column`, both from 1; the file relative to the folder of the program. */
function placeOf({ location }: Message, where: string): string {
  if (!location) return where;
  return `${sourceName(location.file, where)}:${location.line}:${location.column + 1}`;
}

function hintFor({ text }: Message): string | undefined {
  if (text.startsWith("Could not resolve")) {
    return "a program uses its arguments alone: no modules of Node; packages must be installed";
  }
  if (text.startsWith("`import(")) return "import it at the top of the file";
  if (text.startsWith("Top-level await")) return "a program is synchronous, also while it loads";
  return undefined;
}
