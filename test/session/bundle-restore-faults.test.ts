/**
 * Restoring a session whose machine loses its power, or whose disk refuses something, at any
 * operation: it is then as damaged as it was, or whole, and can be restored again.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { codeOf, type SessionId } from "../../src/base/index.ts";
import { eventLogPath } from "../../src/log/index.ts";
import {
  Directory,
  exportBundle,
  importBundle,
  quarantinePath,
  verifySession,
} from "../../src/session/index.ts";
import { faults, nothingKept, PowerLoss, processKilled } from "../sim/power.ts";
import { Random } from "../sim/random.ts";
import { SimDisk } from "../sim/sim-disk.ts";
import { simulatedProcesses } from "../sim/simulated-processes.ts";
import { inPieces } from "./bundle-sections.ts";
import { writeSample } from "./sample-session.ts";
import { smallJournal } from "./small-journal.ts";

let life = 0;
/** The disk with the damaged session, which nobody has open. */
let damaged: SimDisk;
let bundle: Buffer;
let id: SessionId;

/** Opened by another process than before, which is dead. */
function open(disk: SimDisk): Promise<Directory> {
  const processes = simulatedProcesses(++life);
  const sizes = smallJournal;
  return Directory.open({ path: "/data/main", mode: "write", disk, processes, sizes });
}

async function bundleOf(directory: Directory): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  await exportBundle(directory, id, (bytes) => {
    pieces.push(bytes.slice());
    return Promise.resolve();
  });
  return Buffer.concat(pieces);
}

function restore(directory: Directory) {
  return importBundle(directory, inPieces(bundle), { restore: true });
}

beforeAll(async () => {
  damaged = new SimDisk(new Random("restore"), { syncTurnsMax: 2 });
  damaged.createFolder("/data");
  const directory = await open(damaged);
  id = await writeSample(directory, 120);
  bundle = await bundleOf(directory);
  await directory.close();
  const log = damaged.open(eventLogPath("/data/main", id), "write");
  log.write(new Uint8Array(40).fill(7), Math.floor(log.size() / 2));
  await log.sync();
  log.close();
  const path = quarantinePath("/data/main", id);
  const note = damaged.open(path, "create");
  note.write(Buffer.from(JSON.stringify({ seq: 40, reason: "damage" })), 0);
  await note.sync();
  note.close();
  await damaged.syncFolder(path.slice(0, path.lastIndexOf("/")));
});

/** It is whole, or what it was; then it is restored, and is whole. */
async function judge(disk: SimDisk): Promise<void> {
  const directory = await open(disk);
  const { integrity, quarantine } = await verifySession(directory, id);
  expect(integrity === "damaged" || integrity === "intact").toBe(true);
  if (quarantine) expect(await restore(directory)).toMatchObject({ unchanged: false });
  else expect(await restore(directory)).toMatchObject({ unchanged: true, repaired: 0 });
  const report = await verifySession(directory, id);
  expect(report).toMatchObject({ integrity: "intact", completeness: "complete", events: 120 });
  expect(report.quarantine).toBeNull();
  expect((await bundleOf(directory)).equals(bundle)).toBe(true);
  await directory.close();
  expect([...disk.files().keys()].filter((name) => name.endsWith(".tmp"))).toEqual([]);
}

/** Operations that restoring takes on a disk where nothing fails. */
async function operationsOf(): Promise<{ from: number; to: number }> {
  const disk = damaged.clone();
  const directory = await open(disk);
  const from = disk.operations;
  await restore(directory);
  const to = disk.operations;
  await directory.close();
  await judge(disk);
  return { from: 1, to: to - from };
}

describe("a session is what it was, or whole,", () => {
  test("when the power fails at any operation", async () => {
    const { to } = await operationsOf();
    expect(to).toBeGreaterThan(20);
    for (let at = 1; at <= to; at++) {
      for (const fate of [undefined, nothingKept, processKilled]) {
        const disk = damaged.clone();
        const directory = await open(disk);
        disk.powerOffAt(disk.operations + at);
        const error = await restore(directory).catch((thrown: unknown) => thrown);
        expect(error, `operation ${at}`).toSatisfy((thrown) => isPowerLoss(thrown));
        await judge(disk.crash(new Random("restore", at), fate));
      }
    }
  });

  test("when the disk refuses any operation", async () => {
    const { to } = await operationsOf();
    for (let at = 1; at <= to; at++) {
      const fault = faults[at % faults.length];
      if (!fault) continue;
      const disk = damaged.clone();
      const directory = await open(disk);
      disk.failAt(disk.operations + at, fault);
      const error = await restore(directory).catch((thrown: unknown) => thrown);
      disk.heal();
      if (error instanceof Error) {
        // Nothing else, and nothing quietly: what went wrong is what the disk said.
        expect([fault.code, "CLOSED", "BLOB_MISSING"]).toContain(codeOf(error));
      }
      await directory.close().catch(() => {});
      await judge(disk);
    }
  });
});

function isPowerLoss(error: unknown): boolean {
  for (let one = error; one instanceof Error; one = one.cause) {
    if (one instanceof PowerLoss) return true;
  }
  return false;
}
