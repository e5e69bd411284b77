// Writes `fixtures/v1`: small data directories and bundles as version 1 of the formats has them.
//
//   node tools/build.mjs --tools && node dist-tools/tools/fixtures.js [folder]
//
// Clock and randomness are fixed, so that this gives the files that are there already. Where it
// does not, the format has changed, and data that people have would be read otherwise: the new one
// needs a version and a folder of its own, and the files of the old one stay as they are.

import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { fixtureFiles } from "../test/durability/fixture-files.ts";

/** The folder of the project: where package.json lies, whether this runs from `tools` or not. */
function projectRoot(from: string): string {
  return existsSync(path.join(from, "package.json")) ? from : projectRoot(path.dirname(from));
}

const target = process.argv[2] ?? path.join(projectRoot(import.meta.dirname), "fixtures", "v1");
rmSync(target, { recursive: true, force: true });
const files = await fixtureFiles();
let bytes = 0;
for (const [name, content] of files) {
  const file = path.join(target, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, content);
  bytes += content.length;
}
console.log(`${files.size} files, ${bytes} bytes in ${target}`);
