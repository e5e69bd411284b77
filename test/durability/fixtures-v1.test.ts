// Old bytes: `fixtures/v1` was written by version 1 of the formats and never changes. What was
// written then is read, recovered, replayed and verified now; and the code of today still writes
// these very bytes, else the formats have changed without a new version.

import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { closeWorkers, loadProgram, replaySession } from "../../src/runtime/index.ts";
import {
  bundlePieces,
  Directory,
  importBundle,
  verifyBundle,
  verifySession,
} from "../../src/session/index.ts";
import { type Expected, expectedSession, fixtureFiles } from "./fixture-files.ts";
import { type DirectoryName, processNumber, workspace } from "./small-directories.ts";

const fixtures = path.join(import.meta.dirname, "..", "..", "fixtures", "v1");
const expected: Expected = JSON.parse(
  fs.readFileSync(path.join(fixtures, "expected.json"), "utf8"),
);
const bytesMax = 300_000;

function filesBelow(folder: string): string[] {
  return fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .sort();
}

describe("the formats", () => {
  it("are those of version 1: what is written today is the same to the byte", async () => {
    const files = await fixtureFiles();
    expect(filesBelow(fixtures)).toEqual([...files.keys()].sort());
    for (const [name, content] of files) {
      const kept = fs.readFileSync(path.join(fixtures, name));
      const advice = `${name} is another one: a change of the format needs a new version`;
      expect(kept.equals(content), advice).toBe(true);
    }
    const total = [...files.values()].reduce((sum, { length }) => sum + length, 0);
    expect(total).toBeLessThan(bytesMax);
  });
});

describe.each(["clean", "crashed"] as const)("the %s directory of version 1", (name) => {
  let folder: string;
  let data: string;
  const { sessions, removed, torn, cut, verifierKey } = expected.directories[name];

  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "reach-v1-"));
    data = copyOf(name, folder);
  });

  afterEach(() => {
    fs.rmSync(folder, { recursive: true, force: true });
  });

  afterAll(closeWorkers);

  /** Opens the copy; all processes that have written it are dead. */
  function open(mode: "read" | "write"): Promise<Directory> {
    return Directory.open({ path: data, mode, workspace, processes: processNumber(1001) });
  }

  it("is read without changing anything", async () => {
    const before = filesBelow(data);
    const directory = await open("read");
    expect(directory.identity.verifierKey).toBe(verifierKey);
    expect(directory.sessionIds()).toEqual(sessions.map(({ id }) => id).sort());
    for (const session of sessions) {
      expect(expectedSession(directory, session.name, session.id)).toEqual(session);
    }
    for (const id of removed) {
      expect(() => directory.session(id)).toThrow(expect.objectContaining({ code: "GONE" }));
    }
    await directory.close();
    expect(filesBelow(data)).toEqual(before);
  });

  it("is recovered, verified and written on", async () => {
    const directory = await open("write");
    expect(directory.recovery).toMatchObject({ damage: [], quarantined: [] });
    expect(directory.recovery?.torn !== undefined).toBe(torn);
    expect(directory.recovery?.cut.map(({ id }) => id)).toEqual(cut);
    for (const session of sessions) {
      const { id, events, root, signedSize, quarantine } = session;
      expect(expectedSession(directory, session.name, id)).toEqual(session);
      const report = await verifySession(directory, id);
      expect(report).toMatchObject({
        id,
        events,
        root,
        integrity: "intact",
        snapshots: { damaged: 0 },
      });
      expect(report.signedSize ?? 0).toBe(signedSize);
      expect(report.firstBad).toBe(quarantine);
      if (quarantine !== null) continue;
      const writer = directory.appendTo(id);
      const event = { kind: "emit", type: "today", time: 0, ref: null, form: "bytes" } as const;
      await writer.append({ ...event, bytes: new Uint8Array(1) }).durable;
      expect(writer.tail.size).toBe(events + 1);
    }
    await directory.close();
    const again = await open("read");
    for (const { id, events, quarantine } of sessions) {
      const report = await verifySession(again, id);
      expect(report.events).toBe(quarantine === null ? events + 1 : events);
    }
    await again.close();
  });

  it("is replayed, and replayed again to the same states", async () => {
    const program = await loadProgram("transcript");
    const living = sessions.filter(({ quarantine }) => quarantine === null);
    const first = await open("write");
    const states = new Map<string, string | null>();
    for (const { id, events, root } of living) {
      const report = await replaySession(first, id, { program, workers: 1, keep: true });
      expect(report).toMatchObject({ events, root, verdict: "computed", kept: true });
      states.set(id, report.stateHash);
    }
    await first.close();
    const second = await open("read");
    for (const { id, events, root } of living) {
      const report = await replaySession(second, id, { program, workers: 1 });
      const stateHash = states.get(id);
      expect(report).toMatchObject({ events, root, verdict: "identical", stateHash });
    }
    await second.close();
  });
});

/** A copy of a data directory, with the folders that are empty. */
function copyOf(name: DirectoryName, folder: string): string {
  const data = path.join(folder, workspace);
  fs.cpSync(path.join(fixtures, name), data, { recursive: true });
  for (const one of expected.directories[name].folders) {
    fs.mkdirSync(path.join(data, one), { recursive: true });
  }
  return data;
}

describe("the bundles of version 1", () => {
  const { verifierKey } = expected.directories.clean;

  it.each(expected.bundles)(
    "$file verifies and is imported",
    async ({ file, id, events, root }) => {
      const bundle = path.join(fixtures, file);
      const report = await verifyBundle(bundlePieces(bundle), { verifierKey });
      expect(report).toMatchObject({ id, events, root, problems: [], completeness: "complete" });
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), "reach-v1-"));
      try {
        const directory = await Directory.open({ path: path.join(folder, "here"), mode: "write" });
        expect(await importBundle(directory, bundle, { verifierKey })).toMatchObject({
          id,
          events,
        });
        const imported = await verifySession(directory, id);
        expect(imported).toMatchObject({ events, root, problems: [] });
        await directory.close();
      } finally {
        fs.rmSync(folder, { recursive: true, force: true });
      }
    },
  );
});
