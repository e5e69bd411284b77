/** Both drivers of the blob store, and the one on disk with packs of several sizes, do the same. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll } from "vitest";
import { PackBlobs } from "../../src/blobs/index.ts";
import { nodeDisk } from "../../src/disk/index.ts";
import { blobCases } from "./blobs.cases.ts";
import { MemoryBlobs } from "./memory-blobs.ts";
import { MemoryDisk } from "./memory-disk.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "reach-blobs-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

let stores = 0;

blobCases("memory", async () => new MemoryBlobs());
blobCases("packs on this disk", () => {
  stores += 1;
  return PackBlobs.open(nodeDisk, path.join(folder, String(stores)), "write");
});
blobCases("small packs in memory", () =>
  PackBlobs.open(new MemoryDisk(), "blobs", "write", { packBytesMax: 64 * 1024 }),
);
