/**
 * Files of the project that are not code: read as text or as YAML, from the root of the project.
 * YAML is read strictly: a key twice, a bad indent or a warning is an error.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { parseDocument } from "yaml";

/** The root of the project. */
export const projectRoot = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");

/** The text of a file. */
export function projectText(file: string): string {
  return fs.readFileSync(path.join(projectRoot, file), "utf8");
}

/** A file of YAML; throws where anything about it is doubtful. */
export function projectYaml<Value>(file: string): Value {
  const document = parseDocument(projectText(file), { strict: true, uniqueKeys: true });
  const [trouble] = [...document.errors, ...document.warnings];
  if (trouble) throw new Error(`${file}: ${trouble.message}`);
  // Merges and anchors (`<<`, `&`, `*`) are resolved, as compose does it.
  return document.toJS() as Value;
}
