// Importing a file into a new data directory, as a measured piece of work.

import { fileSource, importSource } from "../../src/importers/index.ts";
import { Directory } from "../../src/session/index.ts";
import { measured, type Work } from "./measurement.ts";

/** Imports `file` into a data directory below `root`; durable and signed when the clock stops. */
export async function importFile(input: {
  readonly file: string;
  readonly root: string;
}): Promise<Work> {
  const directory = await Directory.open({ path: `${input.root}/default`, mode: "write" });
  const work = await measured(async () => {
    const source = fileSource(input.file);
    const report = await importSource(directory, { source });
    const { id, format, records, bytes, problemCount, unparsed, fragments } = report;
    return { id, format, records, bytes, problemCount, unparsed, fragments };
  });
  await directory.close();
  return work;
}
