// Every recorded transcript of the corpus, end to end: imported, given back byte for byte, replayed
// twice (computed, then identical, with the same state) and once more without derived files.

import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { fileSource, importSource } from "../src/importers/index.ts";
import { closeWorkers, loadProgram, replaySession } from "../src/runtime/index.ts";
import { Directory, exportOriginal, verifySession } from "../src/session/index.ts";
import { corpusPath, withCorpus } from "./importers/outside-corpus.ts";

afterAll(async () => {
  await closeWorkers();
});

/** Files of the corpus, and the folder that is one source. */
function sources(): string[] {
  const found: string[] = [];
  for (const group of readdirSync(corpusPath())) {
    if (!statSync(corpusPath(group)).isDirectory()) continue;
    for (const name of readdirSync(corpusPath(group))) {
      if (!name.endsWith(".zst")) found.push(path.join(group, name));
    }
  }
  return found;
}

/** The bytes of a source: a file, or the files of a folder one behind the other. */
function bytesOf(source: string): Buffer {
  const place = corpusPath(source);
  if (!statSync(place).isDirectory()) return readFileSync(place);
  const names = readdirSync(place).sort();
  return Buffer.concat(names.map((name) => readFileSync(path.join(place, name))));
}

function removeDerived(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    const derived = /\.idx$|^tree\.log$/.test(entry.name);
    if (entry.isFile() && derived) rmSync(path.join(entry.parentPath, entry.name));
  }
}

async function checkSource(source: string): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), "reach-corpus-"));
  const place = path.join(folder, "default");
  const program = await loadProgram(undefined);
  try {
    let directory = await Directory.open({ path: place, mode: "write" });
    const { id } = await importSource(directory, { source: fileSource(corpusPath(source)) });
    const pieces: Uint8Array[] = [];
    const reader = directory.session(id);
    await exportOriginal(reader, (bytes) => void pieces.push(Uint8Array.from(bytes)));
    reader.close();
    expect(Buffer.concat(pieces).equals(bytesOf(source))).toBe(true);
    const first = await replaySession(directory, id, { program, workers: 1, keep: true });
    expect(first.verdict).toBe("computed");
    const second = await replaySession(directory, id, { program, workers: 2 });
    expect(second).toMatchObject({ verdict: "identical", stateHash: first.stateHash });
    await directory.close();
    removeDerived(place);
    directory = await Directory.open({ path: place, mode: "read" });
    const third = await replaySession(directory, id, { program, workers: 2 });
    expect(third).toMatchObject({ verdict: "identical", stateHash: first.stateHash });
    const report = await verifySession(directory, id);
    expect(report).toMatchObject({ integrity: "intact", completeness: "complete" });
    await directory.close();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe("a transcript of the corpus is imported, exported, replayed and verified:", () => {
  withCorpus(() => {
    it.each(sources())("%s", checkSource, 60_000);
  });
});
