// Where the recorded transcripts of other people's tools lie. They are used in place and never
// copied; a machine that does not have them skips those tests and says so. REACH_CORPUS overrides
// the default place.

import { existsSync } from "node:fs";
import path from "node:path";
import { it, type TestContext } from "vitest";

const folder =
  process.env["REACH_CORPUS"] ?? path.resolve(import.meta.dirname, "../../../shared/corpus");

/** The path of a part of the corpus. */
export function corpusPath(...parts: string[]): string {
  return path.join(folder, ...parts);
}

/** Declares tests over the corpus, or one skipped test that says what is missing. */
export function withCorpus(declare: () => void): void {
  if (existsSync(folder)) {
    declare();
    return;
  }
  it("reads the corpus of recorded transcripts", (context: TestContext) => {
    context.skip(`there is no ${folder}: set REACH_CORPUS to the folder of the transcripts`);
  });
}
