// A disk that fails while it makes durable what an import wrote: the error is the disk's, and not
// what it kept others from doing.

import { afterEach, beforeEach, expect, it } from "vitest";
import { ReachError } from "../../src/base/index.ts";
import { type Disk, type DiskFile, nodeDisk } from "../../src/disk/index.ts";
import { importSource, type Source } from "../../src/importers/index.ts";
import { Directory } from "../../src/session/index.ts";
import { Scratch } from "../session/sample-session.ts";

let scratch: Scratch;
beforeEach(() => {
  scratch = new Scratch();
});
afterEach(() => scratch.remove());

/** A disk that has no room when a pack is to be made durable. */
function fullDisk(): Disk {
  const open: Disk["open"] = (path, mode) => {
    const file = nodeDisk.open(path, mode);
    if (!path.endsWith(".pack")) return file;
    const sync = (): Promise<void> => Promise.reject(new ReachError("DISK_FULL", "no room"));
    return new Proxy<DiskFile>(file, {
      get(target, name) {
        const value: unknown = name === "sync" ? sync : Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  };
  return { ...nodeDisk, open };
}

it("an import for which there is no room says so, and is gone", async () => {
  const disk = fullDisk();
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
