/**
 * The version of this package, from its package.json: it stands nowhere else, so it is never
 * wrong.
 */
import * as fs from "node:fs";

/** For example `0.1.0`. */
export function packageVersion(): string {
  const text = fs.readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return String((JSON.parse(text) as { version?: unknown }).version);
}
