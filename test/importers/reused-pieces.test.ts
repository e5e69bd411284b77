// The memory of a piece of the source is used again as soon as the piece has been hashed: no
// importer looks at it later. Here each piece is overwritten the moment it has been handed back.

import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { importSource, type Source } from "../../src/importers/index.ts";
import { SourceHash } from "../../src/importers/source-hash.ts";
import { Directory, exportOriginal } from "../../src/session/index.ts";
import { Scratch } from "../session/sample-session.ts";
import { corpusPath, withCorpus } from "./outside-corpus.ts";

let scratch: Scratch;
let directory: Directory;
beforeEach(async () => {
  scratch = new Scratch();
  directory = await Directory.open({ path: scratch.at("data"), mode: "write" });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await directory.close();
  scratch.remove();
});

/** Overwrites what a hash has been given, until it is told to stop. */
function scribbled(): () => void {
  const { update } = SourceHash.prototype;
  const spy = vi.spyOn(SourceHash.prototype, "update").mockImplementation(function (
    this: SourceHash,
    piece: Uint8Array,
    spans?: readonly number[],
  ) {
    update.call(this, piece, spans);
    piece.fill(0xff);
  });
  return () => spy.mockRestore();
}

/** The bytes of a file in pieces of their own, in memory that is shared or not. */
function cut(file: string, pieceBytes: number, shared = false): Source {
  const bytes = readFileSync(file);
  async function* open() {
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      const size = Math.min(pieceBytes, bytes.length - at);
      const piece = new Uint8Array(shared ? new SharedArrayBuffer(size) : new ArrayBuffer(size));
      piece.set(bytes.subarray(at, at + size));
      yield await Promise.resolve(piece);
    }
  }
  return { name: path.basename(file), size: bytes.length, reopenable: true, open };
}

/** What an import made of a source: everything but the salts. */
async function imported(source: Source): Promise<{ events: unknown[]; original: Buffer }> {
  const { id } = await importSource(directory, { source, fresh: true });
  const reader = directory.session(id);
  const events = [...reader.events()].map(({ kind, type, time, ref, payload, data }) => {
    return { kind, type, time, ref, form: payload.form, data };
  });
  const pieces: Uint8Array[] = [];
  await exportOriginal(reader, (bytes) => void pieces.push(Uint8Array.from(bytes)));
  reader.close();
  return { events, original: Buffer.concat(pieces) };
}

async function isReadOnce(file: string, pieceSizes: readonly number[]): Promise<void> {
  const whole = await imported(cut(file, statSync(file).size));
  expect(whole.original.equals(readFileSync(file))).toBe(true);
  const stop = scribbled();
  for (const size of pieceSizes) {
    for (const shared of [false, true]) {
      const { events, original } = await imported(cut(file, size, shared));
      expect(original.equals(whole.original), `pieces of ${size}`).toBe(true);
      expect(events).toEqual(whole.events);
    }
  }
  stop();
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(folder, entry.name));
}

describe("no importer looks at a piece that it has handed back", () => {
  const fixtures = path.resolve(import.meta.dirname, "../../fixtures/import");
  it.each(filesIn(fixtures).map((file) => path.basename(file)))("%s", async (name) => {
    await isReadOnce(path.join(fixtures, name), [7, 1024]);
  });

  withCorpus(() => {
    const formats = ["asciicast", "claude-code", "codex", "json", "openhands", "swe-agent"];
    it.each([...formats, "temporal"])("%s of the corpus", async (format) => {
      const files = filesIn(corpusPath(format)).filter((file) => statSync(file).size < 1_000_000);
      for (const file of files) await isReadOnce(file, [16_384]);
    });
  });
});
