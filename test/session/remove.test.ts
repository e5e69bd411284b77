/** What removing a session promises: all of it is there or none, and it never comes back. */
import * as fs from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { codeOf, encodeValue, type SessionId, sha256, utf8 } from "../../src/base/index.ts";
import type { Disk } from "../../src/disk/index.ts";
import { checkpointPath, sessionFolder } from "../../src/log/index.ts";
import {
  Directory,
  removeSession,
  type Tombstone,
  tombstonePath,
  verifySession,
} from "../../src/session/index.ts";
import { nothingKept } from "../sim/power.ts";
import { Random } from "../sim/random.ts";
import { SimDisk } from "../sim/sim-disk.ts";
import { simulatedProcesses } from "../sim/simulated-processes.ts";
import { filesBelow, keepSamples, Scratch, writeSample } from "./sample-session.ts";

describe("a removed session", () => {
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

  test("leaves its tombstone with its last checkpoint, and no other file", async () => {
    const id = await writeSample(directory, 100);
    await keepSamples(directory, id, [50, 100]);
    const kept = await writeSample(directory, 20);
    const checkpoint = fs.readFileSync(checkpointPath(directory.path, id), "utf8");
    await removeSession(directory, id, Date.UTC(2026, 0, 5, 12));
    expect(filesBelow(sessionFolder(directory.path, id))).toEqual(["tombstone"]);
    const text = fs.readFileSync(tombstonePath(directory.path, id), "utf8");
    expect(JSON.parse(text) as Tombstone).toEqual({
      version: 1,
      id,
      removed: "2026-01-05T12:00:00.000Z",
      checkpoint,
    });
    expect(directory.sessionIds()).toEqual([kept]);
    expect(await verifySession(directory, kept)).toMatchObject({ integrity: "intact" });
  });

  test("gets no states any more, though a replay of it goes on", async () => {
    const id = await writeSample(directory, 100);
    await keepSamples(directory, id, [50]);
    const state = encodeValue({ folded: 100 });
    const snapshot = { size: 100, root: sha256(state), stateHash: sha256(state), state };
    await removeSession(directory, id);
    const kept = directory.keepSnapshots(id, sha256(utf8("program")), [
      { ...snapshot, stateBytes: state.length },
    ]);
    await expect(kept).rejects.toMatchObject({ code: "GONE" });
    expect(filesBelow(sessionFolder(directory.path, id))).toEqual(["tombstone"]);
  });

  test("is gone for everybody, and nobody can take its place", async () => {
    const id = await writeSample(directory, 10);
    await removeSession(directory, id);
    const codes: unknown[] = [];
    const attempt = async (work: () => unknown): Promise<void> => {
      try {
        await work();
        codes.push("nothing");
      } catch (error) {
        codes.push(codeOf(error));
      }
    };
    await attempt(() => directory.session(id));
    await attempt(() => verifySession(directory, id));
    await attempt(() => removeSession(directory, id));
    await attempt(() => directory.appendTo(id));
    await attempt(() => directory.createSession({ id }));
    await attempt(() => directory.openBulk({ id }));
    expect(codes).toEqual(Array(6).fill("GONE"));
    await directory.close();
    directory = await Directory.open({ path: scratch.at("data"), mode: "write" });
    await attempt(() => directory.createSession({ id }));
    expect(codes.at(-1)).toBe("GONE");
  });

  test("has to exist, and nobody may be writing", async () => {
    const missing = removeSession(directory, "01a1f9ff-efcd-7031-bc30-4554a807bb2e");
    expect(codeOf(await missing.catch((error) => error))).toBe("NOT_FOUND");
    const id = await writeSample(directory, 10);
    const writer = directory.appendTo(id);
    expect(codeOf(await removeSession(directory, id).catch((error) => error))).toBe("CONFLICT");
    await directory.closeWriter(writer);
    await directory.close();
    const reader = await Directory.open({ path: scratch.at("data"), mode: "read" });
    expect(codeOf(await removeSession(reader, id).catch((error) => error))).toBe("READ_ONLY");
    await reader.close();
    expect(fs.existsSync(tombstonePath(directory.path, id))).toBe(false);
  });

  test("may be damaged in any way", async () => {
    const id = await writeSample(directory, 10);
    const folder = sessionFolder(directory.path, id);
    for (const name of ["events.log", "checkpoint", "manifest.cbor"]) {
      fs.writeFileSync(`${folder}/${name}`, "what is this");
    }
    await removeSession(directory, id);
    expect(filesBelow(folder)).toEqual(["tombstone"]);
  });

  test("had its events in the journal a moment ago", async () => {
    const writer = directory.createSession();
    const bytes = Buffer.from("1");
    writer.append({ kind: "emit", type: "x", time: 1, ref: null, form: "json", bytes });
    await writer.flush();
    await directory.closeWriter(writer);
    await removeSession(directory, writer.id);
    directory.crash();
    const again = { path: scratch.at("data"), mode: "write", takeOver: true } as const;
    directory = await Directory.open(again);
    expect(directory.sessionIds()).toEqual([]);
    expect(filesBelow(sessionFolder(directory.path, writer.id))).toEqual(["tombstone"]);
  });
});

describe("when the power fails while a session is removed", () => {
  const folder = "/data/main";

  /** Every opening is another process, and those before it are dead. */
  function open(disk: Disk, generation: number): Promise<Directory> {
    const processes = simulatedProcesses(generation);
    return Directory.open({ path: folder, mode: "write", disk, processes });
  }

  /** Nobody makes snapshots durable; one that the power tears says nothing about a removal. */
  async function syncSnapshots(disk: SimDisk, id: SessionId): Promise<void> {
    const snapshots = `${sessionFolder(folder, id)}/snapshots`;
    for (const name of disk.list(snapshots)) {
      const file = disk.open(`${snapshots}/${name}`, "write");
      await file.sync();
      file.close();
    }
  }

  async function prepared(seed: number): Promise<{
    disk: SimDisk;
    directory: Directory;
    ids: SessionId[];
  }> {
    const disk = new SimDisk(new Random("remove", seed));
    disk.createFolder("/data");
    await disk.syncFolder("/");
    const directory = await open(disk, 1);
    const ids = [await writeSample(directory, 30), await writeSample(directory, 30)];
    await keepSamples(directory, ids[0] as SessionId, [10, 20]);
    await directory.settle();
    await syncSnapshots(disk, ids[0] as SessionId);
    return { disk, directory, ids };
  }

  test("it is there as it was, or gone, whatever of the disk survives", async () => {
    const measured = await prepared(0);
    const before = measured.disk.operations;
    await removeSession(measured.directory, measured.ids[0] as SessionId);
    const operations = measured.disk.operations - before;
    expect(operations).toBeGreaterThan(20);
    const outcomes = { there: 0, gone: 0 };
    for (let step = 1; step <= operations; step++) {
      for (let fate = 0; fate < 3; fate++) {
        const { disk, directory, ids } = await prepared(fate);
        const [id, kept] = ids as [SessionId, SessionId];
        disk.powerOffAt(disk.operations + step);
        await removeSession(directory, id).catch(() => undefined);
        const survivor = disk.crash(new Random("fate", step, fate));
        const again = await open(survivor, 2);
        const gone = !again.sessionIds().includes(id);
        outcomes[gone ? "gone" : "there"] += 1;
        const report = await verifySession(again, id).catch((error) => codeOf(error));
        if (gone) expect(report).toBe("GONE");
        else expect(report).toMatchObject({ integrity: "intact", completeness: "complete" });
        expect(await verifySession(again, kept)).toMatchObject({ integrity: "intact" });
        const finished = await removeSession(again, id).catch((error) => codeOf(error));
        expect([undefined, "GONE"]).toContain(finished);
        expect(survivor.list(sessionFolder(folder, id))).toEqual(["tombstone"]);
        await again.close();
      }
    }
    expect(outcomes.there).toBeGreaterThan(0);
    expect(outcomes.gone).toBeGreaterThan(0);
  }, 60_000);

  test("and it was shown as gone after a kill, it stays gone", async () => {
    const measured = await prepared(0);
    const before = measured.disk.operations;
    await removeSession(measured.directory, measured.ids[0] as SessionId);
    const operations = measured.disk.operations - before;
    let gone = 0;
    for (let step = 1; step <= operations; step++) {
      const { disk, directory, ids } = await prepared(0);
      const id = ids[0] as SessionId;
      let killed: SimDisk | undefined;
      const at = disk.operations + step;
      disk.onChange = ({ index }) => {
        if (index >= at) killed ??= disk.clone();
      };
      await removeSession(directory, id);
      // The page cache has outlived the process; then all that nobody has synced is lost.
      killed ??= disk.clone();
      const shown = (await open(killed, 2)).sessionIds();
      const again = await open(killed.crash(new Random(step), nothingKept), 3);
      if (!shown.includes(id)) {
        gone += 1;
        expect(again.sessionIds(), `step ${step}`).not.toContain(id);
      }
    }
    expect(gone).toBeGreaterThan(5);
  });
});
