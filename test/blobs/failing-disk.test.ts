/** Operations of the disk that fail: nothing is lost, nothing is tried twice, work goes on. */
import { describe, expect, test } from "vitest";
import { codeOf, ReachError, sha256 } from "../../src/base/index.ts";
import { PackBlobs, type PackWrite } from "../../src/blobs/index.ts";
import { codeFrom, commit, holds, problems } from "./blobs.cases.ts";
import { MemoryDisk } from "./memory-disk.ts";
import { noise } from "./samples.ts";

const folder = "blobs";

function full(): never {
  throw new ReachError("DISK_FULL", "no room");
}

/** Lets `operation` fail at its `n`-th call, counted from 0, and never again. */
function failAt(
  disk: MemoryDisk,
  operation: "beforeWrite" | "beforeSync" | "beforeRead",
  n: number,
): () => boolean {
  let calls = 0;
  disk[operation] = () => {
    calls += 1;
    if (calls === n + 1) full();
  };
  return () => calls > n;
}

function works(disk: MemoryDisk): void {
  disk.beforeWrite = () => undefined;
  disk.beforeSync = () => undefined;
  disk.beforeRead = () => undefined;
}

describe("a full disk", () => {
  test("stops a bulk writer for good; another one goes on when there is room", async () => {
    for (const operation of ["beforeWrite", "beforeSync"] as const) {
      const disk = new MemoryDisk();
      const store = await PackBlobs.open(disk, folder, "write", { packBytesMax: 20_000 });
      const kept = noise(30_000, 1);
      const writer = store.openBulk();
      writer.put(kept);
      const mark = await writer.sync();
      failAt(disk, operation, 0);
      const lost = noise(30_000, 2);
      const failure = (async () => {
        writer.put(lost);
        await writer.sync();
      })();
      await expect(failure).rejects.toMatchObject({ code: "DISK_FULL" });
      works(disk);
      expect(codeFrom(() => writer.put(lost))).toBe("CLOSED");
      await expect(writer.sync()).rejects.toMatchObject({ code: "CLOSED" });
      expect(codeFrom(() => writer.close())).toBe("CLOSED");
      writer.abandon();
      await store.cut(mark.pack, mark.size);
      expect(holds(store, kept)).toBe(true);
      const next = store.openBulk();
      next.put(lost);
      await next.sync();
      next.close();
      expect(holds(store, lost)).toBe(true);
      expect(problems(store, kept, lost)).toEqual([]);
      store.close();
      expect(disk.openFiles).toBe(0);
    }
  });

  test("lets a write be applied again once there is room", async () => {
    const disk = new MemoryDisk();
    const store = await PackBlobs.open(disk, folder, "write");
    const bytes = noise(30_000, 3);
    failAt(disk, "beforeWrite", 0);
    expect(codeFrom(() => store.stage(bytes))).toBe("DISK_FULL");
    works(disk);
    const staged = store.stage(bytes);
    failAt(disk, "beforeWrite", 0);
    expect(codeFrom(() => commit(store, staged))).toBe("DISK_FULL");
    works(disk);
    expect(staged.entries.length).toBe(1);
    commit(store, staged);
    expect(holds(store, bytes)).toBe(true);
  });

  test("costs no more than an index when a store is closed", async () => {
    const disk = new MemoryDisk();
    const store = await PackBlobs.open(disk, folder, "write");
    const bytes = noise(30_000, 4);
    commit(store, store.stage(bytes));
    disk.beforeWrite = full;
    store.close();
    works(disk);
    const reader = await PackBlobs.open(disk, folder, "read");
    expect(disk.list(folder).filter((name) => name.endsWith(".idx"))).toEqual([]);
    expect(holds(reader, bytes)).toBe(true);
  });
});

describe("a read that fails once", () => {
  const first = noise(9000, 20);
  const second = noise(9000, 21);

  /** A pack without its index, and what a recovery would write to it once more. */
  async function left(): Promise<{ disk: MemoryDisk; writes: readonly PackWrite[] }> {
    const disk = new MemoryDisk();
    const store = await PackBlobs.open(disk, folder, "write");
    commit(store, store.stage(first));
    const staged = store.stage(second);
    const writes = staged.entries;
    commit(store, staged);
    store.close();
    for (const name of disk.list(folder)) {
      if (name.endsWith(".idx")) disk.remove(`${folder}/${name}`);
    }
    return { disk, writes };
  }

  test("hides nothing of a pack, neither from this process nor from the next", async () => {
    let failures = 0;
    for (let n = 0; ; n++) {
      const { disk, writes } = await left();
      const store = await PackBlobs.open(disk, folder, "write");
      const reached = failAt(disk, "beforeRead", n);
      const apply = (): void => {
        for (const write of writes) store.apply(write);
      };
      const failed = [codeFrom(apply), codeFrom(() => holds(store, first))].includes("DISK_FULL");
      works(disk);
      if (!reached()) break;
      failures += failed ? 1 : 0;
      apply();
      for (const bytes of [first, second]) expect(holds(store, bytes), `read ${n}`).toBe(true);
      store.close();
      const next = await PackBlobs.open(disk, folder, "read");
      for (const bytes of [first, second]) expect(holds(next, bytes), `read ${n}`).toBe(true);
    }
    expect(failures).toBeGreaterThan(2);
  });

  test("leaves the damage known that a pack has", async () => {
    const { disk } = await left();
    const path = `${folder}/00000001.pack`;
    const bytes = disk.bytesOf(path);
    bytes[500] = (bytes[500] as number) ^ 1;
    disk.replace(path, bytes);
    let failures = 0;
    for (let n = 0; ; n++) {
      const store = await PackBlobs.open(disk, folder, "read");
      expect(codeFrom(() => store.get(sha256(first)))).toBe("BLOB_CORRUPT");
      const reached = failAt(disk, "beforeRead", n);
      const code = codeFrom(() => store.get(sha256(first)));
      works(disk);
      if (!reached()) break;
      failures += code === "DISK_FULL" ? 1 : 0;
      expect(codeFrom(() => store.get(sha256(first)))).toBe("BLOB_CORRUPT");
    }
    expect(failures).toBeGreaterThan(2);
  });
});

describe("a collection that fails anywhere", () => {
  const live = [noise(5000, 10), noise(40_000, 11), noise(300, 12)];
  const dead = [noise(50_000, 13), noise(50_000, 14), noise(50_000, 15)];
  const names = live.map((bytes) => sha256(bytes));

  async function filled(): Promise<MemoryDisk> {
    const disk = new MemoryDisk();
    const store = await PackBlobs.open(disk, folder, "write", { packBytesMax: 60_000 });
    for (let i = 0; i < 3; i++) {
      commit(store, store.stage(live[i] as Uint8Array));
      commit(store, store.stage(dead[i] as Uint8Array));
    }
    store.close();
    return disk;
  }

  test("leaves every live blob whole, and the next one completes", async () => {
    let failures = 0;
    for (const operation of ["beforeWrite", "beforeSync"] as const) {
      for (let n = 0; ; n++) {
        const disk = await filled();
        const store = await PackBlobs.open(disk, folder, "write", { packBytesMax: 60_000 });
        const reached = failAt(disk, operation, n);
        const code = await store.collect(names).then(() => "done", codeOf);
        if (!reached()) break;
        failures += 1;
        works(disk);
        expect(["done", "DISK_FULL"]).toContain(code);
        for (const open of [store, await PackBlobs.open(disk, folder, "write")]) {
          expect(problems(open, ...live)).toEqual([]);
          for (const bytes of live) expect(holds(open, bytes)).toBe(true);
        }
        const again = await PackBlobs.open(disk, folder, "write", { packBytesMax: 60_000 });
        await again.collect(names);
        expect(problems(again, ...live)).toEqual([]);
        expect(disk.packBytes).toBeLessThan(60_000);
      }
    }
    expect(failures).toBeGreaterThan(5);
  });

  test("has damage in what is live: nothing is removed", async () => {
    const disk = await filled();
    const path = `${folder}/00000001.pack`;
    const bytes = disk.bytesOf(path);
    bytes[1000] = (bytes[1000] as number) ^ 1;
    disk.replace(path, bytes);
    const before = disk.list(folder).filter((name) => name.endsWith(".pack"));
    const store = await PackBlobs.open(disk, folder, "write", { packBytesMax: 60_000 });
    await expect(store.collect(names)).rejects.toMatchObject({ code: "BLOB_CORRUPT" });
    expect(disk.list(folder).filter((name) => name.endsWith(".pack"))).toEqual(before);
  });

  test("keeps a damaged pack of which something may still be needed", async () => {
    const disk = await filled();
    const store = await PackBlobs.open(disk, folder, "write", { packBytesMax: 60_000 });
    const path = `${folder}/00000001.pack`;
    const bytes = disk.bytesOf(path);
    const at = bytes.length - 500;
    bytes[at] = (bytes[at] as number) ^ 1;
    disk.replace(path, bytes);
    for (const name of disk.list(folder))
      if (name.endsWith(".idx")) disk.remove(`${folder}/${name}`);
    await store.collect(names);
    for (const bytes of live) expect(holds(store, bytes)).toBe(true);
    expect(disk.exists(path)).toBe(true);
  });
});
