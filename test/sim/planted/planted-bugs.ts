/**
 * The five classic mistakes, planted in the storage engine that ships: a passage of one source file
 * is replaced while the simulation is bundled. Bundling fails when the passage is not there exactly
 * once, so a bug that the code has grown away from is noticed.
 */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Plugin } from "esbuild";

/** A mistake, and where the simulation is known to meet it. */
export interface PlantedBug {
  readonly name: string;
  /** Path below `src`. */
  readonly file: string;
  readonly passage: string;
  readonly instead: string;
  /** The seed to start from. */
  readonly seed: number;
}

/** Every one of them must be caught. */
export const plantedBugs: readonly PlantedBug[] = [
  {
    name: "skips the fsync of what a journal segment held before the segment is removed",
    file: "log/targets.ts",
    passage: "await this.#files.use(path, () => {}).sync();",
    instead: "",
    seed: 1,
  },
  {
    name: "acknowledges before the fsync of the journal",
    file: "log/segment.ts",
    passage: "        await synced;",
    instead: "        synced.catch(() => {});",
    seed: 1,
  },
  {
    name: "appends a journal entry instead of writing it to its place, so that twice is not once",
    file: "log/targets.ts",
    passage: "  else file.write(bytes, offset);",
    instead: "  else file.write(bytes, Math.max(file.size(), offset));",
    seed: 1,
  },
  {
    name: "forgets the folder sync before a journal segment is removed",
    file: "log/journal.ts",
    passage: "await someAtOnce(level ?? [], atOnce, (folder) => disk.syncFolder(folder));",
    instead: "",
    seed: 1,
  },
  {
    name: "accepts a frame behind the end at which its segment was sealed",
    file: "log/recovery.ts",
    passage: "  const end = seal?.end ?? bytes.length;",
    instead: "  const end = bytes.length;",
    seed: 1,
  },
];

const folder = path.dirname(fileURLToPath(import.meta.url));
const source = path.join(folder, "..", "..", "..", "src");

/** The file of a bug with the bug in it. Throws when its passage is not there exactly once. */
export async function planted(bug: PlantedBug): Promise<string> {
  const text = await readFile(path.join(source, bug.file), "utf8");
  if (text.split(bug.passage).length !== 2) {
    throw new Error(`${bug.file} does not hold this exactly once: ${bug.passage}`);
  }
  return text.replace(bug.passage, () => bug.instead);
}

function planting(bug: PlantedBug): Plugin {
  const target = path.join(source, bug.file);
  return {
    name: "planted-bug",
    setup(context) {
      context.onLoad({ filter: /\.ts$/ }, async (args) => {
        if (path.resolve(args.path) !== target) return undefined;
        return { contents: await planted(bug), loader: "ts" };
      });
    },
  };
}

/** Writes the program of `npm run sim` with a bug, or without any, to `output`. */
export async function bundleSimulation(output: string, bug?: PlantedBug): Promise<void> {
  await build({
    entryPoints: [path.join(folder, "..", "main.ts")],
    outfile: output,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    packages: "external",
    logLevel: "silent",
    plugins: bug === undefined ? [] : [planting(bug)],
  });
}
