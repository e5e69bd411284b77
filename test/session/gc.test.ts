/** What garbage collection promises: it never takes what a living session names. */
import * as fs from "node:fs";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { codeOf, type SessionId, sha256, utf8 } from "../../src/base/index.ts";
import { eventLogPath, sessionFolder } from "../../src/log/index.ts";
import {
  collectGarbage,
  Directory,
  quarantinePath,
  removeSession,
  verifySession,
} from "../../src/session/index.ts";
import {
  keepSamples,
  noise,
  randomFrom,
  Scratch,
  sampleProgram,
  writeSample,
} from "./sample-session.ts";

let scratch: Scratch;
let directory: Directory;
beforeEach(async () => {
  scratch = new Scratch();
  directory = await Directory.open({ path: scratch.at("data"), mode: "write" });
});
afterEach(async () => {
  await directory.close();
  scratch.remove();
});

/** Payload number `i`: every third begins as the one before it, so that chunks are shared. */
function payload(i: number): Uint8Array {
  const own = noise(5000 + 997 * (i % 9), randomFrom(i));
  return utf8(i % 3 === 0 ? own : noise(20_000, randomFrom(i - (i % 3))) + own);
}

async function sessionOf(payloads: readonly number[], bulk: boolean): Promise<SessionId> {
  const header = { kind: "emit", type: "x", time: 1, ref: null } as const;
  if (bulk) {
    const writer = await directory.openBulk();
    for (const i of payloads) writer.append(header, "bytes", payload(i));
    await directory.closeWriter(writer);
    return writer.id;
  }
  const writer = directory.createSession();
  for (const i of payloads) writer.append({ ...header, form: "bytes", bytes: payload(i) });
  await directory.closeWriter(writer);
  return writer.id;
}

function isThere(i: number): boolean {
  const bytes = payload(i);
  const name = sha256(bytes);
  if (!directory.blobs.has(name)) return false;
  expect(Buffer.compare(directory.blobs.get(name), bytes)).toBe(0);
  return true;
}

function codeThrown(look: () => unknown): string | undefined {
  try {
    look();
  } catch (error) {
    return codeOf(error);
  }
  return undefined;
}

function blobBytes(): number {
  const folder = `${directory.path}/blobs`;
  const packs = fs.readdirSync(folder).filter((name) => name.endsWith(".pack"));
  return packs.reduce((sum, name) => sum + fs.statSync(`${folder}/${name}`).size, 0);
}

test("whatever is written and removed, living payloads stay and the others go", async () => {
  const session = fc.record({
    payloads: fc.array(fc.nat(20), { minLength: 1, maxLength: 6 }),
    bulk: fc.boolean(),
    fate: fc.constantFrom("kept", "removed", "quarantined"),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(session, { minLength: 1, maxLength: 6 }), async (sessions) => {
      await directory.close();
      scratch.remove();
      scratch = new Scratch();
      directory = await Directory.open({ path: scratch.at("data"), mode: "write" });
      const living = new Set<number>();
      const dead = new Set<number>();
      const ids: SessionId[] = [];
      for (const { payloads, bulk, fate } of sessions) {
        const id = await sessionOf(payloads, bulk);
        for (const i of payloads) (fate === "removed" ? dead : living).add(i);
        if (fate === "removed") await removeSession(directory, id);
        else ids.push(id);
        const note = JSON.stringify({ seq: 0, reason: "a test" });
        if (fate === "quarantined") fs.writeFileSync(quarantinePath(directory.path, id), note);
      }
      const before = blobBytes();
      const report = await collectGarbage(directory);
      expect(report.livePayloads).toBe(living.size);
      expect(report.freedBytes).toBe(before - blobBytes());
      for (const i of living) expect(isThere(i)).toBe(true);
      if (living.size === 0) expect(blobBytes()).toBeLessThanOrEqual(16);
      for (const id of ids) {
        expect(await verifySession(directory, id)).toMatchObject({ integrity: "intact" });
      }
      const more = await sessionOf([...dead, 21], true);
      expect(await verifySession(directory, more)).toMatchObject({ integrity: "intact" });
    }),
    { numRuns: 15 },
  );
}, 120_000);

test("removing most of what there was gives its room back", async () => {
  const ids: SessionId[] = [];
  for (let i = 0; i < 8; i++) ids.push(await sessionOf([3 * i, 3 * i + 1, 3 * i + 2], true));
  const before = blobBytes();
  for (const id of ids.slice(1)) await removeSession(directory, id);
  const report = await collectGarbage(directory);
  expect(report).toMatchObject({ sessions: 1, livePayloads: 3, missingPayloads: 0 });
  expect(blobBytes()).toBeLessThan(before / 4);
  expect(report.freedBytes).toBe(before - blobBytes());
  expect([0, 1, 2].every(isThere)).toBe(true);
});

test("states of snapshots stay, also of programs that nobody knows", async () => {
  const id = await writeSample(directory, 60);
  await keepSamples(directory, id, [20, 40]);
  await collectGarbage(directory);
  expect(await verifySession(directory, id, { programs: [sampleProgram] })).toMatchObject({
    integrity: "intact",
    snapshots: { count: 2, damaged: 0 },
  });
});

describe("a damaged session", () => {
  test("keeps what its damaged batches seem to name", async () => {
    const id = await sessionOf([0, 1, 2], true);
    const file = eventLogPath(directory.path, id);
    const log = fs.readFileSync(file);
    const names = [0, 1, 2].map((i) => Buffer.from(sha256(payload(i))));
    const at = log.indexOf(names[0] as Buffer) + 5;
    log[at] = (log[at] as number) ^ 1;
    fs.writeFileSync(file, log);
    const report = await collectGarbage(directory);
    expect(report.livePayloads).toBe(3);
    // What the flipped name now stands for is not in the store.
    expect(report.missingPayloads).toBe(1);
    expect([1, 2].every(isThere)).toBe(true);
  });

  test("whose payload is damaged where its list begins keeps what is in doubt", async () => {
    const first = await sessionOf([3], true);
    const second = await sessionOf([4], true);
    await removeSession(directory, first);
    await directory.close();
    const packs = fs
      .readdirSync(`${directory.path}/blobs`)
      .filter((name) => name.endsWith(".pack"));
    const pack = `${directory.path}/blobs/${packs.at(-1)}`;
    const whole = fs.readFileSync(pack);
    const damaged = Buffer.from(whole);
    const root = damaged.indexOf(sha256(payload(4))) + 32;
    damaged[root + 20] = (damaged[root + 20] as number) ^ 1;
    fs.writeFileSync(pack, damaged);
    directory = await Directory.open({ path: scratch.at("data"), mode: "write" });
    expect(codeOf(await collectGarbage(directory).catch((error) => error))).toBe("BLOB_CORRUPT");
    await directory.close();
    // What the hint says: from a copy.
    fs.writeFileSync(pack, whole);
    directory = await Directory.open({ path: scratch.at("data"), mode: "write" });
    expect(await verifySession(directory, second)).toMatchObject({ integrity: "intact" });
  });

  test("whose payload is missing does not keep others from being collected", async () => {
    const [id, gone] = [await sessionOf([0], false), await sessionOf([7], true)];
    await removeSession(directory, gone);
    await directory.close();
    fs.rmSync(`${directory.path}/blobs`, { recursive: true });
    directory = await Directory.open({ path: scratch.at("data"), mode: "write" });
    const report = await collectGarbage(directory);
    expect(report).toMatchObject({ sessions: 1, missingPayloads: 1 });
    expect(await verifySession(directory, id)).toMatchObject({ integrity: "damaged" });
  });
});

test("a session that cannot be looked at is no missing one, and keeps its payloads", async () => {
  const [hidden, other] = [await sessionOf([1], true), await sessionOf([7], true)];
  await directory.close();
  const folder = sessionFolder(directory.path, hidden);
  fs.renameSync(folder, scratch.at("aside"));
  fs.symlinkSync(folder, folder);
  directory = await Directory.open({ path: scratch.at("data"), mode: "write" });
  expect(codeThrown(() => directory.sessionIds())).toBe("IO_FAILED");
  expect(codeOf(await collectGarbage(directory).catch((error) => error))).toBe("IO_FAILED");
  expect(directory.session(other).size).toBe(1);
  fs.rmSync(folder);
  fs.renameSync(scratch.at("aside"), folder);
  expect(directory.sessionIds()).toHaveLength(2);
  expect([1, 7].every(isThere)).toBe(true);
});

test("left-overs of crashes go", async () => {
  const id = await writeSample(directory, 30);
  const removed = await writeSample(directory, 30);
  await removeSession(directory, removed);
  const folder = sessionFolder(directory.path, id);
  fs.writeFileSync(`${folder}/checkpoint.tmp`, "half a checkpoint");
  fs.writeFileSync(`${directory.path}/reach.json.tmp`, "{");
  fs.mkdirSync(`${directory.path}/imports`, { recursive: true });
  fs.writeFileSync(`${directory.path}/imports/00.tmp`, "half a line");
  fs.writeFileSync(`${sessionFolder(directory.path, removed)}/events.log`, "left by a crash");
  const report = await collectGarbage(directory);
  expect(report.temporaryFiles).toBe(3);
  expect(fs.existsSync(`${folder}/checkpoint.tmp`)).toBe(false);
  expect(fs.readdirSync(`${directory.path}/imports`)).toEqual([]);
  expect(fs.readdirSync(sessionFolder(directory.path, removed))).toEqual(["tombstone"]);
  expect(await verifySession(directory, id)).toMatchObject({ integrity: "intact" });
});

test("nothing is collected while somebody writes, or by a reader", async () => {
  const writer = directory.createSession();
  expect(codeOf(await collectGarbage(directory).catch((error) => error))).toBe("CONFLICT");
  await directory.closeWriter(writer);
  const reader = await Directory.open({ path: scratch.at("data"), mode: "read" });
  expect(codeOf(await collectGarbage(reader).catch((error) => error))).toBe("READ_ONLY");
  await reader.close();
});
