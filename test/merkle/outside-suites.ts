// Where the outside test suites lie. They are used in place and never copied; a machine that does
// not have them skips those tests and says so. REACH_SUITES overrides the default place.

import { existsSync } from "node:fs";
import path from "node:path";
import { it, type TestContext } from "vitest";

const folder =
  process.env["REACH_SUITES"] ?? path.resolve(import.meta.dirname, "../../../shared/suites");

/** The path of a part of the suites. */
export function suitePath(...parts: string[]): string {
  return path.join(folder, ...parts);
}

/** Declares tests over a part of the suites, or one skipped test that says what is missing. */
export function withSuite(part: string, declare: () => void): void {
  if (existsSync(suitePath(part))) {
    declare();
    return;
  }
  it(`runs the outside suite ${part}`, (context: TestContext) => {
    context.skip(`there is no ${suitePath(part)}: set REACH_SUITES to the folder of the suites`);
  });
}
