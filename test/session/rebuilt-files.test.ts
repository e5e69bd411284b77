/**
 * Files that the journal rebuilds because they could not be made durable. An import may be writing
 * the same event log by itself: what one of them does with it must not be lost to the other. And a
 * rebuilt file has what was acknowledged, nothing else.
 */
import { describe, expect, test } from "vitest";
import { codeOf, ReachError, type SessionId, utf8 } from "../../src/base/index.ts";
import type { Disk } from "../../src/disk/index.ts";
import { checkpointPath, eventLogPath, manifestPath } from "../../src/log/index.ts";
import { type BulkWriter, Directory, type SessionWriter } from "../../src/session/index.ts";
import { nothingKept } from "../sim/power.ts";
import { Random } from "../sim/random.ts";
import { SimDisk } from "../sim/sim-disk.ts";
import { simulatedProcesses } from "../sim/simulated-processes.ts";
import { WaitingDisk } from "../sim/waiting-disk.ts";
import { smallJournal } from "./small-journal.ts";

const root = "/data/main";
const header = { kind: "emit", type: "test", time: 1, ref: null } as const;
const event = { ...header, form: "bytes", bytes: utf8("an event of some bytes") } as const;

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await Promise.resolve();
}

/** Every opening is another process, and those before it are dead. */
function open(disk: Disk, generation: number): Promise<Directory> {
  const processes = simulatedProcesses(generation);
  return Directory.open({ path: root, mode: "write", disk, processes, sizes: smallJournal });
}

/** Appends until the journal begins to make durable what `path` holds. */
async function appendUntilSynced(
  disk: WaitingDisk,
  writer: SessionWriter,
  path: string,
  answer: () => Promise<void>,
): Promise<void> {
  let begun = false;
  disk.beforeSync = async (synced) => {
    if (synced !== path || begun) return;
    begun = true;
    await answer();
  };
  for (let i = 0; i < 200 && !begun; i++) await writer.append(event).durable;
  expect(begun).toBe(true);
}

async function importInto(directory: Directory, id: SessionId): Promise<BulkWriter> {
  const bulk = await directory.openBulk({ id });
  for (let i = 0; i < 20; i++) bulk.append(header, "bytes", event.bytes);
  await bulk.watermark();
  for (let i = 0; i < 20; i++) bulk.append(header, "bytes", event.bytes);
  await directory.closeWriter(bulk);
  return bulk;
}

function sizeOf(directory: Directory, id: SessionId): number {
  const reader = directory.session(id);
  try {
    return [...reader.events()].length;
  } finally {
    reader.close();
  }
}

function failing(delay: number): () => Promise<void> {
  return async () => {
    await turns(delay);
    throw new ReachError("IO_FAILED", "this sync fails");
  };
}

describe("an import into a session that the journal is making durable", () => {
  test("keeps its events when that fails and the event log is rebuilt", async () => {
    for (let delay = 0; delay < 400; delay += 25) {
      const simulated = new SimDisk(new Random("import", delay), { syncTurnsMax: 3 });
      const disk = new WaitingDisk(simulated);
      simulated.createFolder("/data");
      const directory = await open(disk, 1);
      const writer = directory.createSession();
      const { id } = writer;
      const log = eventLogPath(root, id);
      await appendUntilSynced(disk, writer, log, failing(delay));
      // The new file takes long to become durable: time for an import to begin and to end.
      disk.beforeSync = (path) => turns(path === `${log}.tmp` ? 300 : 0);
      const before = writer.nextSeq;
      await directory.closeWriter(writer);
      await importInto(directory, id);
      await turns(1000);
      expect(sizeOf(directory, id), `delay ${delay}`).toBe(before + 40);
      const next = directory.appendTo(id);
      expect(next.nextSeq).toBe(before + 40);
      await next.append(event).durable;
      const again = await open(simulated.crash(new Random(delay), nothingKept), 2);
      expect(sizeOf(again, id), `delay ${delay}`).toBe(before + 41);
    }
  });

  test("keeps its checkpoint when that fails and an older one is rebuilt", async () => {
    for (let delay = 0; delay < 600; delay += 25) {
      const simulated = new SimDisk(new Random("checkpoint", delay), { syncTurnsMax: 3 });
      const disk = new WaitingDisk(simulated);
      simulated.createFolder("/data");
      const directory = await open(disk, 1);
      const writer = directory.createSession();
      const { id } = writer;
      await writer.append(event).durable;
      await directory.signCheckpoint(writer);
      const checkpoint = checkpointPath(root, id);
      await appendUntilSynced(disk, writer, checkpoint, failing(delay));
      disk.beforeSync = (path) => turns(path === `${checkpoint}.tmp` ? 300 : 0);
      await directory.closeWriter(writer);
      const { nextSeq } = await importInto(directory, id);
      await turns(1000);
      const again = await open(simulated.crash(new Random(delay), nothingKept), 2);
      for (const one of [directory, again]) {
        const reader = one.session(id);
        expect(reader.checkpoint()?.size, `delay ${delay}`).toBe(nextSeq);
        reader.close();
      }
    }
  });
});

describe("an event log that is rebuilt", () => {
  test("has nothing of a group that was given up", async () => {
    const disk = new SimDisk(new Random("given up"), { syncTurnsMax: 3 });
    disk.createFolder("/data");
    const directory = await open(disk, 1);
    const writer = directory.createSession();
    const log = eventLogPath(root, writer.id);
    await writer.append(event).durable;
    // A long event is in the journal as a whole; but its sync failed, and so did the next segment.
    const failure = { code: "IO_FAILED", effect: "done" } as const;
    disk.failWhere(({ kind, path }) => kind === "synced" && path.includes(".wal"), failure);
    disk.failWhere(({ kind, path }) => kind === "create" && path.includes(".wal"), failure);
    const long = { ...event, bytes: new Uint8Array(1500).fill(7) };
    await expect(writer.append(long).durable).rejects.toMatchObject({ code: "IO_FAILED" });
    // The next one is shorter, and what stands behind it would be damage.
    disk.failWhere(({ kind, path }) => kind === "synced" && path === log, failure);
    await writer.append(event).durable;
    await turns(300);
    const reader = directory.session(writer.id);
    expect(reader.extent).toMatchObject({ size: 2, problem: undefined });
    reader.close();
    expect(disk.exists(`${log}.tmp`)).toBe(false);
    await directory.closeWriter(writer);
    expect(directory.appendTo(writer.id).nextSeq).toBe(2);
  });

  test("says so until that is done, and is not called damaged", async () => {
    const codes = new Set<string | undefined>();
    for (let seed = 0; seed < 40; seed++) {
      const disk = new SimDisk(new Random("waiting", seed), { syncTurnsMax: 3 });
      disk.createFolder("/data");
      const directory = await open(disk, 1);
      const writer = directory.createSession();
      const log = eventLogPath(root, writer.id);
      for (let i = 0; i < 40; i++) await writer.append(event).durable;
      await directory.closeWriter(writer);
      // What the failed sync was to write may be gone from the cache; the journal still has it.
      const unwritten = { code: "IO_FAILED", effect: "none" } as const;
      const full = { code: "DISK_FULL", effect: "none" } as const;
      disk.failWhere(({ kind, path }) => kind === "synced" && path === log, unwritten);
      disk.failWhere(({ kind, path }) => kind === "create" && path === `${log}.tmp`, full);
      await expect(directory.settle()).rejects.toMatchObject({ code: "DISK_FULL" });
      let again: SessionWriter | undefined;
      for (let attempt = 0; attempt < 2 && again === undefined; attempt++) {
        try {
          again = directory.appendTo(writer.id);
        } catch (error) {
          codes.add(codeOf(error));
          await turns(200);
        }
      }
      expect(again?.nextSeq).toBe(40);
    }
    expect([...codes]).toEqual(["UNRECOVERED"]);
  });
});

describe("a session of which a file is rebuilt", () => {
  const unwritten = { code: "IO_FAILED", effect: "none" } as const;
  const full = { code: "DISK_FULL", effect: "none" } as const;

  function outcome(look: () => unknown): unknown {
    try {
      return look();
    } catch (error) {
      return codeOf(error);
    }
  }

  /** What reading says from before the sync of a file fails until long after it was rebuilt. */
  async function readings(path: string, id: SessionId): Promise<Set<unknown>> {
    const found = new Set<unknown>();
    for (let seed = 0; seed < 12; seed++) {
      const disk = new SimDisk(new Random("reading", seed), { syncTurnsMax: 3 });
      disk.createFolder("/data");
      const directory = await open(disk, 1);
      const writer = directory.createSession({ id });
      for (let i = 0; i < 4; i++) await writer.append(event).durable;
      await directory.signCheckpoint(writer);
      await directory.closeWriter(writer);
      const before = directory.session(id);
      disk.failWhere((one) => one.kind === "synced" && one.path === path, unwritten);
      const settled = directory.settle();
      for (let turn = 0; turn < 100; turn++) {
        await Promise.resolve();
        found.add(outcome(() => sizeOf(directory, id)));
        found.add(outcome(() => [...before.events()].length));
        found.add(outcome(() => before.checkpoint()?.size));
      }
      await settled;
      before.close();
      expect(sizeOf(directory, id)).toBe(4);
    }
    return found;
  }

  test.each([
    ["manifest", manifestPath],
    ["event log", eventLogPath],
    ["checkpoint", checkpointPath],
  ])("is not called damaged by those who read it: the %s", async (_, path) => {
    const id = "018bd01c-570a-731d-bd51-6fd3e4fd7852" as SessionId;
    expect(await readings(path(root, id), id)).toEqual(new Set([4, "UNRECOVERED"]));
  });

  test("is signed whatever its manifest looks like", async () => {
    let unreadable = 0;
    for (let seed = 0; seed < 12; seed++) {
      const disk = new SimDisk(new Random("signing", seed), { syncTurnsMax: 3 });
      disk.createFolder("/data");
      const directory = await open(disk, 1);
      const writer = directory.createSession();
      const { id } = writer;
      await writer.append(event).durable;
      await directory.signCheckpoint(writer);
      const manifest = manifestPath(root, id);
      disk.failWhere(({ kind, path }) => kind === "synced" && path === manifest, unwritten);
      const renewed = `${manifest}.tmp`;
      disk.failWhere(({ kind, path }) => kind === "create" && path === renewed, full, 1000);
      for (let i = 0; i < 40; i++) await writer.append(event).durable;
      if (outcome(() => sizeOf(directory, id)) === "UNRECOVERED") unreadable += 1;
      await directory.signCheckpoint(writer);
      disk.heal();
      await directory.closeWriter(writer);
      await directory.settle();
      const reader = directory.session(id);
      expect(reader.checkpoint()?.size).toBe(41);
      reader.close();
    }
    expect(unreadable).toBeGreaterThan(2);
  });
});
