// Importing the large log of the corpus, 349 MB of recorded Claude Code sessions, as one session,
// and exporting it again. The floor splits the lines of the file and parses each.

import { createHash } from "node:crypto";
import { closeSync, createReadStream, openSync, writeSync } from "node:fs";
import { Directory, exportOriginal } from "../../../src/session/index.ts";
import type { Bench, Pairs } from "../bench.ts";
import { corpusLog } from "../inputs.ts";
import { type Measurement, measured, type Work } from "../measurement.ts";
import { countRow, memoryRow, timesRow } from "../rows.ts";
import type { Row, Scenario, Skip } from "../scenario.ts";
import { readWindows } from "../windows.ts";

const lineFeed = 10;
const module = "scenarios/import-log";

export const importLog: Scenario = {
  name: "import-log",
  long: true,
  async run(bench: Bench): Promise<readonly Row[] | Skip> {
    const file = await corpusLog(bench);
    if (typeof file !== "string") return file;
    const rounds = bench.rounds(3);
    const rootOf = (round: number): string => `import-log-${round}`;
    const pairs: { floor: Measurement[]; reach: Measurement[] } = { floor: [], reach: [] };
    for (let round = 0; round < rounds; round++) {
      if (round > 0) bench.remove(rootOf(round - 1));
      const input = { file, root: bench.path(rootOf(round)) };
      const one = await bench.pairs(1, {
        floor: { module, name: "splitAndParse", input },
        reach: { module: "importing", name: "importFile", input },
      });
      pairs.floor.push(...one.floor);
      pairs.reach.push(...one.reach);
    }
    const kept = rootOf(rounds - 1);
    const id = pairs.reach.at(-1)?.facts["id"];
    const exported = await exportPairs(bench, file, bench.path(kept), String(id), rounds);
    bench.remove(kept);
    return [...importRows(pairs), ...exported];
  },
};

function importRows(pairs: Pairs): Row[] {
  const what = "import of the large Claude Code log";
  return [
    timesRow(`${what}; lines split and parsed (floor)`, pairs, 2.5),
    countRow(`${what}: records`, pairs.reach, "records", 96_031),
    countRow(`${what}: lines reported that hold two records`, pairs.reach, "problemCount", 6),
    memoryRow(`${what}: peak RSS`, pairs.reach, 512),
  ];
}

async function exportPairs(
  bench: Bench,
  file: string,
  root: string,
  id: string,
  rounds: number,
): Promise<Row[]> {
  const out = bench.path("exported.jsonl");
  const pairs = await bench.pairs(rounds, {
    floor: { module, name: "copyAndHash", input: { file, out } },
    reach: { module, name: "exported", input: { root, id, out } },
  });
  bench.remove("exported.jsonl");
  const digests = new Set([...pairs.floor, ...pairs.reach].map(({ facts }) => facts["sha256"]));
  const equal = pairs.reach.map((measurement) => {
    return { ...measurement, facts: { different: digests.size - 1 } };
  });
  const what = "export of it as original";
  return [
    countRow(`${what}: files whose SHA-256 is another`, equal, "different", 0),
    timesRow(`${what}; the file read, hashed and written (floor)`, pairs),
    memoryRow(`${what}: peak RSS`, pairs.reach),
  ];
}

/** Splits a file into its lines and parses each; those that hold two records do not parse. */
export function splitAndParse({ file }: { readonly file: string }): Promise<Work> {
  return measured(() => {
    let records = 0;
    let failures = 0;
    const parse = (text: string): void => {
      try {
        if (JSON.parse(text) !== undefined) records += 1;
      } catch {
        failures += 1;
      }
    };
    readWindows(file, (bytes, filled) => {
      let start = 0;
      for (;;) {
        const end = bytes.indexOf(lineFeed, start);
        if (end < 0 || end >= filled) return start;
        parse(bytes.toString("utf8", start, end));
        start = end + 1;
      }
    });
    return { records, failures };
  });
}

/** Copies a file and hashes it on the way. */
export function copyAndHash(input: { readonly file: string; readonly out: string }): Promise<Work> {
  return measured(() => {
    const sha256 = createHash("sha256");
    const out = openSync(input.out, "w");
    readWindows(input.file, (bytes, filled) => {
      const piece = bytes.subarray(0, filled);
      sha256.update(piece);
      writeSync(out, piece);
      return filled;
    });
    closeSync(out);
    return { sha256: sha256.digest("hex") };
  });
}

/** Exports a session to a file; the SHA-256 is that of the file, taken from it afterwards. */
export async function exported(input: {
  readonly root: string;
  readonly id: string;
  readonly out: string;
}): Promise<Work> {
  const directory = await Directory.open({ path: `${input.root}/default`, mode: "read" });
  const work = await measured(async () => {
    const reader = directory.session(input.id);
    const out = openSync(input.out, "w");
    await exportOriginal(reader, (bytes) => void writeSync(out, bytes));
    closeSync(out);
    reader.close();
    return {};
  });
  await directory.close();
  const sha256 = createHash("sha256");
  for await (const piece of createReadStream(input.out)) sha256.update(piece as Buffer);
  return { ...work, facts: { sha256: sha256.digest("hex") } };
}
