// A disk that fails while it makes durable what an import wrote: the error is the disk's, and not
// what it kept others from doing.

import { writeFileSync } from "node:fs";
import os from "node:os";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ReachError } from "../../src/base/index.ts";
import { type Disk, type DiskFile, nodeDisk } from "../../src/disk/index.ts";
import { fileSource, importSource, type Source } from "../../src/importers/index.ts";
import { Directory } from "../../src/session/index.ts";
import { Scratch } from "../session/sample-session.ts";

let scratch: Scratch;
beforeEach(() => {
  scratch = new Scratch();
});
afterEach(() => {
  vi.restoreAllMocks();
  scratch.remove();
});

const noRoom = new ReachError("DISK_FULL", "no room");

/** A disk that has no room for the hints of later imports. */
function diskWithoutHints(): Disk {
  const open: Disk["open"] = (path, mode) => {
    if (mode === "create" && path.includes("/imports/")) throw noRoom;
    return nodeDisk.open(path, mode);
  };
  return { ...nodeDisk, open };
}

function lines(text: string): Source {
  async function* open(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(text);
  }
  return { name: "a.jsonl", size: text.length, reopenable: true, open };
}

/** A disk with packs whose `operation` finds no room. */
function fullDisk(operation: "sync" | "write"): Disk {
  const fail = {
    sync: (): Promise<void> => Promise.reject(noRoom),
    write(_bytes: Uint8Array, offset: number): void {
      // The header of a pack is written.
      if (offset > 0) throw noRoom;
    },
  }[operation];
  const open: Disk["open"] = (path, mode) => {
    const file = nodeDisk.open(path, mode);
    if (!path.endsWith(".pack")) return file;
    return new Proxy<DiskFile>(file, {
      get(target, name) {
        const value: unknown = name === operation ? fail : Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  };
  return { ...nodeDisk, open };
}

it("an import for which there is no room says so, and is gone", async () => {
  const disk = fullDisk("sync");
  const directory = await Directory.open({ path: scratch.at("data"), mode: "write", disk });
  const noise = (i: number): string => String(Math.sin(i)).repeat(2500);
  async function* open(): AsyncGenerator<Uint8Array> {
    for (let i = 0; i < 300; i++) {
      // The disk gets time to fail.
      if (i % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      yield Buffer.from(`{"n":${i},"noise":"${noise(i)}"}\n`);
    }
  }
  const source: Source = { name: "a.jsonl", size: null, reopenable: false, open };
  await expect(importSource(directory, { source })).rejects.toMatchObject({ code: "DISK_FULL" });
  expect(directory.sessionIds()).toEqual([]);
  await directory.close().catch(() => undefined);
});

it("an import says so, too, whose payloads another thread has cut", async () => {
  const disk = fullDisk("write");
  const directory = await Directory.open({ path: scratch.at("data"), mode: "write", disk });
  const line = (i: number): string => `{"n":${i},"text":"${String(i * i).repeat(900)}"}\n`;
  const file = scratch.at("long.jsonl");
  const lines = Array.from({ length: 3000 }, (_, i) => line(3000 + i));
  writeFileSync(file, lines.join(""));
  vi.spyOn(os, "availableParallelism").mockReturnValue(2);
  const source = fileSource(file);
  expect(source.size).toBeGreaterThan(16 * 1024 * 1024);
  await expect(importSource(directory, { source })).rejects.toMatchObject({ code: "DISK_FULL" });
  expect(directory.sessionIds()).toEqual([]);
  await directory.close().catch(() => undefined);
});

it("an import that is signed is done, also where the hint for the next has no room", async () => {
  const disk = diskWithoutHints();
  const directory = await Directory.open({ path: scratch.at("data"), mode: "write", disk });
  const report = await importSource(directory, { source: lines('{"n":1}\n{"n":2}\n') });
  expect(report).toMatchObject({ records: 2, events: 3, interrupted: false, problemCount: 1 });
  expect(report.problems[0]?.message).toMatch(/is complete.*no room/);
  // Nothing waits to be undone: the session goes on taking events.
  const writer = directory.appendTo(report.id);
  const header = { kind: "emit", type: "test", time: 1, ref: null } as const;
  await writer.append({ ...header, form: "bytes", bytes: new Uint8Array(3) }).durable;
  await directory.closeWriter(writer);
  const reader = directory.session(report.id);
  expect(reader.size).toBe(4);
  reader.close();
  await directory.close();
});

it("an import that is done is not given up any more", async () => {
  const directory = await Directory.open({ path: scratch.at("data"), mode: "write" });
  const writer = await directory.openBulk();
  writer.append({ kind: "emit", type: "test", time: 1, ref: null }, "bytes", new Uint8Array(3));
  await directory.closeWriter(writer);
  await directory.discardBulk(writer);
  expect(directory.sessionIds()).toEqual([writer.id]);
  directory.appendTo(writer.id);
  await directory.close();
});
