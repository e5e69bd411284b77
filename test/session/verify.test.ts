/** What `verifySession` promises: nothing wrong is accepted, and the first of it is named. */
import * as fs from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { codeOf, concat, type SessionId, sessionIdBytes } from "../../src/base/index.ts";
import { nodeDisk } from "../../src/disk/index.ts";
import {
  type Batch,
  BatchBuilder,
  BatchWalk,
  readBatch,
  sealBatch,
} from "../../src/event/index.ts";
import {
  checkpointPath,
  eventLogPath,
  eventLogStart,
  manifestPath,
  sessionFolder,
} from "../../src/log/index.ts";
import {
  Directory,
  quarantinePath,
  treePath,
  type VerifyOptions,
  type VerifyReport,
  verifySession,
} from "../../src/session/index.ts";
import { appendSnapshots, readSnapshots, snapshotPath } from "../../src/snapshots/index.ts";
import { keepSamples, Scratch, sampleProgram, writeSample } from "./sample-session.ts";

let scratch: Scratch;
beforeEach(() => {
  scratch = new Scratch();
});
afterEach(() => scratch.remove());

/** A closed data directory with one session. */
async function stored(
  count: number,
  options: { sign?: boolean; largeBytes?: number; snapshots?: readonly number[] } = {},
): Promise<{ root: string; id: SessionId }> {
  const { snapshots = [], ...sample } = options;
  const root = scratch.at("data");
  const directory = await Directory.open({ path: root, mode: "write" });
  const id = await writeSample(directory, count, sample);
  if (snapshots.length > 0) await keepSamples(directory, id, snapshots);
  await directory.close();
  return { root, id };
}

/** Verifies a session, with the tree in a second thread and without: the reports are the same. */
async function verified(
  root: string,
  id: SessionId,
  options: VerifyOptions = {},
): Promise<VerifyReport> {
  const report = await verifiedOnce(root, id, { inThread: false, ...options });
  const inThread = await verifiedOnce(root, id, { inThread: true, ...options });
  expect({ ...inThread, seconds: report.seconds }).toEqual(report);
  return report;
}

async function verifiedOnce(
  root: string,
  id: SessionId,
  options: VerifyOptions,
): Promise<VerifyReport> {
  const directory = await Directory.open({ path: root, mode: "read" });
  try {
    return await verifySession(directory, id, { programs: [sampleProgram], ...options });
  } finally {
    await directory.close();
  }
}

/** Verifies once for each byte of a file, with that byte changed. */
async function eachFlip(
  root: string,
  id: SessionId,
  file: string,
  judge: (report: VerifyReport, offset: number) => void,
): Promise<void> {
  const whole = fs.readFileSync(file);
  for (let offset = 0; offset < whole.length; offset++) {
    const flipped = Buffer.from(whole);
    flipped[offset] = (flipped[offset] as number) ^ (1 << (offset % 8));
    fs.writeFileSync(file, flipped);
    judge(await verifiedOnce(root, id, {}), offset);
  }
  fs.writeFileSync(file, whole);
}

/** The batches of a log file, as they stand one behind the other. */
function batchesOf(bytes: Uint8Array, id: SessionId): Batch[] {
  const batches: Batch[] = [];
  for (let at = eventLogStart; at < bytes.length; ) {
    const batch = readBatch(bytes, at, sessionIdBytes(id), at);
    if (typeof batch === "string") throw new Error(`no batch at ${at}: ${batch}`);
    batches.push(batch);
    at = batch.end;
  }
  return batches;
}

/** Changes event `seq` in a log file as somebody would who knows the format: with a new CRC. */
function forge(
  root: string,
  id: SessionId,
  seq: number,
  change: (event: Uint8Array) => void,
): void {
  const file = eventLogPath(root, id);
  const bytes = new Uint8Array(fs.readFileSync(file));
  const batch = batchesOf(bytes, id).find(({ firstSeq, count }) => {
    return seq >= firstSeq && seq < firstSeq + count;
  });
  if (!batch) throw new Error(`no event ${seq}`);
  for (const walk = new BatchWalk(batch); walk.next(); ) if (walk.seq === seq) change(walk.event());
  sealBatch(bytes.subarray(batch.fileOffset, batch.end), sessionIdBytes(id), batch.fileOffset);
  fs.writeFileSync(file, bytes);
}

function lastByte(event: Uint8Array): void {
  event[event.length - 2] = (event[event.length - 2] as number) ^ 1;
}

function isClean({ integrity, completeness, problemCount }: VerifyReport): boolean {
  return integrity === "intact" && completeness === "complete" && problemCount === 0;
}

describe("an untouched session", () => {
  test("is intact and complete, and the report counts everything in it", async () => {
    const { root, id } = await stored(300, { snapshots: [100, 200, 300] });
    const report = await verified(root, id);
    expect(report).toMatchObject({
      id,
      events: 300,
      integrity: "intact",
      completeness: "complete",
      signedSize: 300,
      blobs: { count: 43 },
      snapshots: { count: 3, damaged: 0, unchecked: 0 },
      derived: "ok",
      quarantine: null,
      unrecovered: 0,
      problems: [],
      firstBad: null,
    });
    expect(report.signedBy).toMatch(/^reach\.local\+[0-9a-f]{8}$/);
    const directory = await Directory.open({ path: root, mode: "read" });
    const reader = directory.session(id);
    expect(report.root).toBe(Buffer.from(reader.computedRoot()).toString("hex"));
    reader.close();
    await directory.close();
  });

  test("is intact also while it is being written, from this process and from another", async () => {
    const directory = await Directory.open({ path: scratch.at("data"), mode: "write" });
    const writer = directory.createSession();
    for (let i = 0; i < 120; i++) {
      const bytes = Buffer.from(`{"i":${i}}`);
      writer.append({ kind: "emit", type: "x", time: i, ref: null, form: "json", bytes });
    }
    await writer.flush();
    const here = await verifySession(directory, writer.id);
    const there = await verified(scratch.at("data"), writer.id);
    for (const report of [here, there]) {
      expect(report).toMatchObject({ events: 120, integrity: "intact", completeness: "unknown" });
    }
    await directory.close();
    expect(await verified(scratch.at("data"), writer.id)).toMatchObject({
      completeness: "complete",
    });
  });

  test("stays intact when its derived files are gone or wrong", async () => {
    const { root, id } = await stored(600);
    const tree = fs.readFileSync(treePath(root, id));
    fs.writeFileSync(treePath(root, id), tree.fill(7, 3200, 3232));
    expect(await verified(root, id)).toMatchObject({ derived: "stale", integrity: "intact" });
    fs.rmSync(treePath(root, id));
    fs.rmSync(`${sessionFolder(root, id)}/events.idx`);
    const report = await verified(root, id);
    expect(report.derived).toBe("missing");
    expect(isClean(report)).toBe(true);
  });

  test("without a checkpoint is intact, and nobody knows whether it is complete", async () => {
    const { root, id } = await stored(60, { sign: false });
    const report = await verified(root, id);
    expect(report).toMatchObject({
      integrity: "intact",
      completeness: "unknown",
      signedSize: null,
    });
  });
});

describe("every changed byte is reported", () => {
  test("of the event log, with the event that holds it", async () => {
    const { root, id } = await stored(9, { largeBytes: 4100 });
    const file = eventLogPath(root, id);
    const bytes = new Uint8Array(fs.readFileSync(file));
    const eventAt = new Map<number, number>();
    for (const batch of batchesOf(bytes, id)) {
      for (const walk = new BatchWalk(batch); walk.next(); ) {
        const view = walk.event();
        const start = view.byteOffset - bytes.byteOffset - 3;
        for (let at = start; at < start + view.length + 3; at++) eventAt.set(at, walk.seq);
      }
    }
    await eachFlip(root, id, file, (report, offset) => {
      expect(report.integrity, `byte ${offset}`).toBe("damaged");
      expect(report.firstBad, `byte ${offset}`).toBe(eventAt.get(offset) ?? 0);
    });
    expect(isClean(await verified(root, id))).toBe(true);
  }, 60_000);

  test("of the checkpoint", async () => {
    const { root, id } = await stored(9);
    await eachFlip(root, id, checkpointPath(root, id), (report, offset) => {
      expect(report.integrity, `byte ${offset}`).toBe("damaged");
      expect(report.completeness, `byte ${offset}`).toBe("unknown");
      expect(report.events).toBe(9);
    });
  }, 60_000);

  test("of a snapshot file", async () => {
    const { root, id } = await stored(9, { snapshots: [3, 6, 9] });
    const file = snapshotPath(sessionFolder(root, id), sampleProgram);
    await eachFlip(root, id, file, (report, offset) => {
      expect(report.snapshots.damaged, `byte ${offset}`).toBe(1);
      expect(report.integrity, `byte ${offset}`).toBe("damaged");
      expect(report.firstBad).toBe(null);
    });
  }, 60_000);

  test("of the manifest", async () => {
    const { root, id } = await stored(9);
    await eachFlip(root, id, manifestPath(root, id), (report, offset) => {
      expect(report.integrity, `byte ${offset}`).toBe("damaged");
    });
  }, 60_000);

  test("of the packs, with the first event that names a payload which is hit", async () => {
    const { root, id } = await stored(40);
    const pack = fs.readdirSync(`${root}/blobs`).find((name) => name.endsWith(".pack"));
    const file = `${root}/blobs/${pack}`;
    const whole = fs.readFileSync(file);
    let [hit, all] = [0, 0];
    for (let offset = 16; offset < whole.length; offset += 397) {
      const flipped = Buffer.from(whole);
      flipped[offset] = (flipped[offset] as number) ^ 0x10;
      fs.writeFileSync(file, flipped);
      const report = await verified(root, id);
      all += 1;
      // A byte around the payloads may be wrong while all of them can still be read.
      if (isClean(report)) continue;
      hit += 1;
      expect(report.integrity, `byte ${offset}`).toBe("damaged");
      expect((report.firstBad as number) % 7, `byte ${offset}`).toBe(3);
    }
    expect(hit / all).toBeGreaterThan(0.9);
  }, 60_000);
});

describe("a log that was cut", () => {
  test("at any length is never taken for a whole one", async () => {
    const { root, id } = await stored(120);
    const file = eventLogPath(root, id);
    const whole = fs.readFileSync(file);
    const ends = new Set(batchesOf(new Uint8Array(whole), id).map(({ end }) => end));
    for (let size = 0; size < whole.length; size += size < 300 ? 1 : 41) {
      fs.writeFileSync(file, whole.subarray(0, size));
      const report = await verifiedOnce(root, id, {});
      expect(report.completeness, `${size} bytes`).toBe("incomplete");
      expect(report.firstBad, `${size} bytes`).toBe(report.events);
    }
    for (const end of ends) {
      if (end === whole.length) continue;
      fs.writeFileSync(file, whole.subarray(0, end));
      const report = await verifiedOnce(root, id, {});
      expect(report).toMatchObject({ integrity: "intact", completeness: "incomplete" });
      expect(report.events + report.badEvents).toBe(120);
    }
  }, 60_000);

  test("without a checkpoint is found out by a signed snapshot of more events", async () => {
    const { root, id } = await stored(120, { snapshots: [50, 120] });
    fs.rmSync(checkpointPath(root, id));
    const file = eventLogPath(root, id);
    const whole = fs.readFileSync(file);
    const [, second] = batchesOf(new Uint8Array(whole), id);
    fs.writeFileSync(file, whole.subarray(0, second?.end));
    expect(await verified(root, id)).toMatchObject({ completeness: "incomplete", firstBad: 100 });
  }, 60_000);

  test("has lost what a deleted log had", async () => {
    const { root, id } = await stored(9);
    fs.rmSync(eventLogPath(root, id));
    const report = await verified(root, id);
    expect(report).toMatchObject({ integrity: "damaged", completeness: "incomplete", events: 0 });
  }, 60_000);
});

describe("forgery", () => {
  test("of an event is named by the stored tree that the root vouches for", async () => {
    const { root, id } = await stored(300);
    forge(root, id, 123, lastByte);
    const report = await verified(root, id);
    expect(report).toMatchObject({ integrity: "damaged", firstBad: 123, derived: "stale" });
  });

  test("is found in its stretch by snapshots when the stored tree is gone", async () => {
    const { root, id } = await stored(300, { snapshots: [100, 200, 300] });
    forge(root, id, 123, lastByte);
    fs.rmSync(treePath(root, id));
    const report = await verified(root, id);
    expect(report).toMatchObject({ integrity: "damaged", firstBad: 100 });
    expect(report.problems.some(({ message }) => message.includes("from 100 on"))).toBe(true);
  });

  test("of event and stored tree together does not point at another event", async () => {
    const { root, id } = await stored(300);
    forge(root, id, 123, lastByte);
    const tree = fs.readFileSync(treePath(root, id));
    fs.writeFileSync(treePath(root, id), tree.fill(7, 32 * 50, 32 * 51));
    const report = await verified(root, id);
    expect(report).toMatchObject({ integrity: "damaged", firstBad: 0 });
    expect(report.problems[0]?.message).toMatch(/^an event from 0 on/);
  });

  test.each([true, false])("by an event of another session is named (signed: %s)", async (sign) => {
    const { root, id } = await stored(60, { sign });
    const directory = await Directory.open({ path: root, mode: "write" });
    const other = await writeSample(directory, 60);
    const reader = directory.session(other);
    const stranger = Uint8Array.from(reader.event(30).bytes);
    reader.close();
    await directory.close();
    fs.rmSync(treePath(root, id));
    forge(root, id, 30, (event) => event.set(stranger));
    const report = await verified(root, id);
    expect(report).toMatchObject({ integrity: "damaged" });
    const named = report.problems.find(({ message }) => message.includes("another one"));
    expect(named?.seq).toBe(30);
  });

  test("of a batch that leaves out countless events does not stop it", async () => {
    const { root, id } = await stored(300, { snapshots: [100] });
    const file = eventLogPath(root, id);
    const whole = new Uint8Array(fs.readFileSync(file));
    const [cut] = batchesOf(whole, id).slice(1);
    const builder = new BatchBuilder();
    const header = { time: 1, kind: "emit", type: "x", ref: null } as const;
    builder.add({ ...header, seq: 2 ** 50 }, new Uint8Array(16), Uint8Array.of(1));
    const batch = builder.finish();
    const offset = cut?.fileOffset as number;
    sealBatch(batch, sessionIdBytes(id), offset);
    fs.writeFileSync(file, concat(whole.subarray(0, offset), batch, new Uint8Array(100)));
    const report = await verified(root, id);
    expect(report).toMatchObject({ integrity: "damaged", firstBad: 50, problemCount: 3 });
    expect(report.badEvents).toBeGreaterThan(2 ** 49);
    fs.rmSync(treePath(root, id));
    expect((await verified(root, id)).checkpoints[0]).toMatchObject({ size: 300, holds: null });
  });

  test("by a checkpoint of another session or key is refused", async () => {
    const { root, id } = await stored(60);
    const directory = await Directory.open({ path: root, mode: "write" });
    const other = await writeSample(directory, 60);
    await directory.close();
    fs.copyFileSync(checkpointPath(root, other), checkpointPath(root, id));
    expect(await verified(root, id)).toMatchObject({
      integrity: "damaged",
      completeness: "unknown",
      signedBy: null,
    });
  });

  test("with a key of one's own fails where the true key is given", async () => {
    const { root, id } = await stored(20);
    const directory = await Directory.open({ path: scratch.at("other"), mode: "write" });
    const strange = directory.identity.verifierKey;
    await directory.close();
    const reader = await Directory.open({ path: root, mode: "read" });
    const { verifierKey } = reader.identity;
    await reader.close();
    expect(isClean(await verified(root, id, { verifierKey }))).toBe(true);
    const report = await verified(root, id, { verifierKey: strange });
    expect(report).toMatchObject({ integrity: "damaged", completeness: "unknown" });
  });
});

describe("verifying goes on", () => {
  test("behind damage: it names the first bad event and counts the others", async () => {
    const { root, id } = await stored(300, { snapshots: [300] });
    const file = eventLogPath(root, id);
    const bytes = fs.readFileSync(file);
    const batches = batchesOf(new Uint8Array(bytes), id);
    for (const index of [1, 4]) {
      const at = (batches[index] as Batch).end - 3;
      bytes[at] = (bytes[at] as number) ^ 1;
    }
    fs.writeFileSync(file, bytes);
    const report = await verified(root, id);
    expect(report).toMatchObject({ events: 200, firstBad: 99, badEvents: 100, problemCount: 2 });
    // With the stored hashes of what is lost the root still vouches for everything else.
    expect(report).toMatchObject({ snapshots: { damaged: 0 }, completeness: "complete" });
    expect(report.checkpoints[0]?.holds).toBe(true);
    fs.rmSync(treePath(root, id));
    const less = await verified(root, id);
    expect(less).toMatchObject({ events: 200, firstBad: 50, badEvents: 100 });
    expect(less.checkpoints[0]?.holds).toBe(null);
  });

  test("with thousands of problems, of which it keeps a hundred", async () => {
    const { root, id } = await stored(1000);
    fs.rmSync(`${root}/blobs`, { recursive: true });
    const report = await verified(root, id);
    expect(report).toMatchObject({ firstBad: 3, badEvents: 143, problemCount: 143, events: 857 });
    expect(report.problems).toHaveLength(100);
  });

  test("until it is interrupted", async () => {
    const { root, id } = await stored(3000);
    const abort = new AbortController();
    abort.abort();
    const error = await verified(root, id, { signal: abort.signal }).catch((thrown) => thrown);
    expect(codeOf(error)).toBe("INTERRUPTED");
  });
});

test("a quarantined session shows why it is read-only and counts as incomplete", async () => {
  const { root, id } = await stored(60);
  const note = { seq: 60, reason: "the journal is damaged" };
  fs.writeFileSync(quarantinePath(root, id), JSON.stringify(note));
  const report = await verified(root, id);
  expect(report).toMatchObject({ quarantine: note, integrity: "intact", firstBad: 60 });
  expect(report.completeness).toBe("incomplete");
});

test("a snapshot file that a crash cut in the middle of a record is not damaged", async () => {
  const { root, id } = await stored(60, { snapshots: [20, 40] });
  const file = snapshotPath(sessionFolder(root, id), sampleProgram);
  const whole = fs.readFileSync(file);
  fs.writeFileSync(file, whole.subarray(0, 200));
  expect(await verified(root, id)).toMatchObject({ snapshots: { count: 1, damaged: 0 } });
  fs.writeFileSync(file, Buffer.concat([whole, Buffer.alloc(160)]));
  expect(await verified(root, id)).toMatchObject({ snapshots: { count: 2, damaged: 0 } });
});

test("a snapshot record that a power loss tore is not damaged, and is written over", async () => {
  const { root, id } = await stored(60, { snapshots: [20, 40] });
  const file = snapshotPath(sessionFolder(root, id), sampleProgram);
  const whole = fs.readFileSync(file);
  const pieces: [from: number, to: number][] = [];
  // Pages and sectors of a new file are zero until they are written; records are not aligned.
  for (let at = 160; at < 320; at += 32) pieces.push([160, at], [at, 312]);
  for (const [from, to] of pieces) {
    const torn = Buffer.from(whole);
    torn.fill(0, from, to);
    fs.writeFileSync(file, torn);
    const report = await verified(root, id);
    const there = from === to ? 2 : 1;
    expect(report.snapshots, `${from} to ${to}`).toMatchObject({ count: there, damaged: 0 });
    expect(report.integrity).toBe("intact");
  }
  fs.writeFileSync(file, whole);
  const { records } = readSnapshots(nodeDisk, file, sampleProgram);
  fs.writeFileSync(file, Buffer.from(whole).fill(0, 192, 312));
  appendSnapshots(nodeDisk, file, sampleProgram, records.slice(1));
  expect(fs.readFileSync(file).equals(whole)).toBe(true);
});

test("a session that does not exist is not found", async () => {
  const { root } = await stored(3);
  const missing = verified(root, "01a1f9ff-efcd-7031-bc30-4554a807bb2e");
  expect(codeOf(await missing.catch((error) => error))).toBe("NOT_FOUND");
});
