/**
 * Files of the build that are loaded by their path: what threads and runner processes begin with,
 * the kernel of contexts, what programs import. Node 20 cannot load TypeScript in a worker thread,
 * so whoever runs from `src` (the tests) uses `dist`. This code is one folder below `dist`, also
 * where it is bundled into another file.
 */
import { fileURLToPath } from "node:url";

/** Path of a compiled file, given as its path below `dist`. */
export function builtFile(name: string): string {
  const folder = import.meta.url.endsWith(".ts") ? "../../dist/" : "../";
  return fileURLToPath(new URL(folder + name, import.meta.url));
}

/**
 * Path of a public entry of this package, such as `config.js`, that shares its modules with the
 * code that asks: what is bundled has entries of its own, so that nothing is loaded twice.
 */
export function publicEntry(name: string): string {
  const isBundled = new URL(".", import.meta.url).pathname.endsWith("/dist/entries/");
  return builtFile(isBundled ? `entries/${name}` : name);
}
