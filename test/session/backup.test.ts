// Backups of one workspace at moments that the simulation does not come to: imports whose files are
// ahead of what they acknowledged, a journal that is damaged, a disk that is full.

import * as fs from "node:fs";
import { readFileSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type SessionId, utf8 } from "../../src/base/index.ts";
import { type Disk, nodeDisk } from "../../src/disk/index.ts";
import { eventLogPath, journalFolder } from "../../src/log/index.ts";
import {
  type BackupReport,
  backupWorkspace,
  collectGarbage,
  Directory,
  removeSession,
} from "../../src/session/index.ts";
import { Random } from "../sim/random.ts";
import { SimDisk } from "../sim/sim-disk.ts";
import { Scratch } from "./sample-session.ts";

const header = { kind: "emit", type: "test", time: 1, ref: null } as const;

let scratch: Scratch;
let from: string;
let to: string;

beforeEach(() => {
  scratch = new Scratch();
  from = scratch.at("data", "main");
  to = scratch.at("copy", "main");
  fs.mkdirSync(scratch.at("copy"));
});

afterEach(() => scratch.remove());

function event(text: string): Parameters<ReturnType<Directory["createSession"]>["append"]>[0] {
  return { ...header, form: "bytes", bytes: utf8(text) };
}

function backUp(): Promise<BackupReport> {
  return backupWorkspace({ source: nodeDisk, target: nodeDisk, from, to });
}

/** Events of each session in the backup. */
async function sizes(): Promise<Map<SessionId, number>> {
  const copy = await Directory.open({ path: to, mode: "read" });
  try {
    return new Map(
      copy.sessionIds().map((id) => {
        const reader = copy.session(id);
        const { size } = reader;
        for (const { payloadBytes } of reader.events()) expect(payloadBytes).toBeDefined();
        reader.close();
        return [id, size];
      }),
    );
  } finally {
    await copy.close();
  }
}

describe("a backup beside an import", () => {
  it("has what a watermark acknowledges, and nothing where none does", async () => {
    const directory = await Directory.open({ path: from, mode: "write" });
    const bulk = await directory.openBulk();
    const silent = await directory.openBulk();
    const text = (n: number): Uint8Array => utf8(`${n} `.repeat(n % 5 === 0 ? 3000 : 600));
    for (let n = 0; n < 120; n++) bulk.append(header, "bytes", text(n));
    await bulk.watermark();
    // More than is kept in memory: it is in the log, and its payloads are in no pack.
    for (let n = 0; n < 2000; n++) bulk.append(header, "bytes", text(n));
    for (let n = 0; n < 2000; n++) silent.append(header, "bytes", text(n));
    const log = fs.statSync(eventLogPath(from, bulk.id)).size;
    expect(log).toBeGreaterThan(1024 * 1024);
    expect(fs.statSync(eventLogPath(from, silent.id)).size).toBeGreaterThan(1024 * 1024);
    expect((await backUp()).sessions).toBe(1);
    expect([...(await sizes())]).toEqual([[bulk.id, 120]]);
    for (const one of [bulk, silent]) await directory.closeWriter(one);
    await directory.close();
    expect((await backUp()).ahead).toEqual([]);
    expect(await sizes()).toEqual(
      new Map([
        [bulk.id, 2120],
        [silent.id, 2000],
      ]),
    );
  });
});

describe("events that are in the journal only", () => {
  it("are all there, also those that have come since an earlier backup", async () => {
    const placeLater = (): void => {};
    const directory = await Directory.open({ path: from, mode: "write", placeLater });
    const writer = directory.createSession();
    for (let size = 1; size < 5; size++) {
      await writer.append(event("x".repeat(size * 3000))).durable;
      expect(fs.existsSync(eventLogPath(from, writer.id))).toBe(false);
      expect(await backUp()).toMatchObject({ sessions: 1, events: size, ahead: [] });
      expect([...(await sizes()).values()]).toEqual([size]);
    }
    directory.crash();
  });
});

describe("packs", () => {
  const payload = (letter: string): Uint8Array => utf8(`${letter} `.repeat(4000));

  it("have what comes into a hole that an earlier backup has seen", async () => {
    const directory = await Directory.open({ path: from, mode: "write" });
    const writer = directory.createSession();
    // Its room is given out before that of the next one, which is committed first.
    directory.blobs.stage(payload("a"));
    // More than is compared of what is there.
    const bytes = new Random("hole").bytes(200_000);
    await writer.append({ ...header, form: "bytes", bytes }).durable;
    await backUp();
    expect([...(await sizes()).values()]).toEqual([1]);
    await writer.append({ ...header, form: "bytes", bytes: payload("a") }).durable;
    await backUp();
    expect([...(await sizes()).values()]).toEqual([2]);
    await directory.close();
  });

  it("are found where a collection has put them since they were listed", async () => {
    const directory = await Directory.open({ path: from, mode: "write" });
    const ids: SessionId[] = [];
    for (const letters of ["abcdefgh", "i"]) {
      const writer = directory.createSession();
      ids.push(writer.id);
      for (const letter of letters) {
        await writer.append({ ...header, form: "bytes", bytes: payload(letter) }).durable;
      }
      await directory.closeWriter(writer);
    }
    await removeSession(directory, ids[0] as SessionId);
    let listed = 0;
    const source: Disk = {
      ...nodeDisk,
      list(path) {
        if (path.endsWith("/blobs")) listed += 1;
        return nodeDisk.list(path);
      },
    };
    let removed = 0;
    const turn = async (): Promise<void> => {
      if (listed !== 1 || removed > 0) return;
      ({ packsRemoved: removed } = await collectGarbage(directory));
    };
    await backupWorkspace({ source, target: nodeDisk, from, to, turn });
    expect(removed).toBe(1);
    expect([...(await sizes())]).toEqual([[ids[1], 1]]);
    await directory.close();
  });
});

describe("a journal that cannot be read", () => {
  it("fails the backup, and the last one stays", async () => {
    const directory = await Directory.open({ path: from, mode: "write" });
    const writer = directory.createSession();
    await writer.append(event("one")).durable;
    await backUp();
    for (const text of ["two", "three", "four"]) await writer.append(event(text)).durable;
    const [segment = ""] = fs.readdirSync(journalFolder(from)).filter((name) => /wal$/.test(name));
    const path = `${journalFolder(from)}/${segment}`;
    const bytes = readFileSync(path);
    const at = bytes.indexOf("RGRP", bytes.indexOf("RGRP") + 4);
    bytes[at + 60] = (bytes[at + 60] as number) ^ 1;
    writeFileSync(path, bytes);
    await expect(backUp()).rejects.toMatchObject({ code: "CORRUPT", where: path });
    expect([...(await sizes()).values()]).toEqual([1]);
    directory.crash();
    const recovered = await Directory.open({ path: from, mode: "write", takeOver: true });
    await recovered.close();
    await backUp();
    expect([...(await sizes()).values()]).toEqual([4]);
  });
});

describe("a disk that is full", () => {
  it("leaves the last backup as it was, and the next one goes on when there is room", async () => {
    const directory = await Directory.open({ path: from, mode: "write" });
    const writer = directory.createSession();
    await writer.append(event("x".repeat(9000))).durable;
    const disk = new SimDisk(new Random("full"), { syncTurnsMax: 1 });
    disk.createFolder("/copy");
    const options = { source: nodeDisk, from, target: disk, to: "/copy/main" };
    await backupWorkspace(options);
    const before = disk.usedBytes;
    for (let n = 0; n < 40; n++) await writer.append(event(`${n} `.repeat(3000))).durable;
    for (let pages = 0; ; pages++) {
      disk.setCapacity(before + pages * 4096);
      try {
        await backupWorkspace(options);
        break;
      } catch (error) {
        expect(error).toMatchObject({ code: "DISK_FULL" });
      }
      const copy = disk.clone();
      // What was gathered and found no room in its place is refused until it has.
      const opened = Directory.open({ path: "/copy/main", mode: "read", disk: copy });
      const events = await opened.then(
        (data) => data.session(writer.id).size,
        (error: { code: string }) => error.code,
      );
      expect([1, "UNRECOVERED"]).toContain(events);
    }
    const data = await Directory.open({ path: "/copy/main", mode: "read", disk });
    expect(data.session(writer.id).size).toBe(41);
    await directory.close();
  });
});
