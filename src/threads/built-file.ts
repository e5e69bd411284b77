/**
 * Files of the build that are loaded by their path: the worker, and what programs import. Node 20
 * cannot load TypeScript in a worker thread, so whoever runs from `src` (the tests) uses `dist`.
 */
import { fileURLToPath } from "node:url";

/** Path of a compiled file, given as its path below `dist`. */
export function builtFile(name: string): string {
  const folder = import.meta.url.endsWith(".ts") ? "../../dist/" : "../";
  return fileURLToPath(new URL(folder + name, import.meta.url));
}
