// An import that is given up after it has filled packs leaves none of them.

import { afterEach, expect, test } from "vitest";
import { Directory } from "../../src/session/index.ts";
import { MemoryDisk } from "../blobs/memory-disk.ts";
import { Random } from "../sim/random.ts";

const KiB = 1024;
const header = { kind: "emit", type: "test", time: 1, ref: null } as const;
let directory: Directory | undefined;
afterEach(() => directory?.close());

test("an import that is given up leaves no packs, however many it has filled", async () => {
  const disk = new MemoryDisk();
  disk.createFolder("home");
  const sizes = { packBytesMax: 48 * KiB };
  directory = await Directory.open({ path: "home/data", mode: "write", disk, sizes });
  const random = new Random("payloads");
  const bulk = await directory.openBulk({});
  for (let n = 0; n < 12; n++) {
    bulk.append(header, "bytes", random.bytes(20 * KiB));
    await bulk.sync();
  }
  expect(disk.packBytes).toBeGreaterThan(200 * KiB);
  await directory.discardBulk(bulk);
  expect(disk.packBytes).toBeLessThan(KiB);
  expect(directory.sessionIds()).toEqual([]);
});
