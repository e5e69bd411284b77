// Runs once before the tests: builds `dist` when a source file is newer. Worker threads and the
// `reach` command are started from there, because Node 20 cannot load TypeScript by itself.

import { buildPackage, packageIsStale } from "../tools/build.mjs";

/** Called by vitest. Types that do not hold are printed; the tests then run on what was built. */
export function setup(): void {
  if (packageIsStale()) buildPackage();
}
