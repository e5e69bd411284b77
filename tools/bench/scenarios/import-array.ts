// Importing a JSON document: one array of 100,000 events. The floor is `JSON.parse` of the whole
// file, which holds everything in memory at once; Reach may not.

import { readFileSync } from "node:fs";
import type { Bench } from "../bench.ts";
import { transcriptInput } from "../inputs.ts";
import { measured, type Work } from "../measurement.ts";
import { countRow, memoryRow, timesRow } from "../rows.ts";
import type { Row, Scenario } from "../scenario.ts";

export const importArray: Scenario = {
  name: "import-array",
  long: false,
  async run(bench: Bench): Promise<readonly Row[]> {
    const events = bench.events(100_000);
    const file = await transcriptInput(bench, "array", events);
    const root = bench.path("import-array");
    const pairs = await bench.pairs(
      bench.rounds(5),
      {
        floor: { module: "scenarios/import-array", name: "parseWhole", input: { file } },
        reach: { module: "importing", name: "importFile", input: { file, root } },
      },
      () => bench.remove("import-array"),
    );
    const what = `import of a JSON array of ${events} events`;
    return [
      timesRow(`${what}; JSON.parse of the file (floor)`, pairs, 3),
      countRow(`${what}: records`, pairs.reach, "records", events),
      memoryRow(`${what}: peak RSS`, pairs.reach, 300),
    ];
  },
};

/** Parses the file as a whole. */
export function parseWhole({ file }: { readonly file: string }): Promise<Work> {
  return measured(() => {
    const events = JSON.parse(readFileSync(file, "utf8")) as unknown[];
    return { events: events.length };
  });
}
